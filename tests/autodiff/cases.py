"""Functions of NumPy with inputs on which they are smooth: each gets its derivatives checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special


class Case(NamedTuple):
    """A function and its inputs; ``order``: how often it is differentiated in the test."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    order: int = 2


RNG = np.random.default_rng(14)
CASES: list[Case] = []


def numbers(*shape, low=-2.0, high=2.0):
    """Numbers that differ from one another, so that nothing is at the edge of two choices."""
    return low + (high - low) * (RNG.permutation(int(np.prod(shape))) + 0.35) / max(np.prod(shape), 1) * np.ones(())


def array(*shape, low=-2.0, high=2.0):
    return numbers(*shape, low=low, high=high).reshape(shape)


def case(name, function, *inputs, order=2):
    CASES.append(Case(name, function, tuple(np.asarray(x, float) for x in inputs), order))


def elementwise():
    for ufunc, low, high in (
        (np.log, 0.5, 2),
        (np.log1p, -0.5, 2),
        (np.log2, 0.5, 2),
        (np.log10, 0.5, 2),
        (np.sin, -2, 2),
        (np.cos, -2, 2),
        (np.arcsin, -0.6, 0.6),
        (np.arccos, -0.6, 0.6),
        (np.arctan, -2, 2),
        (np.sinh, -2, 2),
        (np.cosh, -2, 2),
        (np.arcsinh, -2, 2),
        (np.arccosh, 1.5, 2),
        (np.arctanh, -0.6, 0.6),
        (np.square, -2, 2),
        (np.absolute, -2, 2),
        (np.fabs, -2, 2),
        (np.exp, -1, 1),
        (np.exp2, -1, 1),
        (np.expm1, -1, 1),
        (np.sqrt, 0.5, 2),
        (np.cbrt, 0.5, 2),
        (np.tan, -1, 1),
        (np.tanh, -1, 1),
        (np.reciprocal, 0.5, 2),
        (np.negative, -1, 1),
        (np.positive, -1, 1),
        (np.deg2rad, -1, 1),
        (np.rad2deg, -1, 1),
        (np.radians, -1, 1),
        (np.degrees, -1, 1),
        (np.conjugate, -1, 1),
        (np.sinc, 0.2, 2),
        (np.nan_to_num, -1, 1),
        (np.real, -1, 1),
        (np.copy, -1, 1),
        (np.abs, -2, 2),
        (scipy.special.erf, -1, 1),
        (scipy.special.erfc, -1, 1),
        (scipy.special.expit, -2, 2),
        (scipy.special.log_expit, -2, 2),
        (scipy.special.logit, 0.2, 0.8),
        (scipy.special.gammaln, 1, 3),
        (scipy.special.psi, 1, 3),
        (scipy.special.log_ndtr, -2, 2),
        (scipy.special.ndtr, -2, 2),
    ):
        case(ufunc.__name__, ufunc, array(2, 3, low=low, high=high), order=3)
    shapes = [
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((), (2, 2)),
        ((4, 1, 2), (3, 1)),
        ((1,), ()),
        ((3,), (2, 3)),
    ]
    for ufunc in (
        np.add,
        np.subtract,
        np.multiply,
        np.divide,
        np.arctan2,
        np.maximum,
        np.minimum,
        np.fmax,
        np.fmin,
        np.power,
        np.float_power,
        np.hypot,
        np.logaddexp,
        np.logaddexp2,
        np.remainder,
        np.fmod,
        np.copysign,
        scipy.special.xlogy,
        scipy.special.xlog1py,
        np.mod,
    ):
        for one, other in shapes:
            case(f"{ufunc.__name__} {one} {other}", ufunc, array(*one, low=0.6, high=1.9), array(*other, low=0.63, high=2.3))
    case("power of a number", lambda x: x**3 + x**2 + x**1 + x**0 + x**-1 + x**0.5, array(4, low=0.5))
    case("a number to a power", lambda x: 2**x + 1.5**x, array(4))
    case("power of negative numbers", lambda x: x**2 + x**3.0, array(5))
    case("power with an array", lambda x: x ** np.array([2.0, 3.0, 0.0]), array(3))
    case("numbers", lambda x: 2 - x * 3 + 1 / (x + 3) - (-x) / 2 + abs(x), array(2, 3))
    case("arrays at the left", lambda x: np.ones((2, 3)) - np.ones(3) * x, array(2, 3))
    case("divmod", lambda x: divmod(x, 2.5)[1], array(3, low=0.1))
    case("where", lambda x, y: np.where(np.arange(3) > 0, x, y), array(2, 3), array(2, 1))
    case("where with a traced condition", lambda x, y: np.where(x > y, x * x, y), array(2, 3), array(3))
    case("where with numbers", lambda x: np.where(x > 0, x, 0.5) + np.where(x > 0.3, 2, x), array(2, 3))
    case(
        "clip",
        lambda x: np.clip(x, -0.5, 0.7) + x.clip(0.1) + np.clip(x, None, 0.2) + np.clip(x, min=0.1, max=1),
        array(2, 3),
    )
    case("clip by arrays", lambda x, y: np.clip(x, y, 1) + np.clip(x, -1, y * y), array(2, 3), array(3))
    case("select", lambda x: np.select([x > 1, x > 0], [x * x, 3 * x], default=0.5), array(6))
    case("interp", lambda x, f: np.interp(x, [-3, 0, 1, 3], f), array(5), array(4))
    case("ldexp", lambda x: np.ldexp(x, 2), array(3))
    case("round", lambda x: x * np.round(x) + np.floor(x) * x + np.rint(x) * x, array(3))
    case("heaviside", lambda x: x * np.heaviside(x, 0.5) + x * np.sign(x), array(3))
    case("astype", lambda x: x.astype(np.float64) * x.astype(float), array(3))
    case("nan_to_num", np.nan_to_num, array(3))
    case("conjugates", lambda x: x.conj() * x.conjugate() + x.real * x + np.real(x) + np.imag(x) * x, array(3))
    case("real_if_close", np.real_if_close, array(3))


