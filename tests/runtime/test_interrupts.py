"""Ctrl+C is held back, and comes where it breaks nothing."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from dltoolbox.runtime.interrupts import check, held, released


def press() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _handler_as_before() -> Any:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    check()


def test_it_comes_at_the_end() -> None:
    steps = []

    def work() -> None:
        with held():
            with held():
                press()
                steps.append("inner")
            steps.append("outer")
    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["inner", "outer"]


def test_it_comes_once_where_it_is_looked_for() -> None:
    with held():
        check()
        press()
        with pytest.raises(KeyboardInterrupt):
            check()
        check()


def test_only_the_main_thread_gets_it() -> None:
    found = []

    def look() -> None:
        with held():
            check()
        found.append("went on")
    with held(drop=True):
        press()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == ["went on"]


def test_too_late_is_forgotten() -> None:
    with held(drop=True):
        press()


def test_an_error_goes_first() -> None:
    def work() -> None:
        with held():
            press()
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        work()


def test_what_is_the_users_is_interrupted_at_once() -> None:
    def press_inside() -> None:
        with released():
            press()
            pytest.fail("still here")

    def press_before() -> None:
        press()
        with released():
            pytest.fail("pressed before")
    with held():
        for work in (press_inside, press_before):
            with pytest.raises(KeyboardInterrupt):
                work()
    with released():
        pass


def test_what_the_user_calls_there_is_whole_again() -> None:
    steps = []

    def work() -> None:
        with held(), released():
            with held():
                press()
                steps.append("whole")
            steps.append("never")
    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["whole"]


def test_a_handler_of_the_users_own_is_left_alone() -> None:
    heard: list[int] = []

    def mine(number: int, frame: Any) -> None:
        heard.append(number)
    signal.signal(signal.SIGINT, mine)
    try:
        with held(), released():
            press()
            assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with held():
        with released():
            signal.signal(signal.SIGINT, mine)
        press()
    assert (heard, signal.signal(signal.SIGINT, signal.default_int_handler)) == ([signal.SIGINT] * 2, mine)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore")
def test_a_forked_child_hears_it_again() -> None:
    with held():
        child = os.fork()
        if child == 0:
            os._exit(0 if signal.getsignal(signal.SIGINT) is signal.default_int_handler else 1)
        assert os.waitpid(child, 0)[1] == 0
