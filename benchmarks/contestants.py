"""Contestants in separate processes: only the one whose turn it is runs, the others are stopped by SIGSTOP.

Thread pools keep spinning after their work (OpenMP, OpenBLAS and XLA, each in its way) and would run beside the next
contestant.  SIGSTOP reliably prevents that.  Where it does not exist (Windows), a pause lets them fall asleep.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from machine import Neighbours, pools
from rounds import order
from tasks import Task

# name -> (file in peers/, library, variant), in the order of the tables
ALL = {
    "dlcore": ("dlcore_trainer", "dlcore", "float32"),
    "dlcore TF32": ("dlcore_trainer", "dlcore", "high"),
    "dlcore bf16": ("dlcore_trainer", "dlcore", "bfloat16"),
    "bare products": ("bare_products", "numpy", ""),
    "bare products, cuBLASLt": ("bare_products_cuda", "nvmath", "float32"),
    "bare products, cuBLASLt TF32": ("bare_products_cuda", "nvmath", "tf32"),
    "bare products, cuBLASLt bf16": ("bare_products_cuda", "nvmath", "bf16"),
    "torch eager": ("pytorch", "torch", "eager"),
    "torch fused": ("pytorch", "torch", "fused"),
    "torch 1 thread": ("pytorch", "torch", "1 thread"),
    "torch compile": ("pytorch", "torch", "compile"),
    "torch graph": ("pytorch", "torch", "graph"),
    "torch graph medium": ("pytorch", "torch", "graph medium"),
    "torch medium": ("pytorch", "torch", "medium"),
    "torch bf16": ("pytorch", "torch", "bf16"),
    "jax jit": ("jax_xla", "jax", "jit"),
    "jax scan": ("jax_xla", "jax", "scan"),
    "scikit-learn": ("scikit_learn", "sklearn", ""),
}
BARE = {"cpu": "bare products", "cuda": "bare products, cuBLASLt"}  # by kind of device
OF_A_STEP = {  # the contestants of time_step.py: a step, and its products
    "cpu": {"dlcore": "bare products"},
    "cuda": {
        "dlcore": "bare products, cuBLASLt",
        "dlcore TF32": "bare products, cuBLASLt TF32",
        "dlcore bf16": "bare products, cuBLASLt bf16",
    },
}
ROUNDED = (
    "dlcore TF32",
    "dlcore bf16",
    "torch graph medium",
    "torch medium",
    "torch bf16",
)  # these may multiply with fewer bits than float32 has
_STOPS = hasattr(signal, "SIGSTOP")
LIMIT = 3600.0  # seconds without an answer after which a process counts as hung
PAUSE = 0.3  # seconds for thread pools to fall asleep, where processes cannot be stopped


class Missing(Exception):
    """A contestant that cannot take part; the message says why."""


@dataclass(frozen=True)
class Turn:
    """A contestant's turn: steps after `begin`, their seconds, the seconds before, the last epoch's loss."""

    steps: int
    seconds: float
    setup_seconds: float
    loss: float
    neighbours: float | None

    @property
    def step_seconds(self) -> float:
        return self.seconds / self.steps


class Contestant:
    """One of ALL on a task, in a process that is stopped between its turns.  Use it in a `with`.

    Raises Missing if its library is not installed or cannot do the task, RuntimeError with the traceback of the process if it
    fails.  With wait=False it starts in the background, while others start, and is ready after `ready()`.
    """

    def __init__(self, name: str, task: Task, device: str, *, wait: bool = True) -> None:
        file, library, variant = ALL[name]
        if importlib.util.find_spec(library) is None:
            raise Missing(f"{library} is not installed")
        self.name, self.task = name, task
        context = multiprocessing.get_context("spawn")  # a fresh process, without the libraries loaded here
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, file, task, variant, device), daemon=True)
        self._process.start()
        theirs.close()
        if wait:
            self.ready()

    def ready(self) -> None:
        try:
            self._receive()
        except BaseException:
            self.close()
            raise

    def turn(self, epochs: int) -> Turn:
        """Train `epochs` further epochs."""
        return self._ask("turn", epochs)

    def steady(self, seconds: float) -> int:
        """The number of epochs that take `seconds`, estimated from one epoch after a first one that compiles."""
        self.turn(1)
        return max(1, math.ceil(seconds / self.turn(1).seconds))

    def epochs(self, count: int) -> tuple[list[float], float | None]:
        """Seconds of a step in each epoch of a run from fresh weights, and the neighbours' share."""
        return self._ask("epochs", count)

    def facts(self) -> dict[str, Any]:
        """The contestant's facts about itself, and the BLAS loaded in its process."""
        return self._ask("facts")

    def learn(self, seed: int, epochs: int, stop: Any) -> dict[str, Any]:
        """Train from the start until `stop`; see `Served.learn`."""
        return self._ask("learn", seed, epochs, stop)

    def close(self) -> None:
        if self._process.is_alive():
            self._process.kill()  # also ends stopped processes
        self._process.join()
        self._pipe.close()

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, *request: Any) -> Any:
        if _STOPS:
            self._signal(signal.SIGCONT)
        else:
            time.sleep(PAUSE)
        try:
            self._pipe.send(request)
        except OSError:
            raise self._ended() from None
        return self._receive()

    def _receive(self) -> Any:
        if not self._pipe.poll(LIMIT):
            self.close()
            raise RuntimeError(f"{self.name}: no answer in {LIMIT:g} s")
        try:
            kind, answer = self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if kind == "missing":
            raise Missing(answer)
        if kind == "failed":
            raise RuntimeError(f"{self.name}, {self.task.name}:\n{answer}")
        if _STOPS:
            self._signal(signal.SIGSTOP)
        return answer

    def _signal(self, number: int) -> None:
        if self._process.pid and self._process.is_alive():  # pid 0 would mean the benchmark's own group
            os.kill(self._process.pid, number)

    def _ended(self) -> RuntimeError:
        self._process.join()
        return RuntimeError(f"{self.name}: its process ended with exit code {self._process.exitcode}")