def reductions():
    for axis in (None, 0, -1, (0, 2), (), [1][0]):
        for keepdims in (False, True):
            how = f"axis={axis} keepdims={keepdims}"
            given = {"axis": axis, "keepdims": keepdims}
            for function in (np.sum, np.mean, np.max, np.min, np.prod, np.amax, np.amin, np.ptp):
                case(f"{function.__name__} {how}", lambda x, f=function, k=given: f(x, **k), array(2, 3, 2))
            for ddof in (0, 1):
                if axis != ():
                    case(
                        f"var, std {how} ddof={ddof}",
                        lambda x, k=given, d=ddof: np.var(x, ddof=d, **k) * np.std(x, ddof=d, **k) + x.var(ddof=d, **k),
                        array(2, 3, 2),
                    )
            if axis not in ((0, 2), ()):
                case(
                    f"average {how}",
                    lambda x, w, k=given: np.average(x, weights=w, **k) + np.average(x, **k),
                    array(2, 3, 2),
                    array(2, 3, 2, low=1),
                )
            if axis != ():
                case(f"norm {how}", lambda x, k=given: np.linalg.norm(x, **k), array(2, 3, 2))
                case(f"logsumexp {how}", lambda x, k=given: np.logaddexp.reduce(x, **k), array(2, 3, 2))
            case(
                f"nansum {how}",
                lambda x, k=given: np.nansum(x, **k) + np.nanmean(x, **k) + np.nanmax(x, **k) + np.nanmin(x, **k),
                array(2, 3, 2),
                order=2,
            )
            case(f"median {how}", lambda x, k=given: np.median(x, **k) * np.sum(x, **k), array(3, 3, 2))
    for axis in (None, 0, 1, -1):
        case(f"cumsum {axis}", lambda x, a=axis: np.cumsum(x, a) * x.cumsum(a), array(2, 3))
        case(f"cumprod {axis}", lambda x, a=axis: np.cumprod(x, a) + x.cumprod(a), array(2, 3))
        case(f"sort {axis}", lambda x, a=axis: np.sort(x, a) ** 2, array(2, 3))
        case(f"diff {axis}", lambda x, a=axis: np.diff(x, axis=a if a is not None else -1) ** 2, array(2, 3))
        case(
            f"logaddexp.reduce {axis}",
            lambda x, a=axis: (
                np.add.reduce(x * x, axis=a)
                + np.maximum.reduce(x, axis=a)
                + np.multiply.reduce(x, axis=a)
                + np.minimum.reduce(x, axis=a)
            ),
            array(2, 3),
        )
    for ord in (None, 1, 2, 3, 2.5, np.inf, -np.inf, 0.5):
        case(
            f"vector norm {ord}",
            lambda x, o=ord: (
                np.linalg.norm(x, o)
                + np.linalg.norm(np.stack([x, 2 * x]), o, axis=1)[1]
                + np.linalg.vector_norm(x, ord=2 if o is None else o)
                + np.linalg.vector_norm(np.stack([x, 2 * x]), axis=0, keepdims=True).sum()
            ),
            array(4, low=0.5),
        )
    for ord in (None, "fro", 1, -1, np.inf, -np.inf):
        case(
            f"matrix norm {ord}",
            lambda x, o=ord: (
                np.linalg.norm(x, o)
                + np.linalg.norm(np.stack([x, 2 * x]), "fro" if o is None else o, axis=(1, 2))[1]
                + np.linalg.matrix_norm(x, ord="fro" if o is None else o, keepdims=True)
            ),
            array(3, 3),
        )
    case("diff n=2", lambda x: np.diff(x, 2, 0) ** 2 + np.diff(x**2, n=2, axis=0), array(4, 2))
    case("trapezoid", lambda x, y: np.trapezoid(y, x) + np.trapezoid(y, dx=0.5) + np.trapezoid(y), array(4), array(4))
    case("methods", lambda x: x.sum() + x.mean(0) @ x.max(0) + x.min() * x.prod() + x.var() + x.std(), array(2, 3))
    case("dtype", lambda x: np.sum(x, dtype=np.float64) + x.mean(dtype=float), array(2, 3))
    case("max with initial", lambda x: np.sum(x * x, where=np.array([True, False, True]), initial=2.0), array(2, 3))
    case(
        "quantile",
        lambda x: np.quantile(x, 0.3) + np.percentile(x, 60) * np.quantile(x, [0.1, 0.8], axis=0).sum(),
        array(4, 2),
    )


