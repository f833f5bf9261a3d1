"""Layers as users write them in MATLAB's manner."""

# ruff: noqa: SIM300

from __future__ import annotations

import numpy as np

from dltoolbox import ClassificationLayer, Layer, learnableParameter, stateParameter


class WeightedAddition(Layer):
    """Σ wᵢ·xᵢ over any number of inputs."""

    Weights = learnableParameter()

    def __init__(self, numInputs, Name=""):
        super().__init__(Name=Name)
        self.NumInputs = numInputs
        self.Weights = np.linspace(0.5, 1.5, numInputs).reshape(1, numInputs)

    def predict(self, *Xs):
        return sum(self.Weights[0, i] * X for i, X in enumerate(Xs))

    def backward(self, *arguments):
        n = self.NumInputs
        Xs, dLdZ = arguments[:n], arguments[n + 1]
        dLdWeights = np.array([[(X * dLdZ).sum() for X in Xs]])
        return (*(self.Weights[0, i] * dLdZ for i in range(n)), dLdWeights)


class SReLU(Layer):
    """Linear pieces with slopes and thresholds that are learned, per channel."""

    LeftSlope = learnableParameter()
    RightSlope = learnableParameter()
    LeftThreshold = learnableParameter()
    RightThreshold = learnableParameter()

    def initialize(self, layout):
        channels = layout.Size[layout.Format.index("C")]
        shape = (1, 1, channels)
        if self.LeftSlope is None:
            self.LeftSlope = np.full(shape, 0.1)
        if self.RightSlope is None:
            self.RightSlope = np.full(shape, 0.5)
        if self.LeftThreshold is None:
            self.LeftThreshold = np.full(shape, -0.3)
        if self.RightThreshold is None:
            self.RightThreshold = np.full(shape, 0.4)

    def predict(self, X):
        tl, tr = self.LeftThreshold, self.RightThreshold
        left, right = tl + self.LeftSlope * (X - tl), tr + self.RightSlope * (X - tr)
        return (X <= tl) * left + ((X > tl) & (X < tr)) * X + (X >= tr) * right

    def backward(self, X, Z, dLdZ, memory):
        tl, tr, al, ar = self.LeftThreshold, self.RightThreshold, self.LeftSlope, self.RightSlope
        low, high = X <= tl, X >= tr

        def total(part):
            return part.sum((0, 1, 3), keepdims=True)
        dLdX = dLdZ * (low * al + high * ar + ~(low | high))
        return (dLdX, total(dLdZ * low * (X - tl)), total(dLdZ * high * (X - tr)), total(dLdZ * low * (1 - al)),
                total(dLdZ * high * (1 - ar)))


class AttentionGate(Layer):
    """x·σ(w·g + b): one input lets the other through."""

    Weights = learnableParameter()
    Bias = learnableParameter(L2Factor=0)

    def __init__(self, numChannels):
        self.InputNames = ["in", "gate"]
        self.Weights = np.linspace(-1, 1, numChannels).reshape(1, 1, numChannels)
        self.Bias = np.zeros((1, 1, numChannels))

    def predict(self, X, G):
        return X * self.gate_of(G)

    def forward(self, X, G):
        gate = self.gate_of(G)
        return X * gate, gate

    def gate_of(self, G):
        return 1 / (1 + np.exp(-(self.Weights * G + self.Bias)))

    def backward(self, X, G, Z, dLdZ, gate):
        slope = dLdZ * X * gate * (1 - gate)
        return (dLdZ * gate, slope * self.Weights, (slope * G).sum((0, 1, 3), keepdims=True),
                slope.sum((0, 1, 3), keepdims=True))


