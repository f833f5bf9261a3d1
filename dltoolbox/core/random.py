"""Named random streams: one seed, one independent stream per purpose.

Drawing from one stream never moves another, so adding a dropout layer does not change the initial weights of the
convolutions or the order of the observations. ``rng(0)`` restarts all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show

STREAMS = ("initialisation", "shuffle", "dropout", "augmentation")
GENERATORS = ("twister", "simdtwister", "combrecursive", "multfibonacci", "philox", "threefry", "v4", "v5uniform",
              "v5normal")


@dataclass(frozen=True)
class RandomState:
    """The result of `rng`: a value that `rng` accepts to restore every stream."""

    Seed: int
    states: tuple[dict[str, Any], ...] = field(repr=False)


class _Streams:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        keys = np.random.SeedSequence(seed).spawn(len(STREAMS))
        self.generators = {name: np.random.Generator(np.random.PCG64(key))
                           for name, key in zip(STREAMS, keys, strict=True)}


_current = _Streams(0)


def stream(name: str) -> np.random.Generator:
    """The generator of one purpose; see `STREAMS`."""
    return _current.generators[name]


def rng(seed: int | str | RandomState | None = None, generator: str = "twister") -> RandomState:
    """Restart, restore or query the random streams, as MATLAB's ``rng``.

    Args:
        seed: A non-negative integer restarts all streams from it; ``'default'`` is 0; ``'shuffle'`` takes entropy from
            the system; a value that ``rng`` returned restores the streams; nothing only queries.
        generator: Any of MATLAB's names, so that ``rng(0, 'twister')`` works; there is one generator here.

    Returns:
        The state before the call: ``s = rng(); ...; rng(s)`` repeats what lies between.

    Example:
        >>> from dltoolbox.core.random import rng, stream
        >>> before = rng(0)
        >>> first = stream("shuffle").integers(100)
        >>> _ = rng(0)
        >>> bool(first == stream("shuffle").integers(100))
        True

    Note:
        The streams are NumPy's PCG64, not MATLAB's Mersenne twister: runs repeat bit for bit here, but initial weights
        differ from those of a MATLAB session with the same seed.
    """
    global _current
    if not isinstance(generator, str) or generator.lower() not in GENERATORS:
        fail("rng:invalidGenerator", f"The generator must be one of MATLAB's, but it is {show(generator)}.",
             f"Leave it out, or pass one of {', '.join(map(repr, GENERATORS))}.")
    before = RandomState(_current.seed, tuple(dict(g.bit_generator.state) for g in _current.generators.values()))
    if seed is None:
        return before
    if isinstance(seed, RandomState):
        _current = _Streams(seed.Seed)
        for stream_generator, state in zip(_current.generators.values(), seed.states, strict=True):
            stream_generator.bit_generator.state = state
    else:
        _current = _Streams(_seed(seed))
    return before


def _seed(seed: Any) -> int:
    if isinstance(seed, str) and seed.lower() in ("default", "shuffle"):
        return 0 if seed.lower() == "default" else int(np.random.SeedSequence().generate_state(1)[0])
    whole = isinstance(seed, (int, np.integer)) or (isinstance(seed, float) and seed.is_integer())
    if whole and not isinstance(seed, bool) and seed >= 0:
        return int(seed)
    fail("rng:invalidSeed", "The seed must be a non-negative integer, 'default', 'shuffle' or a value returned by "
         f"rng; it is {show(seed)}.", "Call for example rng(0).")