def arranging():
    for name, function in {
        "reshape": lambda x: np.reshape(x, (3, 4)) + x.reshape(3, -1) + x.reshape((3, 4)) + x.reshape(3, 4, order="F"),
        "ravel": lambda x: np.ravel(x) + x.ravel() + x.ravel("F") + x.flatten() + np.ravel(x, order="F"),
        "transpose": lambda x: np.transpose(x) + x.T + x.transpose() + x.transpose(2, 1, 0) + np.permute_dims(x, (2, 1, 0)),
        "transpose axes": lambda x: x.transpose(1, 2, 0) * np.transpose(x, (1, -1, 0)),
        "moveaxis": lambda x: np.moveaxis(x, 0, -1) + np.moveaxis(x, [0, 1], [2, 0]) + np.rollaxis(x, 0, 3),
        "swapaxes": lambda x: np.swapaxes(x, 0, 2) + x.swapaxes(-1, 0),
        "matrix_transpose": lambda x: np.matrix_transpose(x) ** 2 + np.linalg.matrix_transpose(x),
        "squeeze": lambda x: np.squeeze(x[:1]) + x[:1].squeeze(0) + np.squeeze(x[:1], axis=(0,)),
        "expand_dims": lambda x: np.expand_dims(x, 1) * np.expand_dims(x, (0, 2))[0][:, 0][:, None],
        "broadcast_to": lambda x: np.broadcast_to(x, (3, 2, 3, 2)) ** 2 + np.broadcast_to(x[:1], (2, 3, 2)),
        "broadcast_arrays": lambda x: np.multiply(*np.broadcast_arrays(x, x[:1])),
        "take": lambda x: np.take(x, [0, 3, 3]) * np.take(x, [1, 1, 0], axis=1)[0, :, 0] + x.take([0, 1, 5]),
        "take_along_axis": lambda x: (
            np.take_along_axis(x, np.argsort(x, 1), 1) ** 2
            + np.take_along_axis(x, np.array([2, 2, 5])[None, :, None] % 2, 0)
        ),
        "concatenate": lambda x: np.concatenate([x, 2 * x, np.ones((1, 3, 2))]) ** 2 + np.concat([x, x, x[:1]], axis=0),
        "concatenate flat": lambda x: np.concatenate((x, np.array([1.0])), axis=None) * np.append(x, 1.0),
        "append": lambda x: np.append(x, x * x, axis=1),
        "negative axis": lambda x: np.concatenate([x, x * x], -1),
        "stack": lambda x: np.stack([x, x * x], axis=1) + np.stack([x, x], -3),
        "stack last": lambda x: np.stack([x, 3 * x], -1),
        "hstack": lambda x: np.hstack([x, x * x]),
        "vstack": lambda x: np.vstack([x[0], x[1] ** 2]),
        "vstack vectors": lambda x: np.vstack([x[0, 0], x[1, 0] ** 2]),
        "hstack vectors": lambda x: np.hstack([x[0, 0], x[1, 0, 0]]),
        "dstack": lambda x: np.dstack([x, x * x]),
        "column_stack": lambda x: np.column_stack([x[0, :, 0], x[1]]),
        "block": lambda x: np.block([[x[0], x[1]], [x[1] * 2, np.ones((3, 2))]]),
        "split": lambda x: sum(part.sum() * (i + 1) for i, part in enumerate(np.split(x * x, 3, axis=1))),
        "array_split": lambda x: sum(part.sum() * (i + 1) for i, part in enumerate(np.array_split(x * x, 2, 1))),
        "split at": lambda x: sum(part.sum() * i for i, part in enumerate(np.split(x * x, [1, 2, 2], axis=-2))),
        "vsplit": lambda x: np.vsplit(x, 2)[1] * np.hsplit(x, 3)[0] + np.dsplit(x, 2)[0],
        "unstack": lambda x: np.multiply(*np.unstack(x)),
        "tile": lambda x: np.tile(x * x, (2, 1, 3)) + np.tile(x, 3)[0, 0, 0],
        "repeat": lambda x: np.repeat(x, 2, 1) * x.repeat(2, axis=1),
        "repeat each": lambda x: np.repeat(x, [2, 0, 1], axis=1) ** 2,
        "roll": lambda x: np.roll(x, 1, 1) * np.roll(x, 2),
        "flip": lambda x: np.flip(x) * np.flip(x, 1) + np.flip(x, (0, 2)) + np.fliplr(x) + np.flipud(x) + x[::-1],
        "rot90": lambda x: np.rot90(x, 1, (0, 1)) ** 2,
        "tril": lambda x: np.tril(x) * np.triu(x, -1) + np.triu(x),
        "diagonal": lambda x: np.diagonal(x) * np.diagonal(x, 0, 0, 1) + x.diagonal() + np.linalg.diagonal(x, offset=-1)[0],
        "diag": lambda x: (
            np.diag(x[0, :, 0]) @ np.diag(x[1, :, 0], 0)
            + np.diag(x[0], -1).sum()
            + np.diag(x[0, :2, 0], 1)
            + np.diag(x[0, :2, 1], -1)
            + np.diagflat(x[0, :, 0])
        ),
        "trace": lambda x: np.trace(x) + x.trace() + np.linalg.trace(x)[0],
        "meshgrid": lambda x: np.multiply(*np.meshgrid(x[0, 0], x[1, :, 0])),
        "delete": lambda x: np.delete(x, 1, axis=1) ** 2,
        "insert": lambda x: np.insert(x, 1, 2.0, axis=1) ** 2,
        "resize": lambda x: np.resize(x, (4, 5)) ** 2,
        "compress": lambda x: np.compress([True, False, True], x, axis=1) ** 2,
        "extract": lambda x: np.extract(x > 0, x) ** 2,
        "choose": lambda x: np.choose([0, 1, 0], [x[0, :, 0] ** 2, x[1, :, 0]]),
        "atleast": lambda x: np.atleast_2d(x[0, 0]) + np.atleast_1d(x[0, 0, 0]) * np.atleast_3d(x[0])[0, 0, 0],
        "partition": lambda x: np.partition(x, 2, axis=None)[:3].sum() ** 2,
        "unwrap": lambda x: np.unwrap(3 * x, axis=1) ** 2,
        "gradient": lambda x: np.gradient(x, axis=1) ** 2 if hasattr(np, "gradient") else x,
    }.items():
        case(name, function, array(2, 3, 2))
    for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
        case(
            f"pad {mode}",
            lambda x, m=mode: np.pad(x, ((1, 2), (0, 1)), m) ** 2 + np.pad(x, ((2, 1), (1, 0)), mode=m),
            array(3, 2),
        )
    case("pad with a number", lambda x: np.pad(x, 1, constant_values=3) ** 2 + np.pad(x, (1, 1)), array(3, 2))


