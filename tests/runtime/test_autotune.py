"""The measured choice: which option wins, what is remembered, and that nothing on disk can do harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from dltoolbox.core.random import rng, stream
from dltoolbox.runtime import autotune

MACHINE = {"processor": "Chip 9000", "blas": ["OpenBLAS 1.0 Fast"], "numbers": (1, 2)}


class World:
    """A clock that only closures move, and a count of what was made and run."""

    def __init__(self):
        self.now, self.made, self.runs = 0.0, [], []

    def clock(self):
        return self.now

    def option(self, name, *milliseconds):
        """Takes these times in turn, the first in the run that is not counted, and the last for ever."""
        def make():
            self.made.append(name)
            left = list(milliseconds)

            def run():
                self.runs.append(name)
                self.now += (left.pop(0) if len(left) > 1 else left[0]) / 1000
            return run
        return make

    def options(self, **times):
        return {name: self.option(name, *(t if isinstance(t, tuple) else (t,))) for name, t in times.items()}


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(autotune, "clock", world.clock)
    return world


def process(folder):
    """The answers of a process that has just started."""
    return autotune.Choices(folder, MACHINE)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Measuring is on, and the module's own answers are those of a new process."""
    monkeypatch.delenv("DLTOOLBOX_TUNE", raising=False)
    monkeypatch.setenv("DLTOOLBOX_CACHE", str(tmp_path / "caches"))
    autotune.choices.cache_clear()
    yield autotune
    autotune.choices.cache_clear()


def content(choices):
    return json.loads(choices.file.read_text(encoding="utf-8"))


# Which one wins ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("times", "winner"), [
    ({"a": 2, "b": 1, "c": 3}, "b"),
    ({"a": 1.02, "b": 1}, "a"),  # too near to tell
    ({"a": 1.05, "b": 1.02, "c": 1}, "b"),
    ({"a": (9, 1), "b": (1, 2)}, "a"),  # the first run compiles, and does not count
    ({"a": (0, 9, 9, 1), "b": (0, 2)}, "a"),  # the shortest counts: the others were disturbed
])
def test_the_fastest_wins(world, tmp_path, times, winner):
    assert process(tmp_path).fastest("q", world.options(**times)) == winner


def test_short_runs_are_repeated_and_hopeless_options_are_not(world, tmp_path):
    process(tmp_path).fastest("q", world.options(quick=0.5, slow=1, huge=100))
    assert world.runs.count("quick") > 10
    assert world.runs.count("slow") == world.runs.count("huge") == 1 + autotune.FEWEST_RUNS


def test_options_are_bound_one_after_the_other(world, tmp_path):
    """So that only one of them holds memory."""
    order = []
    options = {name: lambda name=name, make=make: (order.append(f"make {name}"), make())[1]
               for name, make in world.options(a=1, b=1).items()}
    process(tmp_path).fastest("q", options)
    assert order == ["make a", "make b"]
    assert world.runs.index("b") == world.runs.count("a")


def test_measuring_leaves_random_numbers_and_warnings_alone(tmp_path):
    def draw():
        stream("dropout").random(10)
        np.float32(1) / np.float32(0)
    before = rng()
    process(tmp_path).fastest("q", {"a": lambda: draw, "b": lambda: draw})
    assert rng().states == before.states


def broken():
    raise ZeroDivisionError


@pytest.mark.parametrize("fails", [broken, lambda: broken], ids=["when made", "when run"])
def test_an_option_that_fails_is_not_chosen(world, tmp_path, fails):
    choices = process(tmp_path)
    assert choices.fastest("q", {"x": fails, **world.options(a=2, b=1), "y": fails}) == "b"
    assert list(choices.measured.values()) == ["b"]
    assert choices.fastest("one", {"x": fails, **world.options(a=2)}) == "a"


def test_where_all_options_fail_the_first_is_taken_and_not_remembered(world, tmp_path):
    choices = process(tmp_path)
    assert choices.fastest("q", {"x": broken, "y": lambda: broken}) == "x"
    assert not choices.measured


