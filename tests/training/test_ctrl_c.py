"""Ctrl-C between two updates."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dlcore as dl
from dlcore.kernels.rng import order

from .runs import RICH, LeastSquares, N, Recording, T, X, Y, everything, linear, make, same_bits


class Interrupt(dl.Callback):
    """Presses Ctrl-C at the end of a chunk, or of an epoch."""

    def __init__(self, at_update: int | None = None, at_epoch: int | None = None) -> None:
        self.at_update, self.at_epoch = at_update, at_epoch

    def on_chunk_end(self, trainer: Any) -> None:
        trainer.pace.steps = 1
        if trainer.updates == self.at_update:
            signal.raise_signal(signal.SIGINT)

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
        if trainer.epoch == self.at_epoch:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c() -> Any:
    """SIGINT has its default handler, as in a terminal, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
class TestInterruption:
    """Ctrl-C between two updates."""

    def test_in_the_middle_of_an_epoch(self, tmp_path: Path) -> None:
        """The trainer stands after a whole number of updates, those of a run over the first rows only."""
        trainer, short = make(RICH), make(RICH)
        trainer.pace.steps = short.pace.steps = 1
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(X, Y, epochs=5, batch_size=4, shuffle=False, callbacks=[Interrupt(at_update=3)])
        short.fit(X[:12], Y[:12], epochs=1, batch_size=4, shuffle=False)
        assert trainer.updates == 3
        assert same_bits(trainer.get_weights(), short.get_weights())
        assert (trainer.epoch, trainer.history.epochs) == (0, 0)
        trainer.save(tmp_path / "run.safetensors")
        assert same_bits(dl.Trainer.load(tmp_path / "run.safetensors").get_weights(), trainer.get_weights())

    def test_training_goes_on_with_the_next_order(self) -> None:
        """After an interruption fit begins an epoch with an order that was not used yet."""
        trainer = linear()
        hand = LeastSquares(trainer)
        trainer.pace.steps = 1
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(X, T, epochs=5, batch_size=4, callbacks=[Interrupt(at_update=2)])
        trainer.fit(X, T, epochs=1, batch_size=4)
        hand.step(order(5, 0, N)[:4], 0.1)
        hand.step(order(5, 0, N)[4:8], 0.1)
        hand.epoch(order(5, 1, N), 4, 0.1)
        hand.agrees_with(trainer)

    def test_at_the_end_of_an_epoch(self, tmp_path: Path) -> None:
        """The epoch counts, and the run goes on as if nothing had been."""
        trainer, whole = make(RICH), make(RICH)
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(X, Y, epochs=5, batch_size=4, callbacks=[Interrupt(at_epoch=2)])
        assert (trainer.epoch, trainer.history.epochs) == (2, 2)
        trainer.fit(X, Y, epochs=1, batch_size=4)
        whole.fit(X, Y, epochs=3, batch_size=4)
        assert everything(trainer, tmp_path) == everything(whole, tmp_path)

    def test_at_the_end_of_the_last_epoch(self) -> None:
        """Ctrl-C is not swallowed because training was over anyway."""
        with pytest.raises(KeyboardInterrupt):
            make().fit(X, Y, epochs=1, callbacks=[Interrupt(at_epoch=1)])

    def test_callbacks_and_handler_afterwards(self) -> None:
        """on_fit_end is called, and SIGINT means again what it meant."""
        events: list[str] = []
        with pytest.raises(KeyboardInterrupt):
            make().fit(X, Y, epochs=2, callbacks=[Recording("a", events), Interrupt(at_epoch=1)])
        assert events[-1] == "a end"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_a_handler_of_someone_else_stays(self) -> None:
        """Where SIGINT has another meaning, dlcore does not touch it."""
        heard: list[int] = []
        signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
        make().fit(X, Y, epochs=2, callbacks=[Interrupt(at_epoch=1)])
        assert heard == [signal.SIGINT]
