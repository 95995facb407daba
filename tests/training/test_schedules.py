"""Weight decay and dropout that follow schedules: which update has which number, what is refused, what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.training.schedule_table import schedule_table

from .runs import CLASSES, COLUMNS, LeastSquares, N, T, X, Y, linear, make, same_bits

DROPOUT = dl.Sequential(
    dl.Dense(COLUMNS, 5), dl.Tanh(), dl.Dropout(0.2), dl.Dropout(0.5, schedule=lambda step: 1 / (1 + step)),
    dl.Residual(dl.Dense(5, 5), dl.Dropout(0.8, schedule=lambda step: step / 100)), dl.Dense(5, CLASSES),
)  # fmt: skip


class Numbers(dl.Callback):
    """Writes down the scheduled numbers of layers that each batch was computed with."""

    def __init__(self) -> None:
        self.seen: list[list[float]] = []

    def on_chunk_end(self, trainer: Any) -> None:
        trainer.pace.steps = 1
        (call,) = (call for call in trainer.step.calls if call.name == "scheduled")
        self.seen.append(trainer.running.array(call.outputs[0]).tolist())


def kept(updates: Any) -> list[list[float]]:
    return [[1 - 0.5 / (1 + t), 1 - 0.8 * t / 100] for t in updates]


def numbers_of(trainer: dl.Trainer, **options: Any) -> list[list[float]]:
    look = Numbers()
    trainer.pace.steps = 1
    trainer.fit(X, Y, batch_size=4, callbacks=[look], **options)
    return look.seen


def test_weight_decay_has_a_schedule() -> None:
    """θ ← (1 − η_t c f(t)) W − η_t g on matrices, t counted over all calls of fit."""
    optimizer = dl.SGD(0.1, weight_decay=0.5, decay_schedule=lambda step: step, schedule=lambda step: 1 / (1 + step))
    trainer = linear(optimizer=optimizer)
    hand = LeastSquares(trainer)
    step = 0
    for _ in range(2):
        trainer.fit(X, T, epochs=1, batch_size=6, shuffle=False)
        for start in range(0, N, 6):
            eta = 0.1 / (1 + step)
            before = hand.W.copy()
            hand.step(np.arange(start, min(start + 6, N)), eta)
            hand.W -= eta * 0.5 * step * before
            step += 1
    hand.agrees_with(trainer)


def test_a_schedule_of_dropout_counts_updates() -> None:
    """Over epochs and calls of fit; layers inside others have columns of their own."""
    trainer = make(DROPOUT)
    np.testing.assert_allclose(numbers_of(trainer, epochs=2), kept(range(12)), rtol=1e-15)
    np.testing.assert_allclose(numbers_of(trainer, epochs=1), kept(range(12, 18)), rtol=1e-15)


def test_batches_of_one_update_have_one_number() -> None:
    """With accumulated gradients, wherever a chunk ends."""
    trainer = make(DROPOUT)
    updates = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3]
    np.testing.assert_allclose(numbers_of(trainer, epochs=2, accumulate=4), kept(updates), rtol=1e-15)


def test_a_batch_without_weight_takes_no_step_of_dropouts_schedule() -> None:
    """As it takes none of the rate's."""
    w = np.ones(N)
    w[4:12] = 0
    trainer = make(DROPOUT)
    found = numbers_of(trainer, epochs=1, shuffle=False, sample_weight=w)
    np.testing.assert_allclose(found, kept([0, 1, 1, 1, 2, 3]), rtol=1e-15)


def test_a_constant_schedule_is_none() -> None:
    """Masks and bits are those of the same rate without a schedule, in float32 too."""
    for dtype in ("float32", "float64"):
        weights = []
        for options in ({}, {"schedule": lambda step: 1.0}):
            model = dl.Sequential(dl.Dense(COLUMNS, 8), dl.ReLU(), dl.Dropout(0.3, **options), dl.Dense(8, CLASSES))
            trainer = make(model, dl.AdamW(0.01, decay_schedule=options.get("schedule")), dtype=dtype)
            trainer.fit(X, Y, epochs=3, batch_size=4)
            weights.append(trainer.get_weights())
        assert same_bits(*weights)