INDICES = {
    "number": 1,
    "negative": -1,
    "slice": slice(1, None),
    "step": slice(None, None, 2),
    "backwards": slice(None, None, -1),
    "two": (1, 2),
    "newaxis": (None, slice(None), None, 1),
    "ellipsis": (..., 1),
    "ellipsis between": (0, ..., slice(1)),
    "list": [2, 0, 2],
    "array": np.array([[0, 1], [1, 1]]),
    "two arrays": (np.array([0, 1, 1]), np.array([2, 2, 2])),
    "mask": np.arange(12).reshape(3, 4) % 3 == 0,
    "mask of rows": np.array([True, False, True]),
    "empty": [],
    "empty slice": slice(2, 2),
    "array and slice": (slice(None), [0, 0, 3]),
    "ix_": np.ix_([0, 2, 2], [1, 3]),
    "array with a number": ([0, 0, 2], 1),
    "arrays apart": (np.array([0, 1]), None, np.array([1, 1])),
    "numpy number": np.int64(2),
    "none at all": (),
    "true": True,
    "negative array": (np.array([-1, -1, 0]),),
    "mask and slice": (np.array([True, False, True]), slice(1, 3)),
    "whole": ...,
}


def indexing():
    for name, index in INDICES.items():
        case(f"indexing by {name}", lambda x, i=index: x[i] ** 2, array(3, 4))
        case(f"assignment by {name}", lambda x, y, i=index: assigned(x, i, y), array(3, 4), np.array(1.7))
    case("assigning rows", lambda x, y: assigned(x, (slice(1, 3),), y), array(3, 4), array(4))
    case("assigning columns", lambda x, y: assigned(x, (slice(None), [0, 2]), y), array(3, 4), array(3, 1))
    case("assigning numbers", lambda x: assigned(x, x > 0, 2.0), array(3, 4))
    case("assigning into constants", lambda y: assigned(0 * y[:1] * np.ones((3, 4)), (1,), y), array(4))
    case("put_along_axis", lambda x: x[np.arange(3), np.argmax(x, 1)] ** 2, array(3, 4))


