"""Random networks that run forward now and backward later, against the ops' own bodies, in all modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltoolbox import maxNumCompThreads
from dltoolbox.core.random import rng as restart
from dltoolbox.program import executable
from dltoolbox.program.model import Model
from dltoolbox.program.taped.model import TapedGradients
from dltoolbox.program.taped.runs import TapedRun, TapedRuns
from tests.generate.draw import draw
from tests.generate.network import Network, arrays_of, data_of, is_data
from tests.generate.turns import turn

pytestmark = pytest.mark.oracle

SEED, COUNT = 14, 36


def gradients_of(runs: TapedRuns, net: Network, dtype: type, number: int) -> list[tuple[TapedRun, TapedGradients]]:
    """Of two runs that wait at the same time; the first is finished last."""
    restart(number)
    model = Model(net.graph(), dtype)
    values, data = arrays_of(net, {key: value.shape for key, value in model.arrays.items()}), [*data_of(net)]
    rng, ports = np.random.default_rng(number), [port for port in net.data_ports() if is_data(port)]
    ports = [*net.leaving(), *rng.choice(ports, min(len(ports), 2), replace=False)] if number % 3 else []
    training = bool(number % 2)
    waiting = [runs.forward(values, each, training=training, ports=ports, input_gradients=True)
               for each in (data, [x + 0.5 for x in data])]
    seeds = [[rng.standard_normal(result.array.shape) for result in run.results] for run in waiting]
    last = waiting[1].backward(seeds[1])
    return [(waiting[0], waiting[0].backward(seeds[0])), (waiting[1], last)]


@pytest.mark.parametrize("number", range(COUNT))
def test_gradients_of_any_network(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "SMALL_WORK", 0)
    before, net = maxNumCompThreads(), draw(SEED, number)
    with turn(SEED, number, "all", 0, tmp_path) as (_, threads):
        maxNumCompThreads(threads)
        lgraph = Model(net.graph(), np.float64).network() if net.outputs else net.graph()
        fast, plain = (gradients_of(TapedRuns(lgraph, np.float64, fast=kernels), net, np.float64, number)
                       for kernels in (True, False))
        maxNumCompThreads(before)
    for (one, mine), (other, wanted) in zip(fast, plain, strict=True):
        assert mine.learnables.keys() == wanted.learnables.keys()
        assert one.states.keys() == other.states.keys()
        pairs = [*((a.array, b.array) for a, b in zip(one.results, other.results, strict=True)),
                 *((mine.learnables[key], wanted.learnables[key]) for key in mine.learnables),
                 *((one.states[key], other.states[key]) for key in one.states),
                 *zip(mine.inputs, wanted.inputs, strict=True)]
        for a, b in pairs:
            scale = max(np.abs(b).max(initial=0), 1.0)
            np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=1e-8)