def test_a_look_at_gradients_is_at_the_update_to_come() -> None:
    """Its masks keep as many as the next batch of fit would."""
    model = dl.Sequential(
        dl.Dense(COLUMNS, 400), dl.Dropout(0.9, schedule=lambda step: step / 4), dl.Dense(400, CLASSES)
    )
    trainer = make(model)
    for updates in range(4):
        session = trainer.session(X, Y)
        session.gradient()
        (mask,) = (b for call in session.program.calls for b in call.outputs if b.path == "1.mask")
        assert session.array(mask).mean() == pytest.approx(1 - 0.9 * updates / 4, abs=0.02)
        trainer.fit(X, Y, epochs=1, batch_size=None)


# -- what is refused -----------------------------------------------------------------------------------------------------


def at(update: int, value: Any) -> Any:
    return lambda step: value if step == update else 0.5


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (dl.SGD(0.1, schedule=at(7, -1)), r"the learning rate of update 7 is -0.1, expected a number >= 0 within float64"),
        (dl.SGD(0.1, weight_decay=2, decay_schedule=at(7, -1)), r"the weight decay of update 7 is -2, expected a number >= 0"),
        (dl.SGD(0.1, weight_decay=2, decay_schedule=at(7, np.nan)), r"the weight decay of update 7 is nan"),
        (dl.SGD(0.1, decay_schedule=at(7, "x")), r"decay_schedule: no factor for update 7"),
        (dl.SGD(0.1, schedule=at(7, None)), r"^schedule: no factor for update 7"),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_number_that_no_optimizer_takes(optimizer: dl.Optimizer, message: str) -> None:
    """The error names the number and the update."""
    with pytest.raises(dl.ConfigurationError, match=message):
        make(optimizer=optimizer).fit(X, Y, epochs=2, batch_size=4)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2, r"layer 1.0: Dropout: the rate of update 7 is 1, expected a number from 0 up to, not including, 1"),
        (-1, r"layer 1.0: Dropout: the rate of update 7 is -0.5, expected"),
        (np.nan, r"layer 1.0: Dropout: the rate of update 7 is nan, expected"),
        (None, r"layer 1.0: schedule: no factor for update 7"),
    ],
)
def test_a_rate_that_no_dropout_takes(value: Any, message: str) -> None:
    """The error names the layer and the update."""
    inside = dl.Residual(dl.Dropout(0.5, schedule=at(7, value)))
    trainer = make(dl.Sequential(dl.Dense(COLUMNS, 5), inside, dl.Dense(5, CLASSES)))
    with pytest.raises(dl.ConfigurationError, match=message):
        trainer.fit(X, Y, epochs=2, batch_size=4)


# -- what is saved -------------------------------------------------------------------------------------------------------


def test_schedules_of_all_three_are_saved(tmp_path: Path) -> None:
    """Those that are data come back; the table for further updates is the same."""
    optimizer = dl.AdamW(0.1, schedule=dl.schedules.WarmUp(3), decay_schedule=dl.schedules.CosineDecay(20))
    inside = dl.Residual(dl.Dropout(0.5, schedule=dl.schedules.StepDecay(4, 0.5)))
    trainer = make(dl.Sequential(dl.Dense(COLUMNS, 5), inside, dl.Dense(5, CLASSES)), optimizer)
    trainer.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert (loaded.model, loaded.optimizer) == (trainer.model, trainer.optimizer)
    table = schedule_table(loaded.recipe, loaded.learning_rate, 3, 5)
    np.testing.assert_array_equal(table, schedule_table(trainer.recipe, trainer.learning_rate, 3, 5))
    np.testing.assert_allclose(table[:, 0], 0.1, rtol=1e-15)
    np.testing.assert_allclose(table[:, 2], [0.5, 0.75, 0.75, 0.75, 0.75], rtol=1e-15)


def test_functions_are_not_stored(tmp_path: Path) -> None:
    """Loading warns of each, and what it multiplied is constant."""
    inside = dl.Residual(dl.Dropout(0.5, schedule=at(0, 1)))
    model = dl.Sequential(dl.Dense(COLUMNS, 5), inside, dl.Dense(5, CLASSES))
    make(model, dl.AdamW(0.1, decay_schedule=at(0, 1))).save(tmp_path / "run.safetensors")
    with pytest.warns(UserWarning, match="is a function and was not stored") as caught:
        loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    told = [str(warning.message) for warning in caught]
    assert ["schedule tests" in text and "of Dropout" in text for text in told] == [True, False]
    assert "the decay_schedule tests" in told[1]
    assert "of AdamW" in told[1]
    assert loaded.model[1] == dl.Residual(dl.Dropout(0.5))
    assert loaded.optimizer == dl.AdamW(0.1)
    loaded.fit(X, Y, epochs=1)
