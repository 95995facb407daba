"""Contestants in processes of their own: stopped between turns, gone at the end, heard when they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, variance

import contestants
import pytest
from peers import dlcore_trainer
from rules import NoImprovement, Reaches
from tasks import Task

import dlcore as dl

TINY = Task((8, 4, 3), 8, 64)
LIBRARIES = {name: library for name, (_, library, _) in contestants.ALL.items() if library not in ("dlcore", "numpy")}
proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the states of processes are read from /proc")


def _state(pid: int) -> str:
    """R running, S sleeping, T stopped, Z ended; "" for no process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def _wait_for(pid: int, states: str) -> str:
    end = time.monotonic() + 20
    while (state := _state(pid)) not in states and time.monotonic() < end:
        time.sleep(0.01)
    return state


@proc
def test_only_the_one_whose_turn_it_is_runs() -> None:
    """Stopped after each answer; gone with the block."""
    with contestants.Contestant("bare products", TINY, "cpu") as one:
        pid = one._process.pid
        assert _wait_for(pid, "T") == "T"
        turn = one.turn(3)
        assert turn.steps == 24
        assert turn.seconds > 0
        assert _wait_for(pid, "T") == "T"
    assert _wait_for(pid, "") == ""


_ORPHANS = """
import sys, time
from contestants import Contestant
from tasks import Task
if __name__ == "__main__":
    with Contestant("bare products", Task((8, 4, 3), 8, 64), "cpu") as one:
        print(one._process.pid, flush=True)
        time.sleep(60)
"""


@proc
def test_nobody_is_left_behind_a_killed_benchmark(tmp_path: Path) -> None:
    """A stopped process cannot notice that its parent is gone; the system ends it."""
    script = tmp_path / "orphans.py"
    script.write_text(_ORPHANS)
    roots = (Path(contestants.__file__).parent, Path(dl.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    parent = subprocess.Popen([sys.executable, str(script)], env=env, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _wait_for(pid, "T") == "T"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _wait_for(pid, "Z") in ("", "Z")


def test_what_cannot_take_part_says_why() -> None:
    left_out: dict[str, str] = {}
    with contestants.Field({"G": ("bare products, cuBLASLt", "cpu")}, TINY, left_out.update) as field:
        assert not field.present
    assert left_out["G"] in ("nvmath is not installed", "cuBLASLt works on a GPU")


def test_one_who_fails_leaves_and_the_others_go_on() -> None:
    """Bare products classify nothing, so they cannot learn until a rule."""
    left_out: dict[str, str] = {}
    with contestants.Field(
        {"one": ("bare products", "cpu"), "two": ("bare products", "cpu")}, TINY, left_out.update
    ) as field:
        process = field.present["one"]._process
        assert field.ask("one", "learn", 0, 1, NoImprovement()) is None
        assert field.ask("one", "turn", 1) is None
        turns = field.turns(1e-6, 3, lambda done: None)
    assert {label: [turn.steps for turn in taken] for label, taken in turns.items()} == {"two": [8, 8, 8]}
    assert process.exitcode is not None
    assert "bare products classify nothing" in left_out["one, 8-4-3, batch 8"]


def test_a_failure_is_told_in_its_own_words() -> None:
    """MNIST's files are not in that folder."""
    with pytest.raises(
        RuntimeError, match=r"(?s)bare products, 784-10, batch 10:.*train-images-idx3-ubyte.gz: cannot be read"
    ):
        contestants.Contestant("bare products", Task((784, 10), 10, 10, data="/nowhere"), "cpu")


@proc
def test_one_who_dies_leaves_too() -> None:
    """Killed between two turns, as a process without memory is."""
    left_out: dict[str, str] = {}
    with contestants.Field({"one": ("bare products", "cpu")}, TINY, left_out.update) as field:
        field.present["one"]._process.kill()
        assert field.ask("one", "turn", 1) is None
        assert not field.present
    assert left_out["one, 8-4-3, batch 8"] == "bare products: its process ended with exit code -9"


def _served(l2: float) -> contestants.Served:
    """dlcore on the digits, in this process."""
    task = Task((64, 32, 10), 64, 1408, data="digits", l2=l2)
    return contestants.Served(dlcore_trainer.Contestant(task, task.load(), "float32", "cpu"))


def test_dlcore_learns_until_the_rule() -> None:
    served = _served(0.0)
    result = served.learn(0, 30, Reaches(0.9))
    assert result["reached"]
    assert result["accuracy"] >= 0.9
    assert 1 < result["epochs"] < 30
    assert served.learn(0, 2, NoImprovement())["epochs"] == 2  # from the start again
    turn = served.turn(3)
    assert turn.steps == 3 * 22
    assert turn.seconds > 0
    assert turn.setup_seconds > 0


def test_the_loss_has_the_l2_term() -> None:
    """Half of λ Σ‖W‖², added to the mean loss of the epoch."""
    served = _served(0.5)
    loss = served.learn(0, 1, NoImprovement())["loss"]
    trainer = served.peer.trainer
    penalty = 0.25 * sum(float((W**2).sum()) for W in trainer.get_weights()[::2])
    assert penalty > 0.1
    assert loss == pytest.approx(trainer.history["loss"][0] + penalty, rel=1e-5)


SEEDS = range(5)


@pytest.fixture(scope="module")
def our_losses() -> list[float]:
    served = _served(1e-4)
    return [served.learn(seed, 10, NoImprovement(tolerance=-1.0))["loss"] for seed in SEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARIES)
def test_everybody_trains_the_same(name: str, our_losses: list[float]) -> None:
    """The digits for 10 epochs, with an l2 term: the mean loss over five seeds within four standard errors of dlcore's."""
    pytest.importorskip(LIBRARIES[name])
    digits = Task((64, 32, 10), 64, 1408, data="digits", l2=1e-4)
    try:
        with contestants.Contestant(name, digits, "cpu") as peer:
            results = [peer.learn(seed, 10, NoImprovement(tolerance=-1.0)) for seed in SEEDS]
            assert [result["epochs"] for result in results] == [10] * 5
            losses = [result["loss"] for result in results]
            error = ((variance(losses) + variance(our_losses)) / 5) ** 0.5
            assert mean(losses) == pytest.approx(mean(our_losses), abs=4 * error)
            assert mean(result["accuracy"] for result in results) > 0.85
            turn = peer.turn(2)
            assert turn.steps == 44
            assert 0 < turn.seconds < 60
    except contestants.Missing as error:
        pytest.skip(str(error))
