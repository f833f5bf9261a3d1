"""Recurrent cells and attention: nodes of ONNX as our ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.oracles.onnx_nodes.suite import Attributes, Translation, Untranslatable, op, translation


def recurrent(cell: str, gates: Sequence[int]) -> Translation:
    """A translation of a cell: X is T×B×C, parameters are directions×rows×…, and ``gates`` are ours in ONNX's order. A GRU
    of ONNX has two biases, for x and for the hidden state, or resets before that product."""
    def run(attrs: Attributes, x: np.ndarray, w: np.ndarray, r: np.ndarray, bias: np.ndarray | None = None,
            lengths: np.ndarray | None = None, h0: np.ndarray | None = None, c0: np.ndarray | None = None,
            peepholes: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        if peepholes is not None or "activations" in attrs or "clip" in attrs:
            raise Untranslatable("a cell that MATLAB has not")
        batch_first, hidden = attrs.get("layout", 0), attrs["hidden_size"]
        x = x.transpose(2, 1, 0) if batch_first else x.transpose(2, 0, 1)
        both = np.zeros((len(w), 2 * w.shape[1]), x.dtype) if bias is None else bias
        if cell == "gru" and not attrs.get("linear_before_reset", 0):
            both, extra = both.reshape(len(w), 2, -1).sum(1), {"reset": "before-multiplication"}
        else:
            extra = {"reset": "recurrent-bias-after-multiplication"} if cell == "gru" else {}
            both = both if extra else both.reshape(len(w), 2, -1).sum(1)
        start = np.zeros((len(w), x.shape[-1], hidden), x.dtype)
        found = []
        for number, (one, other, row) in enumerate(zip(w, r, both, strict=True)):
            states = [(start if state is None else state)[number].T for state in ((h0, c0) if cell == "lstm" else (h0,))]
            parameters = [part.reshape(-1, len(gates), hidden, *part.shape[1:])[:, gates].reshape(part.shape)
                          for part in (one, other, row)]
            found.append(op(cell, x, *states, *parameters, *(() if lengths is None else (lengths,)), **extra,
                                         reverse=attrs.get("direction") == b"reverse" or number == 1))
        y, *last = (np.stack(values) for values in zip(*found, strict=True))
        axes, ends = ((3, 2, 0, 1), (2, 0, 1)) if batch_first else ((2, 0, 3, 1), (0, 2, 1))
        return y.transpose(axes), *(state.transpose(ends) for state in last)
    return run


translation("LSTM")(recurrent("lstm", (0, 2, 3, 1)))
translation("GRU")(recurrent("gru", (1, 0, 2)))


@translation("Attention")
def attention(attrs: Attributes, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None,
              past_key: np.ndarray | None = None, past_value: np.ndarray | None = None,
              lengths: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """B×T×C with numbers of heads, or B×heads×T×channels. Heads of keys that several queries share are repeated."""
    window = attrs.get("left_window_size", -1), attrs.get("right_window_size", -1)
    mode, causal, flat = attrs.get("qk_matmul_output_mode", 0), bool(attrs.get("is_causal", 0)), q.ndim == 3
    if mask is not None or attrs.get("softcap") or window != (-1, -1) or (lengths is not None and causal):
        raise Untranslatable("scores that MATLAB's layer does not have")
    heads = [attrs[f"{kind}_num_heads"] for kind in ("q", "kv")] if flat else [q.shape[1], k.shape[1]]
    q, k, v = (x.reshape(*x.shape[:2], n, -1).swapaxes(1, 2) if flat else x
               for x, n in zip((q, k, v), (heads[0], *heads[1:] * 2), strict=True))
    if past_key is not None and past_value is not None:
        if causal:
            raise Untranslatable("queries that begin behind the first key")
        k, v = np.concatenate([past_key, k], 2), np.concatenate([past_value, v], 2)
    present = k, v
    k, v = (x.repeat(heads[0] // heads[1], 1) for x in (k, v))
    more = {"axis": -2, "heads": heads[0], "scale": attrs.get("scale", q.shape[-1] ** -0.5), "causal": causal}
    extras = () if lengths is None else (lengths,)

    def flattened(x: np.ndarray) -> np.ndarray:
        return x.transpose(1, 3, 2, 0).reshape(-1, x.shape[2], x.shape[0])
    y = op("attention", *map(flattened, (q, k, v)), *extras, **more).transpose(2, 1, 0)
    y = y if flat else y.reshape(*y.shape[:2], heads[0], -1).swapaxes(1, 2)
    scores = op("attention_scores", *map(flattened, (q, k)), *extras, **more).transpose(3, 2, 1, 0)
    return (y, *present, scores) if mode == 3 else (y, *present)


