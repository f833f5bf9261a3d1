"""Windows as users give them: 'same' becomes numbers, and what layers and functions refuse they refuse in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from dltoolbox.core.convert import Padding
from dltoolbox.core.dims import times
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Window, same_padding


def resolve(spatial: Sequence[int], size: Sequence[int], stride: Sequence[int], padding: Padding,
            dilation: Sequence[int] | None = None) -> Window:
    """The window for an input of these spatial sizes."""
    extent = Window.of(size, dilation=dilation).extent
    pairs = same_padding(spatial, extent, stride) if isinstance(padding, str) else padding
    return Window.of(size, stride, pairs, dilation)


def check_padding(owner: str, padding: Padding, size: Sequence[int], layer: str = "") -> None:
    """Of a pooling: no region holds nothing but padding."""
    if isinstance(padding, str):
        return
    for pair, extent in zip(padding, size, strict=True):
        if max(pair) >= extent:
            fail(f"{owner}:paddingTooLarge", f"Padding of {max(pair)} is not smaller than the pool size {times(size)}, so "
                 "some regions would hold nothing but padding.", "Use padding of at most the pool size minus 1.",
                 layer=layer)


def check_fits(owner: str, window: Window, spatial: Sequence[int], hint: str, origin: str = "") -> None:
    """``origin`` says, in parentheses, how large the input is and the padding."""
    if not window.fits(spatial):
        padded = [n if n is None else n + sum(pair) for n, pair in zip(spatial, window.padding, strict=True)]
        fail(f"{owner}:windowTooLarge", f"The window of {times(window.extent)} is larger than the padded input of "
             f"{times(padded)}{origin}.", hint)
