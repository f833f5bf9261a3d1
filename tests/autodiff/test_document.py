"""docs/dlarray.md lists the functions that have gradients, all of them and no others."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special

from dltoolbox.autodiff.rules.elementwise import STEPS
from dltoolbox.autodiff.tape import FUNCTIONS, NAMED_UFUNCS, UFUNCS

DOCUMENT = Path(__file__).parents[2] / "docs" / "dlarray.md"
if not DOCUMENT.exists():
    pytest.skip("the suite is run without the documents", allow_module_level=True)
PAGE = DOCUMENT.read_text(encoding="utf-8")
X = np.arange(6.0).reshape(2, 3)


def functions_of(module, prefix):
    """Names of functions with rules, shorter names of the same function left out."""
    known = {*FUNCTIONS, *UFUNCS} - set(STEPS)
    found = {}
    for name in sorted(dir(module)):
        value = getattr(module, name, None) if not name.startswith("_") else None
        if callable(value) and not isinstance(value, type) and value in known:
            found[value] = (
                f"{prefix}{name}" if getattr(value, "__name__", "") == name else found.get(value, f"{prefix}{name}")
            )
    return set(found.values())


def gradients_listed():
    named = {f"scipy.special.{name}" for name in NAMED_UFUNCS if hasattr(scipy.special, name)}
    return functions_of(np, "np.") | functions_of(np.linalg, "np.linalg.") | named


def test_the_list_is_complete():
    section = PAGE.split("### Functions with gradients")[1].split("\n\nWhat is not in the list")[0]
    names = set(re.findall(r"`((?:np|scipy)\.[\w.]+)`", section))
    exempt = {name for name in gradients_listed() if name in WITHOUT}
    assert gradients_listed() - exempt - SINCE - names == set()
    names.discard("scipy.special")
    assert {name for name in names if not hasattr_path(name)} == set()
    assert names - gradients_listed() - SINCE == set()


def listed(prefix, names):
    return {f"{prefix}{name}" for name in names.replace("\n", " ").split(" ") if name}


WITHOUT = listed(
    "np.",
    """all any allclose argmax argmin argpartition argsort argwhere array_equal bincount count_nonzero
digitize empty_like flatnonzero full_like histogram imag iscomplexobj isclose isin isneginf isposinf isrealobj lexsort
nanargmax nanargmin ndim nonzero ones_like result_type round around fix searchsorted shape shares_memory size
may_share_memory zeros_like divmod""",
)
SINCE = listed("np.", "matvec vecmat vecdot unstack trapezoid permute_dims matrix_transpose concat astype trapz") | listed(
    "np.linalg.", "vector_norm matrix_norm vecdot matmul outer tensordot cross trace diagonal matrix_transpose"
)


def hasattr_path(name):
    value = {"np": np, "scipy": scipy}[name.split(".")[0]]
    for part in name.split(".")[1:]:
        value = getattr(value, part, None)
    return value is not None or name in SINCE