class Field:
    """The contestants of `entries` that can do a task, each in its process until the `with` ends; if one fails, it is removed.

    entries     label -> (name in ALL, device)
    leave_out   is called with {label: reason} for contestants that cannot take part, or fail
    """

    def __init__(
        self, entries: Mapping[str, tuple[str, str]], task: Task, leave_out: Callable[[dict[str, str]], None]
    ) -> None:
        self._task, self._leave_out = task, leave_out
        self.present: dict[str, Contestant] = {}
        try:
            for label, (name, device) in entries.items():  # started at the same time: importing a library takes seconds
                try:
                    self.present[label] = Contestant(name, task, device, wait=False)
                except Missing as error:
                    leave_out({label: str(error)})
            for label, contestant in list(self.present.items()):
                try:
                    contestant.ready()
                except Missing as error:
                    leave_out({label: str(error)})
                    del self.present[label]
                except RuntimeError as error:
                    leave_out({f"{label}, {task.name}": str(error)})
                    del self.present[label]
        except BaseException:
            self.close()
            raise

    def turns(self, seconds: float, rounds: int, after_round: Callable[[int], None]) -> dict[str, list[Turn]]:
        """Interleaved turns of about `seconds` each, of all contestants that have not failed by the end."""
        epochs = {label: self.ask(label, "steady", seconds) for label in list(self.present)}
        turns: dict[str, list[Turn]] = {label: [] for label in self.present}
        for i, label in enumerate(order(list(turns), rounds), 1):
            if (turn := self.ask(label, "turn", epochs[label])) is not None:
                turns[label].append(turn)
            if i % len(turns) == 0:
                after_round(i // len(turns))
        return {label: taken for label, taken in turns.items() if label in self.present}

    def ask(self, label: str, method: str, *arguments: Any) -> Any:
        """The result of this method of the contestant; None if it has been removed."""
        if label in self.present:
            try:
                return getattr(self.present[label], method)(*arguments)
            except RuntimeError as error:
                self._leave_out({f"{label}, {self._task.name}": str(error)})
                self.present.pop(label).close()
        return None

    def close(self) -> None:
        for contestant in self.present.values():
            contestant.close()

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


# -- in the contestant's process -------------------------------------------------------------------------------------


class Served:
    """A peer, and the clock around it."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        peer.start(0)

    def turn(self, epochs: int) -> Turn:
        begun, done, losses, neighbours = math.nan, math.nan, [], Neighbours()

        def begin() -> None:
            nonlocal begun
            begun = time.perf_counter()

        def after_epoch(loss: float) -> bool:
            nonlocal done
            losses.append(loss)
            done = time.perf_counter()
            return len(losses) == epochs

        called = time.perf_counter()
        self.peer.run(epochs, begin, after_epoch)
        steps = len(losses) * self.peer.steps
        return Turn(steps, done - begun, begun - called, losses[-1], neighbours.share())

    def epochs(self, count: int) -> tuple[list[float], float | None]:
        """Seconds of a step in each epoch of a run from fresh weights, and the neighbours' share."""
        ends: list[float] = []
        neighbours = Neighbours()

        def after_epoch(loss: float) -> bool:
            ends.append(time.perf_counter())
            return len(ends) > count

        self.peer.start(0)
        self.peer.run(count, lambda: ends.append(time.perf_counter()), after_epoch)
        return [(end - begin) / self.peer.steps for begin, end in pairwise(ends)], neighbours.share()

    def learn(self, seed: int, epochs: int, stop: Any) -> dict[str, Any]:
        """Seconds from arrays on the host until `stop(loss, accuracy)` is true or `epochs` are over, and the results.

        `accuracy()` is measured on the test rows; if the rule calls it, its time counts.
        """
        test = self.peer.data.X_test, self.peer.data.y_test
        losses: list[float] = []
        neighbours = Neighbours()

        def after_epoch(loss: float) -> bool:
            losses.append(loss)
            return bool(stop(loss, lambda: self.peer.accuracy(*test))) or len(losses) == epochs

        start = time.perf_counter()
        self.peer.start(seed)
        self.peer.run(epochs, lambda: None, after_epoch)
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "epochs": len(losses),
            "loss": losses[-1],
            "accuracy": self.peer.accuracy(*test),
            "reached": stop.met,
            "neighbours": [neighbours.share()],
        }

    def facts(self) -> dict[str, Any]:
        return {**self.peer.facts(), "pools": pools()}


def _serve(pipe: Any, file: str, task: Task, variant: str, device: str) -> None:
    if os.name == "posix":
        # a separate process group: Ctrl-C reaches only the parent, which ends this process; and if the parent is killed, the
        # system continues and hangs up this group, which is orphaned then, even while it is stopped
        os.setpgid(0, 0)
    os.dup2(sys.stderr.fileno(), 1)  # standard output is reserved for the benchmark
    from peers.peer import Unavailable

    try:
        served = Served(importlib.import_module(f"peers.{file}").Contestant(task, task.load(), variant, device))
        pipe.send(("ready", None))
        while True:
            method, *arguments = pipe.recv()
            pipe.send(("done", getattr(served, method)(*arguments)))
    except (Unavailable, ImportError) as error:
        pipe.send(("missing", str(error)))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):  # the benchmark has ended
        pass
    except Exception:
        pipe.send(("failed", traceback.format_exc()))
