"""Plans that stay bound between calls of fit: the same bits as plans which are recorded anew for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import trainer as trainer_module

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((40, 6)), RANDOM.integers(0, 3, 40)


def make() -> dl.Trainer:
    model = dl.Sequential(dl.Dense(6, 5), dl.ReLU(), dl.Dropout(0.2), dl.Dense(5, 3))
    return dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), dtype="float64")


def _same(one: dl.Trainer, other: dl.Trainer) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


FITS: list[tuple[int, dict[str, Any]]] = [
    (8, {"batch_size": 8}),
    (8, {"batch_size": 8}),
    (40, {"batch_size": 12}),  # arrays grow
    (8, {"batch_size": 8}),
    (8, {"batch_size": 3, "shuffle": False}),
    (40, {"batch_size": 12, "accumulate": 2}),
    (40, {"batch_size": 12, "validation": (X, Y)}),
    (9, {}),
    *((rows, {"batch_size": 4}) for rows in range(20, 32)),  # more plans than are kept
    (8, {"batch_size": 8}),
]


def test_bits_are_those_of_plans_recorded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, anew = make(), make()
    for rows, options in FITS:
        first = kept.fit(X[:rows], Y[:rows], epochs=2, **options)
        with monkeypatch.context() as patch:
            patch.setattr(trainer_module, "FEW_BYTES", -1)
            second = anew.fit(X[:rows], Y[:rows], epochs=2, **options)
        assert first["loss"] == second["loss"]
        assert _same(kept, anew)


def test_a_second_fit_on_rows_of_the_same_shape_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make()
    trainer.fit(X, Y, epochs=1, batch_size=16)
    step = trainer.step
    monkeypatch.setattr(trainer_module, "TrainingStep", None)
    trainer.fit(X + 1, Y, epochs=1, batch_size=16)
    assert trainer.step is step


def test_rows_changed_between_two_fits_are_seen() -> None:
    one, other, rows = make(), make(), X.copy()
    one.fit(rows, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    rows *= 2
    one.fit(rows, Y, epochs=1)
    other.fit(2 * X, Y, epochs=1)
    assert _same(one, other)


def test_a_gradient_asked_by_a_callback_leaves_the_rows_of_fit() -> None:
    class Ask(dl.Callback):
        def on_chunk_end(self, trainer: dl.Trainer) -> None:
            dl.gradients(trainer, 100 * X, Y)

    one, other = make(), make()
    one.fit(X, Y, epochs=3, batch_size=16, callbacks=[Ask()])
    other.fit(X, Y, epochs=3, batch_size=16)
    one.fit(X, Y, epochs=3, batch_size=16)
    other.fit(X, Y, epochs=3, batch_size=16)
    assert _same(one, other)


def test_another_optimizer_takes_effect() -> None:
    one, other = make(), make()
    one.fit(X, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    one.optimizer = dl.Adam(0.01, l2=0.5)
    one.fit(X, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    assert not _same(one, other)
