"""Imports run one way.

core ← runtime ← data, ops ← layers ← network ← architectures, exchange, program ← report, engines ← train ← loops
← command line
"""

import ast
from pathlib import Path

import pytest

import dltoolbox

ROOT = Path(dltoolbox.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

BELOW_NETWORK = {"core", "runtime", "data", "ops", "autodiff", "layers"}
MAY_IMPORT = {
    "core": set(),
    "runtime": {"core"},
    "data": {"core", "runtime"},
    "ops": {"core", "runtime"},
    "kernels": {"core", "runtime", "ops"},
    "autodiff": {"core", "runtime", "ops"},
    "functions": {"core", "ops", "autodiff"},
    "layers": {"core", "runtime", "data", "ops", "autodiff"},
    "network": BELOW_NETWORK,
    "program": BELOW_NETWORK | {"network", "kernels"},
    "architectures": BELOW_NETWORK | {"network"},
    "exchange": BELOW_NETWORK | {"network"},
    "engines": BELOW_NETWORK | {"network", "program"},
    "train": BELOW_NETWORK | {"network", "program", "exchange", "engines"},
    "loops": BELOW_NETWORK | {"network", "program", "exchange", "engines", "train"},
    "report": BELOW_NETWORK | {"network", "exchange"},
    "port": {"core"},
    "testing": BELOW_NETWORK | {"network", "program", "train", "functions"},
}
# Files of no room, which see everything.
NAMESPACE = {"__init__", "_stubs", "absent", "cli", "demo", "doctor", "methods", "__main__"}

# Imports inside functions, each with its reason.
LATE = {
    ("autodiff/dlarray.py", "dltoolbox.autodiff.protocol"): "it makes dlarrays, and they answer NumPy by it",
    ("autodiff/rules/elementwise.py", "scipy.special"): "it is there where somebody has called it",
    ("layers/base.py", "dltoolbox.layers.display"): "the display is made of layers, and a layer prints itself",
    ("data/categorical.py", "dltoolbox.data.numpy_functions"): "they are made of labels, and labels answer NumPy by them",
    ("data/samples.py", "scipy"): "importing it takes a while, and only turned digits need it",
    ("exchange/writers/matlab.py", "scipy.io"): "importing it takes a while, and only parameters need it",
    ("ops/complex_numbers/spectral.py", "scipy"): "its transforms load a library, which needs room",
    ("kernels/compiled_products.py", "numba.extending"): "as numba in kernels/numba_support.py",
    ("kernels/numba_support.py", "numba"): "it is optional, and importing it takes a while",
    ("kernels/numba_support.py", "numba.core"): "as numba",
    ("ops/activation.py", "scipy.special"): "importing it takes a while, and only GELU needs it",
    ("ops/sequences/embedding.py", "scipy.sparse"): "as scipy.special, and only training of embedded words needs it",
    ("report/analyze.py", "webbrowser"): "as dltoolbox.report.html",
    ("report/analyze.py", "dltoolbox.report.html"): "it draws with scipy.sparse, which takes a while to import",
    ("report/command.py", "dltoolbox.report.html"): "as in report/analyze.py",
    ("train/solvers.py", "scipy.linalg.blas"): "importing it takes a while, and clipping is rare",
}
FREE = ("core/packages.py", "cli.py")  # importing late is their purpose: optional packages, and what one command needs


def name(path):
    return path.relative_to(ROOT).as_posix()


def room(path):
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def modules(node):
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [node.module] if node.module != "dltoolbox" else [f"dltoolbox.{alias.name}" for alias in node.names]
    return []


def imports(tree):
    """Every import with whether it stands inside a function."""
    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            yield from ((module, inside) for module in modules(child))
            yield from walk(child, inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))
    return walk(tree, False)


def forbidden(path, tree):
    """Imports of a room that this file's room may not see."""
    own = room(path)
    if own in NAMESPACE:
        return []
    late = {module for file, module in LATE if file == name(path)}
    return [module for module, inside in imports(tree)
            if module.startswith("dltoolbox.") and module.split(".")[1] not in MAY_IMPORT[own] | {own}
            and not (inside and module in late)]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_run_one_way(path):
    assert forbidden(path, TREES[path]) == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_late_imports_are_listed_with_a_reason(path):
    late = {(name(path), module) for module, inside in imports(TREES[path]) if inside}
    free = {one for one in late if one[0] in FREE}
    assert late - free - set(LATE) == set()


def test_every_listed_late_import_exists():
    found = {(name(path), module) for path, tree in TREES.items() for module, inside in imports(tree) if inside}
    assert {one for one in LATE if (ROOT / one[0]).exists()} <= found


def test_only_the_program_uses_kernels_and_the_doctor_looks_at_them():
    users = {room(path) for path, tree in TREES.items() for module, _ in imports(tree)
             if module.startswith("dltoolbox.kernels")}
    assert users <= {"kernels", "program", "doctor"}


def test_the_walker_sees_late_and_wrong_imports():
    tree = ast.parse("from dltoolbox.network import lowering\ndef f():\n    import dltoolbox.kernels.base\n")
    assert list(imports(tree)) == [("dltoolbox.network", False), ("dltoolbox.kernels.base", True)]
    assert forbidden(ROOT / "ops" / "x.py", tree) == ["dltoolbox.network", "dltoolbox.kernels.base"]


def test_nothing_optional_is_imported_at_the_top():
    optional = {"torch", "onnx", "numba", "cupy", "matplotlib", "pandas", "PIL"}
    assert [(name(path), module) for path, tree in TREES.items() for module, inside in imports(tree)
            if module.split(".")[0] in optional and not inside] == []
