"""Plans that stay bound between calls of fit: the same bits as plans which are recorded anew for each."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.training import batches, sources

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((40, 6)), RANDOM.integers(0, 3, 40)


def make() -> dl.Trainer:
    model = dl.Sequential(dl.Dense(6, 5), dl.ReLU(), dl.Dropout(0.2), dl.Dense(5, 3))
    return dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), dtype="float64")


def _same(one: dl.Trainer, other: dl.Trainer) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


# rows, dtype of X, whether targets are given as rows of an identity matrix, options; every fit has other rows
FITS: list[tuple[int, str, bool, dict[str, Any]]] = [
    (8, "float64", False, {"batch_size": 8}),
    (8, "float64", False, {"batch_size": 8}),
    (40, "float64", False, {"batch_size": 12}),  # arrays grow
    (8, "float64", False, {"batch_size": 8}),
    (8, "float32", False, {"batch_size": 8}),
    (8, "float64", False, {"batch_size": 8}),  # not those in float32
    (8, "float64", True, {"batch_size": 8}),
    (8, "float64", False, {"batch_size": 8}),  # not those of the matrix
    (8, "float64", False, {"batch_size": 3}),
    (8, "float64", False, {"batch_size": 3, "shuffle": False}),
    (40, "float64", False, {"batch_size": 12, "accumulate": 2}),
    (40, "float64", False, {"batch_size": 12, "sample_weight": np.arange(40) % 3}),
    (40, "float64", False, {"batch_size": 12, "validation": (X, Y)}),
    (9, "float64", False, {}),
    *((rows, "float64", False, {"batch_size": 4}) for rows in range(20, 32)),  # more plans than are kept
    (8, "float64", False, {"batch_size": 8}),
]


def test_bits_are_those_of_plans_recorded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, anew = make(), make()
    for place, (rows, dtype, matrix, options) in enumerate(FITS):
        x, y = np.roll(X, place, axis=0)[:rows].astype(dtype), np.roll(Y, place)[:rows]
        y = np.eye(3)[y] if matrix else y
        first = kept.fit(x, y, epochs=2, **options)
        with monkeypatch.context() as patch:
            patch.setattr(sources, "FEW_BYTES", -1)
            second = anew.fit(x, y, epochs=2, **options)
        assert first["loss"] == second["loss"], f"fit {place}: {FITS[place]}"
        assert _same(kept, anew)


def test_old_plans_go() -> None:
    """However many shapes a trainer has seen."""
    trainer, steps = make(), []
    for rows in range(1, 21):
        trainer.fit(X[:rows], Y[:rows], epochs=1)
        steps.append(weakref.ref(trainer.step))
    gc.collect()
    assert sum(step() is not None for step in steps) <= 8


def test_a_second_fit_on_rows_of_the_same_shape_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make()
    trainer.fit(X, Y, epochs=1, batch_size=16)
    step = trainer.step
    monkeypatch.setattr(batches, "record_step", lambda *arguments: pytest.fail("recorded again"))
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


def test_a_rule_of_another_kind_begins_with_empty_slots() -> None:
    """And with its own learning rate: what the rule before left under the same name, as "v", means something else."""
    one, other = make(), make()
    one.fit(X, Y, epochs=1)
    other.set_weights(one.get_weights())
    one.optimizer = other.optimizer = dl.SGD(0.1, momentum=0.9)
    other.state.set_counter("progress", one.state.counter("progress"))
    other._position = one.position
    one.fit(X, Y, epochs=1)
    other.fit(X, Y, epochs=1)
    assert one.learning_rate == 0.1
    assert _same(one, other)
    with pytest.raises(dl.ConfigurationError, match="optimizer='adam'"):
        one.optimizer = "adam"  # type: ignore[assignment]


def test_a_fit_in_a_callback_of_fit_is_refused() -> None:
    """It would train on with the rows of the inner one; afterwards the trainer is as usable as before."""

    class Again(dl.Callback):
        def on_epoch_end(self, trainer: dl.Trainer, logs: Any) -> None:
            with pytest.raises(dl.ConfigurationError, match="another fit of this trainer is going on"):
                trainer.fit(X + 1, Y, epochs=1, batch_size=16)

    one, other = make(), make()
    for _ in range(2):
        one.fit(X, Y, epochs=2, batch_size=16, callbacks=[Again()])
        other.fit(X, Y, epochs=2, batch_size=16)
    assert _same(one, other)


def test_an_array_is_never_new_under_an_old_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans ask by the number whether their arrays were replaced, also where Ctrl-C came between the two."""
    trainer = make()
    trainer.fit(X[:8], Y[:8], epochs=1)

    class Interrupted(dict[Any, Any]):
        def __setitem__(self, place: Any, array: Any) -> None:
            super().__setitem__(place, array)
            raise KeyboardInterrupt

    workspace = trainer._workspace
    before = workspace.generation
    monkeypatch.setattr(workspace, "_made", Interrupted(workspace._made))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, Y, epochs=1)
    assert workspace.generation > before


def test_targets_of_both_kinds_are_evaluated_by_plans_of_their_own() -> None:
    """Class indices and rows of an identity matrix, as many of them."""
    trainer = make()
    for targets in (Y, np.eye(3)[Y], Y):
        assert trainer.evaluate(X, targets) == make().evaluate(X, targets)


def test_another_step_begins_with_a_short_chunk() -> None:
    """It may take a thousand times as long, and Ctrl-C waits for the end of a chunk."""

    class First(dl.Callback):
        def on_fit_begin(self, trainer: dl.Trainer) -> None:
            self.before, self.updates = trainer.updates, 0

        def on_chunk_end(self, trainer: dl.Trainer) -> None:
            self.updates = self.updates or trainer.updates - self.before

    trainer, first = make(), First()
    found = []
    for rows in (1, 1, 2):
        trainer.fit(X, Y, epochs=3, batch_size=rows, callbacks=[first])
        found.append(first.updates)
    assert found[0] == found[2] == 1
    assert found[1] > 1
