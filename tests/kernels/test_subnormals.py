"""Flush-to-zero: on while a program runs, in each of its threads; off again afterwards, whatever ended it."""

from __future__ import annotations

import platform
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import dlcore as dl
from dlcore.backends.backend import Backend, from_namespace
from dlcore.backends.executors import HOST_REPLAY, REPLAY, WORKER, Executor
from dlcore.kernels import reference, subnormals
from dlcore.kernels.subnormals import flush_bits, flushed, unflushed
from dlcore.kernels.table import BoundCall, Kernel

pytest.importorskip("llvmlite")
if platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"):
    pytest.skip("how this processor flushes subnormal numbers is not known", allow_module_level=True)
register = subnormals._register()
assert register is not None

SMALLEST = float(np.finfo(np.float32).smallest_normal)


def flushing() -> tuple[bool, bool]:
    """Whether this thread puts 0 in place of subnormal results, and of subnormal operands."""
    half = np.float32(SMALLEST) * np.float32(0.5)
    operand = np.array([1], np.int32).view(np.float32)[0]  # made of its bits, without arithmetic
    return bool(half == 0), bool(operand * np.float32(2**100) == 0)


OFF, ON = (False, False), (True, True)


# -- the call --------------------------------------------------------------------------------------------------------


def test_results_and_operands_are_flushed_inside_only() -> None:
    assert [flushing(), flushed(flushing), flushing()] == [OFF, ON, OFF]


def test_a_compiler_gets_subnormal_numbers_inside() -> None:
    assert flushed(lambda: (unflushed(flushing), flushing())) == (OFF, ON)
    assert flushing() == OFF


def test_float64_is_flushed_too() -> None:
    assert flushed(lambda x: x * 0.5, float(np.finfo(np.float64).smallest_normal)) == 0


def test_arguments_and_result_pass_through() -> None:
    assert flushed(int, "ff", base=16) == 255


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_restores_the_mode(error: type[BaseException]) -> None:
    def fail() -> None:
        assert flushing() == ON
        raise error

    with pytest.raises(error):
        flushed(fail)
    assert flushing() == OFF


def test_inside_another_the_outer_mode_comes_back() -> None:
    assert flushed(lambda: (flushed(flushing), flushing())) == (ON, ON)
    assert flushing() == OFF


@pytest.mark.parametrize("bit", [bit for bit in range(64) if register.flush >> bit & 1])
def test_the_mode_that_comes_back_is_the_callers(bit: int) -> None:
    """Also one that flushes results and not operands, or the other way round."""
    register.write(1 << bit)
    try:
        before = register.read(), flushing()
        inside = flushed(flushing)
        after = register.read(), flushing()
    finally:
        register.write(0)
    assert before[0] == 1 << bit
    assert inside == ON
    assert after == before