def assigned(x, index, y):
    z = x * x
    z[index] = y * 1.0
    return z * z


def products():
    for one, other in (
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (4, 3, 2)),
        ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)),
        ((1, 3), (3, 1)),
        ((2, 0), (0, 3)),
    ):
        case(f"matmul {one} {other}", lambda x, y: (x @ y) ** 2 + np.matmul(x, y), array(*one), array(*other))
    for one, other in (((2, 3), (3, 4)), ((3,), (3,)), ((), (3,)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((2, 3), ())):
        case(f"dot {one} {other}", lambda x, y: np.dot(x, y) ** 2 + x.dot(y), array(*one), array(*other))
    for one, other in (((2, 3), (4, 3)), ((3,), (3,)), ((2, 3), (3,)), ((2,), ())):
        case(f"inner {one} {other}", lambda x, y: np.inner(x, y) ** 2, array(*one), array(*other))
    case("outer", lambda x, y: np.outer(x, y) ** 2 + np.multiply.outer(x, y) + np.add.outer(x, y), array(3), array(4))
    case("vdot", lambda x, y: np.vdot(x, y) ** 2, array(2, 3), array(2, 3))
    case("vecdot", lambda x, y: np.vecdot(x, y) ** 2 + np.linalg.vecdot(x, y), array(2, 3), array(3))
    case("matvec", lambda x, y: np.matvec(x, y) ** 2, array(4, 2, 3), array(4, 3))
    case("vecmat", lambda x, y: np.vecmat(y, x) ** 2, array(4, 2, 3), array(4, 2))
    case("kron", lambda x, y: np.kron(x, y) ** 2, array(2, 3), array(2, 2))
    case("cross", lambda x, y: np.cross(x, y) ** 2, array(4, 3), array(3))
    for axes in (1, ((1,), (0,)), ([0, 1], [1, 0]), 0, 2):
        case(f"tensordot {axes}", lambda x, y, a=axes: np.tensordot(x, y, a) ** 2, array(3, 3), array(3, 3))
    for subscripts, *shapes in (
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("ij,jk", (2, 3), (3, 4)),
        ("ij->ji", (2, 3)),
        ("ij->", (2, 3)),
        ("ij->j", (2, 3)),
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        ("i,j,k->ijk", (2,), (3,), (2,)),
        ("ij,ij->i", (2, 3), (2, 3)),
        ("...ij,jk->...ik", (2, 2, 3), (3, 4)),
        ("ii->i", (3, 3)),
        ("ii", (3, 3)),
        ("ii,i->i", (3, 3), (3,)),
        ("iij->ij", (2, 2, 3)),
        ("i...,i...->...", (2, 3), (2, 3)),
        ("ij , jk -> ik", (2, 3), (3, 2)),
        ("ij,kl->il", (2, 3), (2, 2)),
        ("...i->...", (2, 3, 4)),
        ("...,...->...", (3,), (2, 1)),
    ):
        case(f"einsum {subscripts}", lambda *x, s=subscripts: np.einsum(s, *x) ** 2, *(array(*shape) for shape in shapes))
    case(
        "einsum of axes",
        lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [0, 2]) ** 2 + np.einsum("ij,jk->ik", x, y, optimize=True),
        array(2, 3),
        array(3, 4),
    )
    matrix = array(3, 3) + 4 * np.eye(3)
    stack = array(2, 3, 3) + 5 * np.eye(3)
    case("solve", lambda a, b: np.linalg.solve(a, b), matrix, array(3, 2))
    case("solve a vector", np.linalg.solve, matrix, array(3))
    case("solve a stack", np.linalg.solve, stack, array(2, 3, 2))
    case("solve a stack of one", np.linalg.solve, stack, array(3, 2))
    case("solve by one matrix", np.linalg.solve, matrix, array(2, 3, 2))
    case("inv", np.linalg.inv, matrix)
    case("inv of a stack", np.linalg.inv, stack)
    case("det", np.linalg.det, matrix)
    case("det of a stack", np.linalg.det, stack)
    case("slogdet", lambda a: np.linalg.slogdet(a)[1] * np.linalg.slogdet(a).sign, matrix)
    case("slogdet of a stack", lambda a: np.linalg.slogdet(a).logabsdet, stack)
    case(
        "matrix_power",
        lambda a: np.linalg.matrix_power(a, 3) + np.linalg.matrix_power(a, -1) + np.linalg.matrix_power(a, 0),
        matrix,
    )
    case("cholesky", lambda a: np.linalg.cholesky(a @ np.swapaxes(a, -1, -2)), matrix)
    case("multi_dot", lambda a, b: np.linalg.multi_dot([a, b, a]), matrix, array(3, 3))
    case("convolve", lambda x, y: np.convolve(x, y) ** 2 + np.convolve(x, y, "full"), array(5), array(3))
    case("convolve same", lambda x, y: np.convolve(x, y, "same") ** 2, array(5), array(3))
    case("convolve valid", lambda x, y: np.convolve(x, y, mode="valid") ** 2 + np.correlate(x, y) ** 2, array(5), array(3))
    case("polyval", lambda p, x: np.polyval(p, x), array(3), array(4))
    case("correlation", lambda x: np.cov(x), array(3, 5))


for group in (elementwise, reductions, arranging, indexing, products):
    group()
