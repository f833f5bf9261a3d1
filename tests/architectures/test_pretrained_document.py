"""docs/pretrained.md does what it says: networks filled by its code compute what PyTorch's do."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dltoolbox import (
    activations,
    assembleNetwork,
    classify,
    fullyConnectedLayer,
    groupedConvolution2dLayer,
    imageInputLayer,
    predict,
    regressionLayer,
    replaceLayer,
)
from tests.architectures.torch_modules import MobileNetV2, ResNet18, drawn

DOCUMENT = Path(__file__).parents[2] / "docs" / "pretrained.md"

pytestmark = [pytest.mark.oracle,
              pytest.mark.skipif(not DOCUMENT.exists(), reason="the suite is run without the documents")]

CATEGORIES = [f"class {i}" for i in range(1000)]
MEAN, DEVIATION = np.reshape([0.485, 0.456, 0.406], (3, 1, 1)), np.reshape([0.229, 0.224, 0.225], (3, 1, 1))


@pytest.fixture(scope="module")
def names():
    """The names that the code of the document makes, with a stand-in for torchvision that has drawn weights."""
    weights = SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(meta={"categories": CATEGORIES}))
    models = SimpleNamespace(ResNet18_Weights=weights, resnet18=lambda weights: drawn(ResNet18()))
    made = {}
    code = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))
        for block in code:
            exec(block, made)
    return made


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (224, 224, 3, 2)).astype(np.float32)


def scores(model, images):
    """What a module says of images, which torchvision's networks take from 0 to 1, standardised."""
    x = (images.transpose(3, 2, 0, 1) / 255 - MEAN) / DEVIATION
    with torch.no_grad():
        return model(torch.tensor(x, dtype=torch.float32)).numpy()


def assert_close(found, expected):
    assert np.ptp(expected, axis=1).min() > 0.5  # the classes differ, so that agreement says something
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_resnet18(names, images):
    expected = scores(names["model"], images)
    assert_close(activations(names["net"], images, "fc1000", OutputAs="rows"), expected)
    np.testing.assert_allclose(predict(names["net"], images), torch.tensor(expected).softmax(1).numpy(), atol=1e-4)
    assert list(classify(names["net"], images)) == [CATEGORIES[i] for i in expected.argmax(1)]


def mobilenet_name(name):
    """torchvision's name of a layer of MobileNet-v2: blocks are counted with the first convolution."""
    outside = {"Conv1": "features.0.0", "bn_Conv1": "features.0.1", "Conv_1": "features.18.0", "Conv_1_bn": "features.18.1",
               "Logits": "classifier.1"}
    found = re.fullmatch(r"(?:expanded_conv|block_(\d+))_(expand|depthwise|project)(_BN)?", name)
    if not found:
        return outside.get(name, "")
    number, part, norm = found.groups()
    steps = ["expand", "depthwise", "project"] if number else ["depthwise", "project"]
    at, norm = steps.index(part), bool(norm)
    inner = f"{at + norm}" if part == "project" else f"{at}.{int(norm)}"
    return f"features.{int(number or 0) + 1}.conv.{inner}"


def test_the_input_layer_for_other_graphs_is_that_of_resnet18(names):
    data, own = names["data"], names["net"].Layers[0]
    for name in ("Mean", "StandardDeviation"):
        np.testing.assert_allclose(np.ravel(getattr(data, name)), np.ravel(getattr(own, name)), rtol=1e-6)


def test_mobilenetv2(names, images):
    """The graph that the document makes, filled in the same way."""
    module, lgraph = drawn(MobileNetV2()), names["lgraph"]
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    used = {mobilenet_name(one.Name) for one in lgraph.Layers} - {""}
    assert used == {name.rpartition(".")[0] for name in state}
    for one in lgraph.Layers:
        if mobilenet_name(one.Name):
            lgraph = replaceLayer(lgraph, one.Name, names["filled"](one, state, mobilenet_name(one.Name)))
    output = lgraph.Layers[-1]
    output.Classes = CATEGORIES
    net = assembleNetwork(replaceLayer(lgraph, output.Name, output))
    assert_close(activations(net, images, "Logits", OutputAs="rows"), scores(module, images))


def test_a_grouped_convolution_with_a_bias(names):
    conv = drawn(torch.nn.Conv2d(4, 6, 3, groups=2))
    state = {f"conv.{name}": value.numpy() for name, value in conv.state_dict().items()}
    net = assembleNetwork([imageInputLayer([5, 4, 4], Normalization="none"),
                           names["filled"](groupedConvolution2dLayer(3, 3, 2), state, "conv"), regressionLayer])
    x = np.random.default_rng(2).random((5, 4, 4, 1), np.float32)
    with torch.no_grad():
        expected = conv(torch.tensor(x.transpose(3, 2, 0, 1))).numpy()
    np.testing.assert_allclose(predict(net, x).transpose(3, 2, 0, 1), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("code", "shape", "flattened"), [
    ("w.reshape(-1, 512, 7, 7).transpose(0, 1, 3, 2).reshape(4096, -1)", (5, 18), lambda x: x.transpose(2, 0, 1).ravel()),
    ("w.reshape(7, 7, 512, -1).transpose(3, 2, 1, 0).reshape(4096, -1)", (18, 5), lambda x: x.ravel())],
    ids=["PyTorch", "Keras"])
def test_weights_behind_a_flattened_image(code, shape, flattened):
    """On an image of 3×3×2 with 5 outputs instead of 7×7×512 with 4096."""
    assert code in " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    random = np.random.default_rng(1)
    w, x = random.random(shape, np.float32), random.random((3, 3, 2), np.float32)
    weights = eval(code.replace("4096", "5").replace("512", "2").replace("7", "3"), {"w": w})
    net = assembleNetwork([imageInputLayer([3, 3, 2], Normalization="none"),
                           fullyConnectedLayer(5, Weights=weights, Bias=np.zeros(5)), regressionLayer])
    expected = (w if shape[0] == 5 else w.T) @ flattened(x)
    np.testing.assert_allclose(predict(net, x), [expected], rtol=1e-5)