class Alarm(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that interrupts")
def test_an_interrupt_at_any_moment_restores_the_mode() -> None:
    """Signals that arrive within a few microseconds of entering and leaving, where Python may raise between two instructions."""

    def interrupt(number: int, frame: Any) -> None:
        raise Alarm

    def run() -> None:
        pass

    moments = random.Random(0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(1000):
            with pytest.raises(Alarm):  # noqa: PT012  the loop is what is interrupted
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(2e-6, 3e-5))
                while True:
                    flushed(run)
            assert flushing() == OFF
    finally:
        signal.signal(signal.SIGALRM, before)


def test_other_threads_keep_their_mode() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: dict[str, Any] = {}

    def run() -> None:
        seen["inside"] = flushing()
        inside.set()
        done.wait(10)

    def second() -> None:
        seen["before"] = flushing()
        flushed(run)
        seen["after"] = flushing()

    thread = threading.Thread(target=second)
    thread.start()
    inside.wait(10)
    mine = flushing()
    done.set()
    thread.join()
    assert mine == OFF
    assert seen == {"before": OFF, "inside": ON, "after": OFF}


# -- where it is not known -------------------------------------------------------------------------------------------


def test_without_llvm_nothing_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is made all the same."""
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    monkeypatch.setattr(subnormals, "_register", subnormals._register.__wrapped__)
    assert flushed(flushing) == OFF


INSTRUCTIONS = {
    "x86_64-unknown-linux-gnu": ("stmxcsr", "ldmxcsr"),
    "aarch64-unknown-linux-gnu": ("mrs", "msr"),
    "arm64-apple-darwin": ("mrs", "msr"),
    "riscv64-unknown-linux-gnu": (),
}


@pytest.mark.parametrize("triple", INSTRUCTIONS)
def test_the_code_reads_and_writes_the_register(triple: str) -> None:
    """LLVM takes the code for each target, also those that are not this machine's: the register is read, then written."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip("this LLVM was built without the target")
    text = target.create_target_machine().emit_assembly(llvm.parse_assembly(subnormals._code(triple)))
    registers = [line.split()[0] for line in text.splitlines() if "mxcsr" in line or "FPCR" in line]
    read_write = INSTRUCTIONS[triple]
    assert registers == [*read_write[:1], *read_write]  # read(); write() reads what it leaves as it is
    assert bool(flush_bits(triple)) == bool(read_write)


# -- programs --------------------------------------------------------------------------------------------------------


def executed(executor: Executor, kernel: Kernel, inputs: tuple[Any, ...], out: np.ndarray) -> None:
    executor.prepare([BoundCall(kernel, inputs, (out,))], 0.0)(1)


def programs() -> list[Any]:
    """(executor, the kernel `add` that it runs)"""
    numpys = from_namespace(np, "numpy").kernels.add
    cases = [pytest.param(REPLAY, numpys, id="NumPy"), pytest.param(HOST_REPLAY, numpys, id="reference")]
    compiled = Backend.for_device("cpu").kernels.add
    if compiled.source == "cpu":
        cases += [pytest.param(HOST_REPLAY, compiled, id="compiled"), pytest.param(WORKER, compiled, id="worker")]
    return cases


@pytest.mark.parametrize(("executor", "add"), programs())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_subnormal_result_is_0_in_a_program(executor: Executor, add: Kernel, dtype: str) -> None:
    """1.75 λ − 1.25 λ is λ / 2, and 0 under every executor.  Outside it is what it is in exact arithmetic."""
    smallest = np.finfo(dtype).smallest_normal
    x, y, z = (np.full((64, 512), v * smallest, dtype) for v in (1.75, -1.25, 1.0))
    add.run(x, y, out=z)
    assert (z == smallest / 2).all()
    executed(executor, add, (x, y), z)
    assert not z.any()
    assert flushing() == OFF


@pytest.mark.parametrize("executor", [REPLAY, HOST_REPLAY], ids=["NumPy", "host"])
def test_a_call_that_fails_restores_the_mode(executor: Executor) -> None:
    def fail(x: Any, y: Any, *, out: Any) -> None:
        assert flushing() == ON
        raise MemoryError

    broken = Kernel("add", reference.KERNELS["add"].contract, fail, "reference")
    x, z = np.ones((2, 3)), np.ones((2, 3))
    with pytest.raises(MemoryError):
        executed(executor, broken, (x, x), z)
    assert flushing() == OFF


BACKENDS: dict[str, Callable[[], Any]] = {"cpu": lambda: "cpu", "NumPy": lambda: from_namespace(np, "numpy")}


@pytest.mark.parametrize("backend", BACKENDS)
def test_prediction_flushes(backend: str) -> None:
    """A product of 1e-20 and 1e-19 is 0."""
    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(1, 1, bias=False)), dl.SquaredError(), dl.SGD(0.1), device=BACKENDS[backend]()
    )
    trainer.set_weights([np.full((1, 1), 1e-19, np.float32)])
    assert trainer.predict(np.full((3, 1), 1e-20, np.float32)).tolist() == [[0.0]] * 3
    assert trainer.predict(np.full((3, 1), 1.0, np.float32)).tolist() == [[np.float32(1e-19)]] * 3


def test_callbacks_run_in_the_callers_mode() -> None:
    seen = set()

    class Look(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Any) -> None:
            seen.add(flushing())

    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 2)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(np.ones((8, 2)), np.ones((8, 2)), epochs=3, batch_size=4, callbacks=[Look()])
    assert seen == {OFF}


@pytest.mark.parametrize("backend", BACKENDS)
def test_moments_of_dead_units_reach_0(backend: str, tmp_path: Path) -> None:
    """In round-to-nearest m ← 0.9 m never does: it sticks at a subnormal number.  A trained file holds none of them."""
    m = np.float32(1e-3)
    for _ in range(2000):
        m = m * np.float32(0.9)
    assert 0 < m < SMALLEST

    X = np.random.default_rng(0).standard_normal((64, 4))
    model = dl.Sequential(dl.Dense(4, 8), dl.ReLU(), dl.Dense(8, 1))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.Adam(1e-3), device=BACKENDS[backend]())
    trainer.fit(X, X[:, :1], epochs=1, batch_size=8)
    alive = trainer.get_weights()
    trainer.set_weights(
        [alive[0], alive[1] - np.float32(1e3) * (np.arange(8) < 4), *alive[2:]]
    )  # half of the units die
    trainer.fit(X, X[:, :1], epochs=250, batch_size=8)
    trainer.save(tmp_path / "run.safetensors")
    arrays = {name: a for name, a in load_file(tmp_path / "run.safetensors").items() if a.dtype == np.float32}
    assert any(name.startswith("slot/m/") for name in arrays), sorted(arrays)
    for name, values in arrays.items():
        assert not ((values != 0) & (np.abs(values) < SMALLEST)).any(), name