def test_an_interruption_is_no_failure(world, tmp_path):
    def interrupted():
        raise KeyboardInterrupt
    choices = process(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        choices.fastest("q", {"x": interrupted, **world.options(a=1)})
    assert not choices.settled


# What a trial may cost -----------------------------------------------------------------------------------------------

LARGE = 1e12  # the work of the whole


def stages(world, steps=24, **milliseconds):
    """Options at every half of the whole, which take what a function says of the share."""
    def stage(share):
        return autotune.Stage(LARGE * share, world.options(**{name: time(share) for name, time in milliseconds.items()}))
    whole, *smaller = (stage(0.5 ** k) for k in range(steps + 1))
    return whole.options, whole.work, iter(smaller)


def test_the_whole_is_measured_where_that_costs_little(world, tmp_path):
    given = stages(world, a=lambda share: 4 * share ** 0.1, b=lambda share: 3 * share ** 0.1 if share == 1 else 5)
    assert process(tmp_path).fastest("q", *given) == "b"


@pytest.mark.parametrize("growth", [0.5, 1, 1.2])
@pytest.mark.parametrize("order", [("quick", "slow"), ("slow", "quick")])
def test_an_option_that_would_take_long_is_never_run_at_full_size(world, tmp_path, growth, order):
    """The whole would take 10 ms or 400 s."""
    times = {"quick": lambda share: 10 * share, "slow": lambda share: 4e5 * share ** growth}
    if growth < 1:
        times["slow"] = lambda share: 4e5 * share
    given = stages(world, **{name: times[name] for name in order})
    assert process(tmp_path).fastest("q", *given) == "quick"
    assert world.now < 1


def test_where_all_take_long_a_smaller_size_decides(world, tmp_path):
    given = stages(world, a=lambda share: 2e5 * share, b=lambda share: 1e5 * share)
    choices = process(tmp_path)
    assert choices.fastest("q", *given) == "b"
    assert world.now < 1
    assert choices.measured


def test_what_cannot_be_tried_small_is_not_tried(world, tmp_path):
    options, work, smaller = stages(world, steps=3, a=lambda share: 2, b=lambda share: 1)
    choices = process(tmp_path)
    assert choices.fastest("q", options, work, smaller) == "a"
    assert not world.made
    assert not choices.measured


def test_smaller_sizes_are_not_made_where_the_work_is_small(world, tmp_path):
    def never():
        pytest.fail("made")
        yield
    assert process(tmp_path).fastest("q", world.options(a=2, b=1), autotune.UNTRIED, never()) == "b"


def test_an_option_that_fails_at_a_larger_size_is_not_chosen(world, tmp_path):
    options, work, smaller = stages(world, a=lambda share: share, b=lambda share: 2 * share)
    assert process(tmp_path).fastest("q", {**options, "a": broken}, work, smaller) == "b"


# What is remembered --------------------------------------------------------------------------------------------------

def test_answers_are_found_by_the_next_process(world, tmp_path):
    process(tmp_path / "new" / "folder").fastest("q", world.options(a=2, b=1))
    del world.made[:]
    assert process(tmp_path / "new" / "folder").fastest("q", world.options(a=1, b=2)) == "b"
    assert not world.made


def test_an_answer_never_changes_within_a_process(world, tmp_path):
    choices = process(tmp_path)
    assert choices.fastest("q", world.options(a=2, b=1)) == "b"
    choices.file.unlink()
    assert choices.fastest("q", world.options(a=1, b=2)) == "b"


def test_other_questions_options_and_machines_are_asked_anew(world, tmp_path):
    process(tmp_path).fastest("q", world.options(a=2, b=1))
    assert process(tmp_path).fastest("other", world.options(a=1, b=2)) == "a"
    assert process(tmp_path).fastest("q", world.options(a=2, b=3, c=1)) == "c"
    assert process(tmp_path).fastest("q", world.options(a=1, c=2)) == "a"
    assert autotune.Choices(tmp_path, MACHINE | {"processor": "Chip 1"}).fastest("q", world.options(a=1, b=2)) == "a"
    assert len(list(tmp_path.iterdir())) == 2


def test_old_answers_are_dropped(world, tmp_path, monkeypatch):
    monkeypatch.setattr(autotune, "MOST_ANSWERS", 3)
    for number in range(5):
        process(tmp_path).fastest(f"q{number}", world.options(a=1, b=2))
    assert list(content(process(tmp_path))["answers"]) == [f"q{number} [a, b]" for number in (2, 3, 4)]


def test_old_files_are_dropped(world, tmp_path, monkeypatch):
    monkeypatch.setattr(autotune, "FILES", 2)
    machines = [autotune.Choices(tmp_path, {"processor": f"Chip {number}"}) for number in range(4)]
    for age, one in enumerate(machines[:3]):
        one.file.write_text("{}", encoding="utf-8")
        os.utime(one.file, (age, age))
    (tmp_path / "other.json").write_text("not ours", encoding="utf-8")
    machines[3].fastest("q", world.options(a=1, b=2))
    assert {file.name for file in tmp_path.iterdir()} == {machines[2].file.name, machines[3].file.name, "other.json"}


# What lies on disk ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", [
    b"", b"{", b'{"machine"', b"\xff\xfe\0", b"null", b"[]", b"3", b'"text"', b"{}", b'{"machine": 3, "answers": {}}',
    b'{"answers": {"q [a, b]": "a"}}', b"[" * 100_000])
