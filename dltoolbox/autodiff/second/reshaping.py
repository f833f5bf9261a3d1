"""Ops that move elements or take weighted means of them: linear, so that their gradients are, too.

Their own bodies are in NumPy's words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dltoolbox.autodiff.apply import SECOND, SecondForm, Use, pulled
from dltoolbox.autodiff.tape import Payload, leaf, raw_values
from dltoolbox.ops.base import OPS


def linear_form(function: Callable[..., Any]) -> SecondForm:
    """The second form of a linear op, given by words for it: where its inputs lie does not matter to the gradient."""
    def second(use: Use) -> Sequence[Payload]:
        anywhere = [leaf(raw_values(x)) for x in use.inputs]
        return pulled(function, anywhere, use.attrs, use.gradients, use.needs)
    return second


LINEAR_OPS = ("flatten", "reshape", "permute", "append_spatial_dims", "without_time", "channel_shuffle", "halves",
              "depth_to_space", "space_to_depth", "crop", "resize", "prepend", "position_embedding", "flatten_positions")


def dropout_again(use: Use) -> Sequence[Payload]:
    """The gradient of what was kept; what was dropped stays so."""
    return (use.gradients[0] * raw_values(use.outputs[1]),)


SECOND |= dict.fromkeys(("dropout", "spatial_dropout"), dropout_again)
SECOND |= {name: linear_form(OPS[name].forward) for name in LINEAR_OPS}