class TverskyLoss(ClassificationLayer):
    """1 − Σ TP/(TP + α·FP + β·FN), a mean over the classes of a mini-batch."""

    def __init__(self, alpha, beta, Name=""):
        self.Name, self.Alpha, self.Beta = Name, alpha, beta

    def parts(self, Y, T):
        TP, FP, FN = ((a * b).sum((0, 1), keepdims=True) for a, b in ((Y, T), (Y, 1 - T), (1 - Y, T)))
        return TP, TP + self.Alpha * FP + self.Beta * FN + 1e-8

    def forwardLoss(self, Y, T):
        TP, total = self.parts(Y, T)
        return (1 - TP / total).sum() / (Y.shape[2] * Y.shape[3])

    def backwardLoss(self, Y, T):
        TP, total = self.parts(Y, T)
        change = T + self.Alpha * (1 - T) - self.Beta * T
        return -(T * total - TP * change) / total ** 2 / (Y.shape[2] * Y.shape[3])


class LSTMCell(Layer):
    """Long short-term memory, step by step; rows by gate: input, forget, candidate, output."""

    InputWeights = learnableParameter()
    RecurrentWeights = learnableParameter()
    Bias = learnableParameter()
    HiddenState = stateParameter()
    CellState = stateParameter()

    def __init__(self, numHidden):
        self.NumHidden = numHidden

    def initialize(self, layout):
        channels, n = layout.Size[layout.Format.index("C")], self.NumHidden
        random = np.random.default_rng(3)
        for name, shape in (("InputWeights", (4 * n, channels)), ("RecurrentWeights", (4 * n, n)), ("Bias", (4 * n, 1))):
            if getattr(self, name) is None:
                setattr(self, name, 0.3 * random.standard_normal(shape))
        self.resetState()

    def resetState(self):
        self.HiddenState = np.zeros((self.NumHidden, 1))
        self.CellState = np.zeros((self.NumHidden, 1))

    def run(self, X):
        n, N = self.NumHidden, X.shape[1]
        h, c = (state * np.ones((1, N), X.dtype) for state in (self.HiddenState, self.CellState))
        steps = []
        for t in range(X.shape[2]):
            a = self.InputWeights @ X[:, :, t] + self.RecurrentWeights @ h + self.Bias
            i, f, o = (1 / (1 + np.exp(-a[k * n:(k + 1) * n])) for k in (0, 1, 3))
            g, before = np.tanh(a[2 * n:3 * n]), c
            c = f * c + i * g
            steps.append((h, before, c, i, f, g, o))
            h = o * np.tanh(c)
            steps[-1] += (h,)
        return np.stack([step[-1] for step in steps], 2), h, c, steps

    def predict(self, X):
        return self.run(X)[:3]

    def forward(self, X):
        return self.run(X)

    def backward(self, X, Z, dLdZ, dLdHidden, dLdCell, steps):
        dX, dW, dR, db = (np.zeros_like(x) for x in (X, self.InputWeights, self.RecurrentWeights, self.Bias))
        dh, dc = dLdHidden, dLdCell
        for t in reversed(range(X.shape[2])):
            h, before, c, i, f, g, o, _ = steps[t]
            dh = dh + dLdZ[:, :, t]
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            da = np.concatenate([dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g ** 2),
                                 dh * np.tanh(c) * o * (1 - o)])
            dX[:, :, t] = self.InputWeights.T @ da
            dW += da @ X[:, :, t].T
            dR += da @ h.T
            db += da.sum(1, keepdims=True)
            dh, dc = self.RecurrentWeights.T @ da, dc * f
        return dX, dW, dR, db, dh, dc


class RunningMean(Layer):
    """Subtracts a mean that training follows."""

    Mean = stateParameter()

    def initialize(self, layout):
        self.Mean = np.zeros((layout.Size[layout.Format.index("C")], 1))

    def resetState(self):
        self.Mean = np.zeros_like(self.Mean)

    def predict(self, X):
        return X - self.Mean, self.Mean

    def forward(self, X):
        mean = 0.9 * self.Mean + 0.1 * X.mean(1, keepdims=True)
        return X - mean, mean, None

    def backward(self, X, Z, dLdZ, dLdMean, memory):
        return dLdZ - 0.1 * dLdZ.mean(1, keepdims=True), dLdMean
