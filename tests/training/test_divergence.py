"""A loss or a parameter that overflows ends the run and keeps the last good state."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .runs import LINEAR, Recording, T, X, everything, kept_arrays, make, same_bits

STEEP = np.ones((40, 1))  # w ← w − η (w − 2): diverges by the factor 1 − η a step


def steep(optimizer: dl.Optimizer, *layers: dl.Layer, **options: Any) -> dl.Trainer:
    model = dl.Sequential(*layers, dl.Dense(1, 1, bias=False, init=dl.initializers.Constant(1.0)))
    return make(model, optimizer, dl.SquaredError(), **options)


def diverge(trainer: dl.Trainer, rows: np.ndarray = STEEP, **options: Any) -> int:
    """Train until it diverges; the number of the update that did."""
    with pytest.raises(dl.DivergenceError) as error:
        trainer.fit(rows, np.full(len(rows), 2.0), batch_size=1, shuffle=False, **options)
    found = re.search(r"update (\d+)", str(error.value))
    assert found
    return int(found[1])


DIVERGING: dict[str, dl.Optimizer] = {
    "SGD": dl.SGD(1e12),
    "SGD momentum": dl.SGD(1e12, momentum=0.5),
    "SGD nesterov": dl.SGD(1e12, momentum=0.5, nesterov=True),
    "MovingAverageSGD": dl.MovingAverageSGD(1e13, 0.5),
    "MovingAverageSGD nesterov": dl.MovingAverageSGD(1e13, 0.5, nesterov=True),
    "Adam": dl.Adam(1e200),
    "AdamW": dl.AdamW(1e200, weight_decay=0.0),
}


@pytest.mark.parametrize("name", DIVERGING)
def test_divergence_keeps_the_last_good_state(name: str, tmp_path: Path) -> None:
    """The state is that after the last update before the loss overflowed, in every bit, slots included."""
    trainer, good = steep(DIVERGING[name]), steep(DIVERGING[name])
    update = diverge(trainer)
    assert 1 < update < 40
    good.fit(STEEP[: update - 1], np.full(update - 1, 2.0), epochs=1, batch_size=1, shuffle=False)
    assert trainer.updates == good.updates == update - 1
    assert kept_arrays(trainer, tmp_path) == kept_arrays(good, tmp_path)
    assert np.isfinite(trainer.get_weights()[0]).all()


def test_divergence_keeps_the_running_statistics() -> None:
    """BatchNorm's running statistics are those before the update that failed; what comes after it in the chunk leaves none."""
    rows = np.random.default_rng(0).standard_normal((40, 1)) + 3

    def make_steep() -> dl.Trainer:
        head = dl.Dense(1, 1, bias=False, init=dl.initializers.Constant(1.0))
        trainer = make(dl.Sequential(dl.BatchNorm(1), head), dl.SGD(1e12), dl.SquaredError())
        trainer.pace.steps = 1000  # the fault lies inside a chunk
        return trainer

    trainer, good = make_steep(), make_steep()
    with pytest.raises(dl.DivergenceError) as error:
        trainer.fit(rows, np.full(40, 2.0), epochs=1, batch_size=2, shuffle=False)
    update = int(re.search(r"update (\d+)", str(error.value))[1])  # type: ignore[index]
    kept = 2 * (update - 1)
    good.fit(rows[:kept], np.full(kept, 2.0), epochs=1, batch_size=2, shuffle=False)
    assert same_bits(trainer.get_weights(), good.get_weights())


def test_the_state_after_divergence_does_not_depend_on_chunks(tmp_path: Path) -> None:
    """Where Python was returned to is no part of the state: parameters, counters and all are those of the clock's other moods."""
    states = []
    for chunk in (1, 1000):
        trainer = steep(dl.SGD(1e12))
        trainer.pace.steps = chunk
        diverge(trainer)
        states.append(everything(trainer, tmp_path))
    assert states[0] == states[1]


