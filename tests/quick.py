"""What ``pytest -m quick`` runs: files of every room that need no extra and little time."""

ROOMS = {
    "architecture": "documents names",
    "architectures": "segnet table",
    "autodiff": "labels_of_results tape",
    "calls": "surgery",
    "cli": "analyze doctor",
    "core": "display errors properties unknown",
    "custom": "custom_mistakes",
    "data": "categorical metrics nargout onehot samples",
    "docs": "builder",
    "engines": "environments",
    "examples": "readme",
    "exchange": "archive",
    "functions": "functions",
    "kernels": "blocking im2col_3d",
    "layers": "bad_values defaults sizes texts",
    "loops": "updates",
    "network": "analysis dlnetwork faults naming summary surgery",
    "ops": "builder identities pooling",
    "program": "passes",
    "report": "analyze compare document html",
    "runtime": "cpu thread_team threads",
    "testing": "check_layer",
    "train": "arguments options progress targets train_network train_network_course train_network_faults",
}
QUICK = frozenset(f"{room}/test_{name}.py" for room, names in ROOMS.items() for name in names.split())
