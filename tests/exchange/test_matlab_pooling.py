"""toMATLAB of poolings that MATLAB does not have: as padding in numbers, as a function layer, or with a note."""

from __future__ import annotations

import warnings

import pytest

from dltoolbox import averagePooling2dLayer, imageInputLayer, maxPooling2dLayer, stochasticPooling2dLayer, toMATLAB
from dltoolbox.layers.base import Layer

UP = {"Stride": 2, "Rounding": "ceil"}


@pytest.mark.parametrize(("layer", "code", "note"), [
    (maxPooling2dLayer(3, **UP), 'maxPooling2dLayer([3 3],"Name","p","Stride",[2 2],"Padding",[0 1 0 1])', ""),
    (averagePooling2dLayer(3, **UP), '"Padding",[0 1 0 1],"PaddingValue","mean")', ""),
    (averagePooling2dLayer(3, Padding=1, **UP), '"Padding",[1 1 1 1])', "no Rounding; it is left out"),
    (maxPooling2dLayer(2, Padding="same-lower", Stride=2), '"Padding",[1 0 1 0])', ""),
    (maxPooling2dLayer(2, DilationFactor=2), 'maxPooling2dLayer([2 2],"Name","p")', "no DilationFactor; it is left out"),
    (averagePooling2dLayer(3, Divisor=2), "@(X) 9/2*avgpool(X,[3 3],'Stride',[1 1],'Padding',[0 0 0 0])", "has no Divisor"),
    (stochasticPooling2dLayer(2), "@(X) avgpool(max(X,0).*max(X,0),[2 2]", "gives the expectation"),
    (stochasticPooling2dLayer(2, DilationFactor=2), "realmin('single')", "It has no DilationFactor; it is left out."),
], ids=repr)
def test_poolings_beyond_matlab(layer: Layer, code: str, note: str) -> None:
    """A comment and a warning stand where the code differs, and only there."""
    layer.Name = "p"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        text = toMATLAB([imageInputLayer([9, 9, 1]), layer])
    assert code in text
    assert note in text
    assert len(told) == bool(note)