def test_a_damaged_file_counts_as_empty_and_is_replaced(world, tmp_path, text):
    file = process(tmp_path).file
    file.write_bytes(text)
    assert process(tmp_path).fastest("q", world.options(a=2, b=1)) == "b"
    assert content(process(tmp_path))["answers"] == {"q [a, b]": "b"}


@pytest.mark.parametrize("answers", [None, 3, [], ["q [a, b]"], {"q [a, b]": None}, {"q [a, b]": ["a"]},
                                     {"q [a, b]": "gone in this version"}])
def test_wrong_answers_are_measured_anew(world, tmp_path, answers):
    file = process(tmp_path).file
    file.write_text(json.dumps({"machine": MACHINE, "answers": answers}), encoding="utf-8")
    assert process(tmp_path).fastest("q", world.options(a=2, b=1)) == "b"
    assert content(process(tmp_path))["answers"] == {"q [a, b]": "b"}


def test_a_truncated_file_counts_as_empty(world, tmp_path):
    choices = process(tmp_path)
    choices.fastest("q", world.options(a=2, b=1))
    whole = choices.file.read_bytes()
    for length in range(len(whole)):
        choices.file.write_bytes(whole[:length])
        assert process(tmp_path).known == {}


def test_a_file_of_another_machine_is_not_believed(world, tmp_path):
    file = process(tmp_path).file
    file.write_text(json.dumps({"machine": {"processor": "?"}, "answers": {"q [a, b]": "b"}}), encoding="utf-8")
    assert process(tmp_path).fastest("q", world.options(a=1, b=2)) == "a"


def no_folder(file):
    file.parent.write_text("a file where the folder should be", encoding="utf-8")


def no_file(file):
    file.mkdir(parents=True)


@pytest.mark.parametrize("prevent", [no_folder, no_file])
def test_where_nothing_can_be_written_memory_must_do(world, tmp_path, prevent):
    choices = process(tmp_path / "caches")
    prevent(choices.file)
    assert choices.fastest("q", world.options(a=2, b=1)) == "b"
    assert choices.fastest("q", world.options(a=1, b=2)) == "b"
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"] == []


def test_what_a_killed_writer_left_goes_with_the_next_answer(world, tmp_path):
    choices = process(tmp_path)
    choices.file.parent.mkdir(parents=True, exist_ok=True)
    left = choices.file.with_name(f".dltoolbox-{'0' * 16}.tmp")
    left.touch()
    choices.fastest("q", world.options(a=2, b=1))
    assert os.listdir(left.parent) == [choices.file.name]


def test_without_a_home_memory_must_do(world):
    assert process(None).fastest("q", world.options(a=2, b=1)) == "b"


def test_processes_keep_what_the_others_have_written(world, tmp_path):
    one, other = process(tmp_path), process(tmp_path)
    one.fastest("q1", world.options(a=2, b=1))
    other.fastest("q2", world.options(a=2, b=1))
    one.fastest("q3", world.options(a=2, b=1))
    assert list(content(one)["answers"]) == ["q1 [a, b]", "q2 [a, b]", "q3 [a, b]"]
    assert list(tmp_path.iterdir()) == [one.file]


WRITER = """
import sys
from pathlib import Path
from dltoolbox.runtime import autotune
autotune.measure = lambda *_: "b"
choices = autotune.Choices(Path(sys.argv[1]), {"processor": "Chip 9000"})
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    choices.fastest(f"{sys.argv[2]} {number}", dict.fromkeys("ab"))
"""


def test_two_processes_at_once_leave_a_whole_file(tmp_path):
    root = Path(autotune.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "x"], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, cwd=root) as first, \
         subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "y"], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, cwd=root) as second:
        for one in (first, second):
            assert one.stdout.readline() == "ready\n"
        for one in (first, second):
            one.stdin.write("go\n")
            one.stdin.flush()
        assert (first.wait(60), second.wait(60)) == (0, 0)
    choices = autotune.Choices(tmp_path, {"processor": "Chip 9000"})
    assert set(choices.known.values()) == {"b"}
    assert any({f"{who} {n} [a, b]" for n in range(100)} <= set(choices.known) for who in "xy")  # whoever wrote last
    assert list(tmp_path.iterdir()) == [choices.file]


# Switches and the budget ---------------------------------------------------------------------------------------------

