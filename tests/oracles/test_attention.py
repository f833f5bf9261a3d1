"""Whole attention layers against PyTorch, with the same weights: networks drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dltoolbox import attentionLayer, inputLayer, layerGraph, regressionLayer, selfAttentionLayer
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.program.model import Model

pytestmark = pytest.mark.oracle

NAN = float("nan")
PARTS = ("Query", "Key", "Value")


def batch_first(x: np.ndarray) -> torch.Tensor:
    """C×T×B → B×T×C."""
    return torch.from_numpy(x.transpose(2, 1, 0).copy()).requires_grad_()


def matlab(x: torch.Tensor) -> np.ndarray:
    """B×T×C → C×T×B."""
    array: np.ndarray = x.detach().numpy().transpose(2, 1, 0)
    return array


@pytest.mark.parametrize("seed", range(60))
def test_self_attention(seed: int) -> None:
    """One training step, float64: the output, the loss and all gradients; every second time in mini-batches of several
    lengths."""
    rng = np.random.default_rng(seed)
    heads, size, steps, batch = (int(rng.integers(*ends)) for ends in ((1, 5), (1, 5), (1, 13), (1, 6)))
    c, causal, ragged = heads * size, bool(rng.random() < 0.4), seed % 2 == 0 and batch > 1
    module = torch.nn.MultiheadAttention(c, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.from_numpy(rng.standard_normal(value.shape)) / 2)
    weights, biases = module.in_proj_weight.detach().numpy().reshape(3, c, c), module.in_proj_bias.detach().numpy()
    given = {f"{part}Weights": weights[i] for i, part in enumerate(PARTS)} | {
        f"{part}Bias": biases.reshape(3, c, 1)[i] for i, part in enumerate(PARTS)} | {
        "OutputWeights": module.out_proj.weight.detach().numpy(),
        "OutputBias": module.out_proj.bias.detach().numpy().reshape(-1, 1)}
    model = Model(layerGraph([inputLayer([c, NAN, NAN], "CBT"), selfAttentionLayer(
        heads, c, AttentionMask="causal" if causal else "none", Name="a", **given), regressionLayer]), np.float64)
    x, targets = rng.standard_normal((c, steps, batch)), rng.standard_normal((c, steps, batch))
    lengths = rng.integers(1, steps + 1, batch).astype(np.int32)
    lengths[0] = steps
    lengths = lengths if ragged else np.full(batch, steps, np.int32)
    real = np.arange(steps)[:, None] < lengths
    several = [lengths] if len({*lengths.tolist()}) > 1 else None
    (y,) = model.results([x], lengths=several)
    theirs_x = batch_first(x)
    mask = torch.ones(steps, steps, dtype=torch.bool).triu(1) if causal else None
    theirs, _ = module(theirs_x, theirs_x, theirs_x, attn_mask=mask, key_padding_mask=torch.from_numpy(~real.T.copy()),
                       need_weights=bool(rng.random() < 0.5))
    np.testing.assert_allclose(y.array * real, matlab(theirs) * real, rtol=1e-8, atol=1e-8)
    error = (theirs - batch_first(targets)) * torch.from_numpy(real.T.copy())[..., None]
    loss = (error.square().sum((1, 2)) / (2 * torch.from_numpy(lengths))).mean()
    loss.backward()
    found, gradients, (dx,) = model.gradients([x], [targets * real], lengths=several)
    assert found == pytest.approx(float(loss.detach()), rel=1e-9)
    by_name = {key.name: value for key, value in gradients.items()}
    expected = dict(zip([f"{part}Weights" for part in PARTS], module.in_proj_weight.grad.numpy().reshape(3, c, c),
                        strict=True)) | {"OutputWeights": module.out_proj.weight.grad.numpy()}
    expected |= {f"{part}Bias": values[:, None] for part, values in
                 zip(PARTS, module.in_proj_bias.grad.numpy().reshape(3, c), strict=True)}
    for name, value in expected.items():
        np.testing.assert_allclose(by_name[name], value, rtol=1e-7, atol=1e-8, err_msg=name)
    np.testing.assert_allclose(dx, matlab(theirs_x.grad), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("seed", range(60))
def test_attention(seed: int) -> None:
    """Of queries, keys and values of their own sizes against scaled_dot_product_attention, float32 and float64."""
    rng = np.random.default_rng(seed)
    heads, keys, values, queried, steps, batch = (int(rng.integers(*ends)) for ends in (
        (1, 5), (1, 5), (1, 5), (1, 11), (1, 11), (1, 6)))
    causal, dtype = bool(rng.random() < 0.4), np.float32 if rng.random() < 0.5 else np.float64
    scale = "auto" if rng.random() < 0.5 else float(rng.uniform(-1, 1))
    lgraph = layerGraph([inputLayer([heads * keys, NAN, NAN], "CBT", Name="query"), attentionLayer(
        heads, Scale=scale, AttentionMask="causal" if causal else "none", Name="a"), regressionLayer])
    for name, c in (("key", heads * keys), ("value", heads * values)):
        lgraph = connectLayers(addLayers(lgraph, inputLayer([c, NAN, NAN], "CBT", Name=name)), name, f"a/{name}")
    model = Model(lgraph, dtype)
    arrays = [rng.standard_normal((heads * c, t, batch)).astype(dtype) for c, t in (
        (keys, queried), (keys, steps), (values, steps))]
    theirs = [torch.from_numpy(x.transpose(2, 1, 0).astype(float)).requires_grad_() for x in arrays]
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in theirs)
    y = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=causal, scale=None if scale == "auto" else scale).transpose(1, 2).flatten(2)
    targets = rng.standard_normal(matlab(y).shape).astype(dtype)
    loss, _, gradients = model.gradients(arrays, [targets])
    wanted = ((y - torch.from_numpy(targets.transpose(2, 1, 0).astype(float))) ** 2).sum() / (2 * queried * batch)
    wanted.backward()
    tolerance = 1e-9 if dtype is np.float64 else 2e-4
    np.testing.assert_allclose(model.predict(arrays)[0], matlab(y), rtol=tolerance, atol=tolerance)
    assert loss == pytest.approx(float(wanted.detach()), rel=tolerance)
    for found, tensor in zip(gradients, theirs, strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(found, matlab(tensor.grad), rtol=tolerance, atol=tolerance)
