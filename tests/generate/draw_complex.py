"""Moves that draw spectral convolutions, and layers of complex data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.generate.dice import need
from tests.generate.draw_attention import factors

if TYPE_CHECKING:
    from tests.generate.draw import Draft


def spectral(draft: Draft, x: str) -> str:
    d, rank = draft.dice, draft.rank(x)
    need(rank > 0)
    modes = [d.number(1, min((n + 1) // 2, 4)) for n in draft.spatial(x)]
    return draft.add(f"spectralConvolution{rank}dLayer", d.one(modes, min(modes)), d.number(1, 8), sources=[x],
                     **d.some(WeightLearnRateFactor=lambda: d.one(0, 2, 1)))


def among_complex(draft: Draft, x: str) -> str:
    """Real and imaginary parts as complex channels, some layers that take those, and back."""
    d = draft.dice
    if draft.channels(x) % 2:
        rank = draft.rank(x)
        x = draft.add(f"convolution{rank}dLayer" if rank else "fullyConnectedLayer", *[1] * (rank > 0), 4, sources=[x])
    x = draft.add("realToComplexLayer", sources=[x])
    for _ in range(d.number(1, 3)):
        factory = d.one("complexReluLayer", "zreluLayer", "identityLayer", "complexFullyConnectedLayer")
        full = factory == "complexFullyConnectedLayer"
        x = draft.add(factory, *[d.number(1, 5)] * full, sources=[x], **(factors(draft, "Weight", "Bias") if full else {}))
    return draft.add("complexToRealLayer", sources=[x])