def test_one_option_is_not_measured(here, world):
    assert here.fastest("q", world.options(a=1)) == "a"
    assert not world.made


def test_switched_off_the_first_is_taken(here, world, monkeypatch, tmp_path):
    monkeypatch.setenv("DLTOOLBOX_TUNE", "0")
    assert here.fastest("q", world.options(a=2, b=1)) == "a"
    assert not world.made
    assert not list(tmp_path.iterdir())


def test_a_spent_budget_leaves_the_first_option_and_records_nothing(here, world):
    with here.budget(0.05):
        assert here.fastest("q1", world.options(a=20, b=10)) == "b"
        assert here.fastest("q2", world.options(a=20, b=10)) == "a"
        assert here.fastest("q1", world.options(a=20, b=10)) == "b"
    assert here.fastest("q2", world.options(a=20, b=10)) == "a"  # stable in this process
    assert list(content(here.choices())["answers"]) == ["q1 [a, b]"]
    here.choices.cache_clear()
    with here.budget(0.05):
        assert here.fastest("q2", world.options(a=20, b=10)) == "b"  # the next one measures it


def test_a_budget_within_another_does_not_add_to_it(here, world):
    with here.budget(0.05):
        with here.budget(1):
            here.fastest("q1", world.options(a=20, b=10))
        assert here.fastest("q2", world.options(a=20, b=10)) == "a"
    with here.budget(1):
        assert here.fastest("q3", world.options(a=20, b=10)) == "b"


def test_answers_are_written_when_the_budget_is_left_even_by_an_error(here, world):
    def compile_and_fail():
        with here.budget():
            here.fastest("q", world.options(a=2, b=1))
            assert not here.choices().file.exists()
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        compile_and_fail()
    assert content(here.choices())["answers"] == {"q [a, b]": "b"}


def test_a_budget_without_questions_reads_and_writes_nothing(here, tmp_path):
    with here.budget():
        pass
    assert not here.choices.cache_info().currsize
    assert not list(tmp_path.iterdir())


def test_one_thread_measures_at_a_time(here, world):
    inside, most = [], []

    def make():
        inside.append(1)
        most.append(len(inside))
        inside.pop()
        return world.option("a", 1)()
    threads = [threading.Thread(target=here.fastest, args=(f"q{n % 3}", {"a": make, "b": make})) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == [1] * 6  # three questions, each once


def test_a_closure_may_ask_itself(here, world):
    def make():
        here.fastest("inner", world.options(a=1, b=2))
        return world.option("x", 1)()
    assert here.fastest("outer", {"x": make, "y": world.option("y", 2)}) == "x"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_during_a_measurement_can_measure(here, world):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        entered.set()
        leave.wait(30)
        return world.option("a", 1)()
    thread = threading.Thread(target=here.fastest, args=("q", {"a": hold, "b": hold}))
    thread.start()
    assert entered.wait(10)
    child = os.fork()
    if not child:
        signal.alarm(30)
        os._exit(0 if here.fastest("other", world.options(a=2, b=1)) == "b" else 1)
    assert os.waitpid(child, 0) == (child, 0)
    leave.set()
    thread.join(10)


# Where it lies, and for which machine --------------------------------------------------------------------------------

@pytest.mark.parametrize(("platform", "environment", "expected"), [
    ("linux", {"DLTOOLBOX_CACHE": "/elsewhere"}, "/elsewhere"),
    ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/dltoolbox"),
    ("linux", {"XDG_CACHE_HOME": "not/absolute"}, "/me/.cache/dltoolbox"),
    ("linux", {}, "/me/.cache/dltoolbox"),
    ("darwin", {}, "/me/Library/Caches/dltoolbox"),
    ("win32", {"LOCALAPPDATA": "/local"}, "/local/dltoolbox"),
    ("win32", {}, "/me/AppData/Local/dltoolbox"),
])
def test_the_folder_is_the_users_cache(monkeypatch, platform, environment, expected):
    for name in ("DLTOOLBOX_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(autotune.sys, "platform", platform)
    monkeypatch.setattr(autotune.Path, "home", lambda: Path("/me"))
    assert autotune.cache_folder() == Path(expected)


def test_no_home_no_folder(monkeypatch):
    def homeless():
        raise RuntimeError
    for name in ("DLTOOLBOX_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(autotune.Path, "home", homeless)
    assert autotune.cache_folder() is None


def test_the_machine_is_told_from_others_by_what_changes_times(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = autotune.machine()
    assert found["processor"]
    assert found["environment"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert found["packages"]["numpy"] == np.__version__
    assert len(found["kernels"]) == 16
    assert json.loads(json.dumps(found)) == found
