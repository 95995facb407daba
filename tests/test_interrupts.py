"""Signals that wait, and signals that must not be lost."""

import contextlib
import signal
import sys
import threading

import numpy as np
import pytest

import dlcore as dl
from dlcore.interrupts import DeferredInterrupt, DeferredSignals, ProgramSignals, check_interrupt


@pytest.fixture(autouse=True)
def _default_handlers():
    """Signals mean what they mean in a terminal, whatever started the tests."""
    before = {
        n: signal.signal(n, h)
        for n, h in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL))
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_whose_exception_is_lost_is_found(number):
    with ProgramSignals(signal.SIGINT, signal.SIGTERM) as signals:
        check_interrupt()
        with contextlib.suppress(KeyboardInterrupt):  # as an import may
            signal.raise_signal(number)
        with pytest.raises(DeferredInterrupt):
            check_interrupt()
    assert signals.number == number
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    check_interrupt()  # no more


def test_what_a_program_has_noted_is_known_where_signals_are_deferred():
    with ProgramSignals(signal.SIGTERM):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with DeferredSignals(signal.SIGTERM) as inside:
            assert inside.number == signal.SIGTERM
    with ProgramSignals(signal.SIGTERM) as program:
        with DeferredSignals(signal.SIGTERM) as inside:
            signal.raise_signal(signal.SIGTERM)  # waits
            assert (inside.number, program.number) == (signal.SIGTERM, 0)
            with pytest.raises(DeferredInterrupt):
                check_interrupt()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_thread_is_not_interrupted():
    found = []
    with DeferredSignals(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
        thread = threading.Thread(target=lambda: found.append(check_interrupt()))
        thread.start()
        thread.join()
    assert found == [None]


def test_ctrl_c_while_kernels_are_compiled_waits_for_one_of_them(monkeypatch):
    entry, Loop = (
        pytest.importorskip("dlcore.kernels.cpu.entry"),
        pytest.importorskip("dlcore.kernels.cpu.compiled").Loop,
    )
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 5), dl.GELU(), dl.Dense(5, 2)), dl.SquaredError(), dl.SGD(0.1))
    compiled = []

    def slow(*arguments):
        compiled.append(arguments)
        signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    real = entry._compile
    monkeypatch.setattr(entry, "_compile", slow)
    monkeypatch.setattr(entry.cache, "load", lambda name: None)  # a cold start
    monkeypatch.setattr(entry.cache, "save", lambda name, code: None)
    loops = [
        each
        for name in list(sys.modules)
        if name.startswith("dlcore.kernels.cpu.")
        for each in vars(sys.modules[name]).values()
    ]
    for loop in loops:
        if isinstance(loop, Loop):
            monkeypatch.setattr(loop, "_entries", {})
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(np.zeros((9, 3)), np.zeros((9, 2)), epochs=3)
    assert len(compiled) <= 2
    assert trainer.updates == 0
