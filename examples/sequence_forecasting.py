"""Forecast a monthly series: month by month with what was observed, and on its own.

    python examples/sequence_forecasting.py
    python examples/sequence_forecasting.py --short
"""

import sys

import numpy as np

from dltoolbox import *


def main(short=False):
    # 1×498 numbers of cases. The last tenth is for the test.
    series = seasonalSeries()
    months = series.shape[1] * 9 // 10
    train, test = series[:, :months + 1], series[:, months:]

    # Every step is to predict the next one; all in standard deviations from the mean of the training months.
    mean, deviation = train.mean(), train.std()
    scaled, scaledTest = (train - mean) / deviation, (test - mean) / deviation
    XTrain, YTrain = scaled[:, :-1], scaled[:, 1:]

    layers = [
        sequenceInputLayer(1),
        lstmLayer(40 if short else 100),
        fullyConnectedLayer(1),
        regressionLayer]
    options = trainingOptions(
        "adam",
        MaxEpochs=60 if short else 200,
        GradientThreshold=1,
        InitialLearnRate=0.01,
        LearnRateSchedule="piecewise",
        LearnRateDropPeriod=100,
        LearnRateDropFactor=0.2,
        Verbose=False)
    rng(0)
    net = trainNetwork(XTrain, YTrain, layers, options)

    # The state after the training months is where every forecast begins.
    start, last = predictAndUpdateState(resetState(net), scaled, nargout=2)

    # Closed loop: every forecast is the input for the next month.
    net, value = start, last[:, -1:]
    alone = [value]
    while len(alone) < test.shape[1] - 1:
        net, value = predictAndUpdateState(net, value, nargout=2)
        alone.append(value)

    # One step ahead: the network sees every month before it forecasts the next one.
    net, observed = start, [last[:, -1:]]
    for month in scaledTest[:, 1:-1].T:
        net, value = predictAndUpdateState(net, month[:, None], nargout=2)
        observed.append(value)

    wanted = test[:, 1:]
    forecasts = {
        "one step ahead": np.hstack(observed) * deviation + mean,
        "closed loop": np.hstack(alone) * deviation + mean,
        "as the month before": test[:, :-1],
        "as the last month known": np.broadcast_to(test[:, :1], wanted.shape)}
    errors = {name: float(np.sqrt(np.mean((forecast - wanted) ** 2))) for name, forecast in forecasts.items()}
    for name, rmse in errors.items():
        print(f"{name:>23}: RMSE {rmse:.1f}")
    return errors


if __name__ == "__main__":
    main(short="--short" in sys.argv)