def test_training_goes_on_after_divergence() -> None:
    """With a sane learning rate the same trainer learns."""
    trainer = steep(dl.SGD(1e12))
    diverge(trainer)
    trainer.set_weights([np.array([[1.0]])])
    trainer.learning_rate = 0.5
    history = trainer.fit(STEEP, np.full(40, 2.0), epochs=2, batch_size=1)
    assert history["loss"][-1] < 1e-12
    np.testing.assert_allclose(trainer.get_weights()[0], 2.0, rtol=1e-6)


def test_divergence_with_accumulation() -> None:
    """Accumulated gradients that overflowed do not spoil the training after it."""
    trainer = steep(dl.SGD(1e12))
    diverge(trainer, accumulate=2)
    trainer.set_weights([np.array([[1.0]])])
    trainer.learning_rate = 0.5
    trainer.fit(STEEP, np.full(40, 2.0), epochs=2, batch_size=1, accumulate=2)
    np.testing.assert_allclose(trainer.get_weights()[0], 2.0, rtol=1e-5)


def test_divergence_names_update_epoch_and_rate() -> None:
    """The message says when, with which rate, and what to try."""
    trainer = steep(dl.SGD(1e12))
    with pytest.raises(
        dl.DivergenceError, match=r"update \d+ \(epoch 1\).*learning rate 1e\+12.*smaller learning rate"
    ):
        trainer.fit(STEEP, np.full(40, 2.0), batch_size=1)


def test_callbacks_hear_the_end_of_a_diverged_fit() -> None:
    """on_fit_end is called."""
    events: list[str] = []
    diverge(steep(dl.SGD(1e12)), callbacks=[Recording("a", events)])
    assert events[-1] == "a end"


def test_an_update_that_overflows_is_divergence() -> None:
    """Parameters that became infinite end the run with an error that says so."""
    trainer = make(LINEAR, dl.SGD(3e38), dl.SquaredError(), dtype="float32")
    with pytest.raises(dl.DivergenceError, match="parameters too large for float32"):
        trainer.fit(10 * X, T, epochs=1, batch_size=None)


OVERFLOWING: dict[str, tuple[dl.Optimizer, float]] = {
    "rate": (dl.SGD(3e38), 1.0),
    "RMSProp": (dl.RMSProp(3e38), 1.0),
    "Nadam": (dl.Nadam(3e38), 1.0),
    "AdamW": (dl.AdamW(3e38, weight_decay=0.0), 1.0),
    "weight decay": (dl.SGD(1.0, weight_decay=1e30), 1.0),
    "running statistics": (dl.SGD(1e-3), 1e25),
}


@pytest.mark.parametrize("kind", OVERFLOWING)
@pytest.mark.parametrize("epochs", [1, 3])
def test_parameters_that_overflowed_are_not_used_unless_asked(kind: str, epochs: int, tmp_path: Path) -> None:
    """In one epoch of one update no loss comes after it; the parameters themselves are looked at."""
    optimizer, scale = OVERFLOWING[kind]
    trainer = dl.Trainer(dl.Sequential(dl.BatchNorm(2), dl.Dense(2, 1)), dl.SquaredError(), optimizer, seed=1)
    rows = np.random.default_rng(0).standard_normal((20, 2)).astype("float32") * np.float32(scale)
    y = 9 + rows[:, :1] / np.float32(scale)
    path = tmp_path / "kept.safetensors"
    trainer.save(path)
    before = path.read_bytes()
    with contextlib.suppress(dl.DivergenceError):
        trainer.fit(rows, y, epochs=epochs, batch_size=20)
    if all(np.isfinite(weight).all() for weight in trainer.get_weights()):
        trainer.save(path)  # this update was refused: the state before it is a good one
        assert np.isfinite(dl.Trainer.load(path).get_weights()[0]).all()
        return
    for use in (lambda: trainer.predict(rows), lambda: trainer.evaluate(rows, y), lambda: trainer.save(path)):
        with pytest.raises(dl.DivergenceError, match="parameters are NaN or infinite"):
            use()
    assert path.read_bytes() == before
    trainer.allow_nonfinite = True
    trainer.predict(rows)
    trainer.save(path)
    with pytest.raises(dl.DivergenceError, match="parameters are NaN or infinite"):
        dl.Trainer.load(path).predict(rows)
    trainer.allow_nonfinite = False
    trainer.reset()
    trainer.predict(rows)
