"""Threads that run one program together: each its own list of closures, meeting only where the mathematics needs it.

A meeting is a dissemination barrier (Hensgen, Finkel and Manber, "Two Algorithms for Barrier Synchronization", 1988): in
round k every thread signals the one 2ᵏ places ahead and waits for the one 2ᵏ places behind. Plain locks make one of two
threads take 6 µs, where `threading.Barrier` takes 48.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from dltoolbox.runtime.interrupts import held


class Aborted(Exception):
    """Another thread of the team failed; what it raised is reported instead."""


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Team:
    """``size`` threads: the caller's, and others that sleep between runs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rounds = [1 << k for k in range((size - 1).bit_length())]
        self.tasks: Sequence[Callable[[], None]] = ()
        self.errors: list[BaseException] = []
        self.settings: dict[str, Any] = {}
        self._start = [_taken() for _ in range(size)]
        self._done = [_taken() for _ in range(size)]
        self._open_barriers()
        for rank in range(1, size):
            threading.Thread(target=self._work, args=(rank,), name=f"dltoolbox-{rank}", daemon=True).start()

    def _open_barriers(self) -> None:
        """Signals of two meetings in turn, so that a fast thread cannot overtake a slow one."""
        self.failed = False
        self._signals = [[[_taken() for _ in range(self.size)] for _ in self.rounds] for _ in range(2)]
        self._turn = [0] * self.size
        self._deposits: list[list[np.ndarray | None]] = [[None] * self.size for _ in range(2)]

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run one task per thread, the first in the calling one; raises what the first of them to fail raised."""
        self.tasks, self.errors, self.settings = tasks, [], {**np.geterr()}
        for lock in self._start[1:]:
            lock.release()
        self._perform(0)
        self._wait_for_all()
        self.tasks = ()  # an idle team keeps nothing alive
        if self.errors:
            error, self.errors = self.errors[0], []
            self._open_barriers()
            raise error

    def _wait_for_all(self) -> None:
        """The others work on arrays of the program, so even an interrupted run lasts until they have stopped."""
        for lock in self._done[1:]:
            while True:
                try:
                    lock.acquire()
                    break
                except KeyboardInterrupt as interrupt:
                    self._fail(interrupt)

    def _work(self, rank: int) -> None:
        while True:
            self._start[rank].acquire()
            np.seterr(**self.settings)
            self._perform(rank)
            self._done[rank].release()

    def _perform(self, rank: int) -> None:
        try:
            self.tasks[rank]()
        except Aborted:
            pass
        except BaseException as error:  # raised again in the calling thread
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Remember the error and wake everybody who waits in a meeting."""
        self.errors.append(error)
        self.failed = True
        for meeting in self._signals:
            for each in meeting:
                for lock in each:
                    if lock.locked():
                        with suppress(RuntimeError):  # somebody released it just now
                            lock.release()

    def meet(self, rank: int) -> None:
        """Wait until every thread of the team is here."""
        signals = self._signals[self._turn[rank]]
        self._turn[rank] ^= 1
        for ahead, lock in zip(self.rounds, signals, strict=True):
            lock[(rank + ahead) % self.size].release()
            lock[rank].acquire()
            if self.failed:
                raise Aborted

    def add_up(self, rank: int, array: np.ndarray) -> None:
        """Replace everybody's array by the sum of all, added in the order of the ranks."""
        deposits = self._deposits[self._turn[rank]]
        deposits[rank] = array.copy()
        self.meet(rank)
        np.copyto(array, deposits[0])  # type: ignore[arg-type]
        for other in deposits[1:]:
            array += other


_idle: dict[int, list[Team]] = {}
_teams_lock = threading.Lock()


@contextmanager
def team_of(size: int) -> Iterator[Team]:
    """A team that nobody else uses meanwhile; teams are kept for the next caller. Ctrl+C is held: see `held`."""
    with held():
        with _teams_lock:
            kept = _idle.setdefault(size, [])
            team = kept.pop() if kept else None
        team = team or Team(size)
        try:
            yield team
        finally:
            with _teams_lock:
                _idle[size].append(team)


def _forget_teams() -> None:
    """In a forked child the threads of the parent do not exist."""
    global _teams_lock
    _teams_lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_teams)
