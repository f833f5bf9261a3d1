"""Threads that meet: sums in one order, errors that wake everybody, nothing left behind by a fork."""

from __future__ import annotations

import os
import threading
import time
import warnings
from functools import partial

import numpy as np
import pytest

from dltoolbox.runtime.thread_team import Team, team_of


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_everybody_gets_the_sum_in_the_order_of_the_ranks(size: int) -> None:
    values = 10.0 ** np.random.default_rng(0).uniform(-8, 8, (50, size))
    found = np.zeros((50, size))
    with team_of(size) as team:
        def task(rank: int) -> None:
            for row in range(50):
                mine = values[row, rank:rank + 1].copy()
                if (row + rank) % 7 == 0:
                    time.sleep(0.0005)  # stragglers of all kinds
                team.add_up(rank, mine)
                found[row, rank] = mine[0]
        for _ in range(3):
            team.run([partial(task, rank) for rank in range(size)])
    expected = [sum(row.tolist()[1:], row[0]) for row in values]
    for rank in range(size):
        assert found[:, rank].tolist() == expected


@pytest.mark.parametrize("guilty", [0, 1, 2])
def test_an_error_of_one_ends_the_run_of_all_and_the_team_lives_on(guilty: int) -> None:
    team = Team(3)

    def task(rank: int) -> None:
        for round_ in range(10):
            if rank == guilty and round_ == 4:
                raise ZeroDivisionError(f"rank {rank}")
            team.meet(rank)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match=f"rank {guilty}"):
            team.run([partial(task, rank) for rank in range(3)])
    sums = [np.ones(1) for _ in range(3)]
    team.run([partial(team.add_up, rank, sums[rank]) for rank in range(3)])
    assert sums == [3, 3, 3]


def test_an_interrupted_run_waits_for_the_others() -> None:
    team, finished = Team(2), threading.Event()

    def slow() -> None:
        time.sleep(0.05)
        finished.set()

    def interrupted() -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        team.run([interrupted, slow])
    assert finished.is_set()


def test_threads_follow_the_callers_floating_point_settings() -> None:
    def divide() -> None:
        np.ones(1) / np.zeros(1)
    with warnings.catch_warnings(), np.errstate(all="ignore"), team_of(2) as team:
        warnings.simplefilter("error")
        team.run([divide, divide])
    with np.errstate(all="raise"), team_of(2) as team, pytest.raises(FloatingPointError):
        team.run([lambda: None, divide])


def test_teams_in_use_are_not_shared() -> None:
    with team_of(2) as one, team_of(2) as other:
        assert one is not other
    with team_of(2) as again:
        assert again in (one, other)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own() -> None:
    with team_of(2) as team:
        team.run([lambda: None, lambda: None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forking with threads is what is tested
            child = os.fork()
        if child == 0:
            with team_of(2) as mine:
                mine.run([lambda: None, lambda: None])
            os._exit(0 if mine is not team else 1)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                assert status == 0
                return
            time.sleep(0.01)
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child waits for threads that it does not have")
