"""What ``pytest -m quick`` runs: files of every room that need no extra and little time."""

QUICK = frozenset({
    "architecture/test_imports.py",
})
