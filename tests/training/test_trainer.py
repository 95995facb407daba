"""The life of a trainer: epochs, order, histories, weights of rows, callbacks, files, divergence and interruption.

Most tests compare bits, in float64, with a run that must be the same; the others with the formula written out in NumPy.
"""

from __future__ import annotations

import pickle
import re
import signal
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import order
from dlcore.training import checkpoint

N, COLUMNS, CLASSES = 22, 3, 3
RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((N, COLUMNS))
Y = RANDOM.integers(0, CLASSES, N)
T = RANDOM.standard_normal((N, 2))

PLAIN = dl.Sequential(dl.Dense(COLUMNS, 5), dl.Tanh(), dl.Dense(5, CLASSES))
# everything that keeps something from step to step
RICH = dl.Sequential(
    dl.Dense(COLUMNS, 5),
    dl.BatchNorm(5),
    dl.PReLU(),
    dl.Dropout(0.3),
    dl.Residual(dl.LayerNorm(5), dl.Dense(5, 5), dl.Dropout(0.2)),
    dl.Dense(5, CLASSES),
)
LINEAR = dl.Sequential(dl.Dense(COLUMNS, 2))

OPTIMIZERS: dict[str, dl.Optimizer] = {
    "SGD": dl.SGD(0.1),
    "SGD momentum": dl.SGD(0.05, momentum=0.9, dampening=0.1, l2=0.01),
    "SGD nesterov": dl.SGD(0.05, momentum=0.9, nesterov=True, clip_norm=1.0),
    "MovingAverageSGD": dl.MovingAverageSGD(0.2, 0.9, weight_decay=0.1),
    "MovingAverageSGD nesterov": dl.MovingAverageSGD(0.2, 0.9, nesterov=True),
    "Adam": dl.Adam(0.01, schedule=dl.schedules.CosineDecay(40)),
    "AdamW": dl.AdamW(0.01, max_norm=1.0),
}


def make(
    model: dl.Sequential = PLAIN,
    optimizer: dl.Optimizer = OPTIMIZERS["Adam"],
    loss: dl.Loss = dl.SoftmaxCrossEntropy(),  # noqa: B008
    **options: Any,
) -> dl.Trainer:
    return dl.Trainer(model, loss, optimizer, **{"dtype": "float64", "seed": 5, **options})


def everything(trainer: dl.Trainer, folder: Path) -> dict[str, Any]:
    """All that a trainer keeps, as its file has it: arrays as bytes, counters, history without times."""
    path = folder / "everything.safetensors"
    trainer.save(path)
    arrays, facts = checkpoint.read(path)
    facts.pop("sha256")
    facts["history"].pop("seconds", None)
    return facts | {name: (array.shape, array.tobytes()) for name, array in arrays.items()}


def kept_arrays(trainer: dl.Trainer, folder: Path) -> dict[str, Any]:
    """Parameters, running statistics and slots; the origin of a look-ahead step is written before it is read."""
    kept = everything(trainer, folder)
    return {
        name: kept[name] for name in kept if name.startswith(("parameter ", "state ", "slot ")) and "origin" not in name
    }


def same_bits(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(
        p.dtype == q.dtype and p.shape == q.shape and p.tobytes() == q.tobytes() for p, q in zip(a, b, strict=True)
    )


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(a[np.arange(len(y)), y])


class LeastSquares:
    """SGD on ½ Σ_k (x W + b − y)², written out: what a run of LINEAR is compared with."""

    def __init__(self, trainer: dl.Trainer) -> None:
        self.W, self.b = trainer.get_weights()
        self.losses: list[float] = []

    def step(self, rows: np.ndarray, eta: float, w: np.ndarray | None = None) -> None:
        w = np.ones(len(rows)) if w is None else w[rows]
        error = X[rows] @ self.W + self.b - T[rows]
        self.losses.append(float((w * 0.5 * (error**2).sum(axis=1)).sum() / w.sum()))
        delta = (w / w.sum())[:, None] * error
        self.W, self.b = self.W - eta * X[rows].T @ delta, self.b - eta * delta.sum(axis=0)

    def epoch(self, rows: np.ndarray, batch: int, eta: float, w: np.ndarray | None = None) -> float:
        """Train an epoch; the row-weighted mean of its batch losses."""
        batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
        for part in batches:
            self.step(part, eta, w)
        return sum(len(part) * loss for part, loss in zip(batches, self.losses[-len(batches) :], strict=True)) / len(
            rows
        )

    def agrees_with(self, trainer: dl.Trainer) -> None:
        for ours, theirs in zip(trainer.get_weights(), (self.W, self.b), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def linear(**options: Any) -> dl.Trainer:
    return make(LINEAR, options.pop("optimizer", dl.SGD(0.1)), dl.SquaredError(), **options)


# -- epochs and order ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_twice_is_fit_once(name: str, tmp_path: Path) -> None:
    """Two and three epochs are five epochs, in every bit that a trainer keeps."""
    parts, whole = make(RICH, OPTIMIZERS[name]), make(RICH, OPTIMIZERS[name])
    parts.fit(X, Y, epochs=2, batch_size=4)
    parts.fit(X, Y, epochs=3, batch_size=4)
    whole.fit(X, Y, epochs=5, batch_size=4)
    assert everything(parts, tmp_path) == everything(whole, tmp_path)


def test_the_length_of_chunks_changes_no_bit(tmp_path: Path) -> None:
    """Returning to Python after every update, as a slow callback makes it, gives the same run."""

    class OneByOne(dl.Callback):
        def on_chunk_end(self, trainer: Any) -> None:
            trainer._chunk = 1

    often, rarely = make(RICH), make(RICH)
    often.fit(X, Y, epochs=3, batch_size=4, callbacks=[OneByOne()])
    rarely._chunk = 1000
    rarely.fit(X, Y, epochs=3, batch_size=4)
    assert everything(often, tmp_path) == everything(rarely, tmp_path)


def test_each_epoch_has_the_order_of_its_number() -> None:
    """Two calls of fit walk through order(seed, 0), order(seed, 1), …, and report each epoch's mean loss before the updates."""
    trainer = linear()
    hand = LeastSquares(trainer)
    history = [*trainer.fit(X, T, epochs=2, batch_size=4)["loss"], *trainer.fit(X, T, epochs=2, batch_size=4)["loss"]]
    expected = [hand.epoch(order(5, epoch, N), 4, 0.1) for epoch in range(4)]
    hand.agrees_with(trainer)
    np.testing.assert_allclose(history, expected, rtol=1e-12)


def test_no_order_comes_twice() -> None:
    """A hundred epochs have a hundred orders, each a permutation."""
    orders = [tuple(order(5, epoch, N).tolist()) for epoch in range(100)]
    assert all(sorted(rows) == list(range(N)) for rows in orders)
    assert len(set(orders)) == 100


def test_without_shuffle_rows_come_as_they_are() -> None:
    """shuffle=False is the order 0 … n − 1 in every epoch."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=3, batch_size=5, shuffle=False)
    for _ in range(3):
        hand.epoch(np.arange(N), 5, 0.1)
    hand.agrees_with(trainer)


def test_a_new_batch_size_is_no_new_state() -> None:
    """Batches of 4, of 7 and of all rows, one after another, are one run with one order and one count of updates."""
    trainer = linear()
    hand = LeastSquares(trainer)
    for epoch, batch in enumerate((4, 7, None, 4)):
        trainer.fit(X, T, epochs=1, batch_size=batch)
        hand.epoch(order(5, epoch, N), batch or N, 0.1)
    hand.agrees_with(trainer)
    assert trainer.updates == 6 + 4 + 1 + 6
    assert trainer.epoch == 4


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reset_begins_again(name: str, tmp_path: Path) -> None:
    """reset() gives the initial trainer, and then the same run, in every bit."""
    trainer = make(RICH, OPTIMIZERS[name])
    initial = trainer.get_weights()
    trainer.fit(X, Y, epochs=2, batch_size=4)
    first = everything(trainer, tmp_path)
    trainer.learning_rate = 1e-5
    trainer.fit(X, Y, epochs=1, batch_size=8)
    trainer.reset()
    assert same_bits(trainer.get_weights(), initial)
    assert (trainer.epoch, trainer.updates, trainer.history.epochs) == (0, 0, 0)
    assert trainer.learning_rate == OPTIMIZERS[name].learning_rate
    trainer.fit(X, Y, epochs=2, batch_size=4)
    assert everything(trainer, tmp_path) == first


def test_the_seed_is_all_the_chance() -> None:
    """The same seed trains the same network, another seed another one."""
    runs = []
    for seed in (1, 1, 2):
        trainer = make(RICH, seed=seed)
        trainer.fit(X, Y, epochs=1, batch_size=4)
        runs.append(trainer.get_weights())
    assert same_bits(runs[0], runs[1])
    assert not same_bits(runs[0], runs[2])


def test_no_epochs_change_nothing() -> None:
    """fit(epochs=0) checks the data and returns an empty history."""
    trainer = make(RICH)
    before = trainer.get_weights()
    history = trainer.fit(X, Y, epochs=0)
    assert (history.epochs, trainer.epoch, trainer.updates) == (0, 0, 0)
    assert same_bits(trainer.get_weights(), before)


def test_the_data_are_not_changed() -> None:
    """fit, evaluate and predict only read."""
    copies = X.copy(), Y.copy()
    trainer = make(dl.Sequential(dl.ReLU(), dl.Dense(COLUMNS, CLASSES)))
    trainer.fit(X, Y, epochs=1, batch_size=4, validation=(X, Y))
    trainer.predict(X)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(Y, copies[1])


# -- weights -------------------------------------------------------------------------------------------------------------


def test_weights_set_and_got_predict_the_same_bits() -> None:
    """set_weights(get_weights()) reproduces predict bit for bit, in this trainer and in another."""
    trainer, other = make(RICH), make(RICH, OPTIMIZERS["SGD"], seed=6)
    trainer.fit(X, Y, epochs=2, batch_size=4)
    expected = trainer.predict(X)
    weights = trainer.get_weights()
    trainer.set_weights(weights)
    other.set_weights(weights)
    assert trainer.predict(X).tobytes() == expected.tobytes() == other.predict(X).tobytes()
    assert same_bits(other.get_weights(), weights)


def test_the_order_of_weights() -> None:
    """Layer by layer: W, b; of BatchNorm gamma, beta, then the running mean and variance, which move by a tenth."""
    model = dl.Sequential(dl.BatchNorm(COLUMNS), dl.Dense(COLUMNS, 4, bias=False), dl.PReLU(0.3), dl.Dense(4, 2))
    trainer = make(model, dl.SGD(1e-3), dl.SquaredError())
    gamma, beta, mean, variance, W1, alpha, W2, b2 = trainer.get_weights()
    assert (gamma == 1).all()
    assert not beta.any()
    assert not mean.any()
    assert (variance == 1).all()
    assert (W1.shape, alpha.tolist(), W2.shape, b2.tolist()) == ((COLUMNS, 4), [0.3], (4, 2), [0.0, 0.0])
    trainer.fit(X, T, epochs=1, batch_size=None)
    _, _, mean, variance, *_ = trainer.get_weights()
    np.testing.assert_allclose(mean, 0.1 * X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * X.var(axis=0, ddof=1), rtol=1e-12)


def test_got_weights_are_copies() -> None:
    """What get_weights returns neither follows training nor changes the trainer."""
    trainer = make()
    weights = trainer.get_weights()
    kept = [w.copy() for w in weights]
    trainer.fit(X, Y, epochs=1)
    assert same_bits(weights, kept)
    for w in weights:
        w[...] = np.nan
    assert np.isfinite(trainer.predict(X)).all()


def test_set_weights_keeps_slots_and_counters(tmp_path: Path) -> None:
    """Only parameters and running statistics change."""
    trainer = make(RICH)
    trainer.fit(X, Y, epochs=2, batch_size=4)
    before = everything(trainer, tmp_path)
    trainer.set_weights([w + 1 for w in trainer.get_weights()])
    after = everything(trainer, tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if name.startswith(("parameter ", "state "))}


# -- history -------------------------------------------------------------------------------------------------------------


def test_history_has_an_entry_per_epoch() -> None:
    """fit returns this call's epochs, trainer.history has all; what was not measured is NaN."""
    trainer = make()
    first = trainer.fit(X, Y, epochs=2, batch_size=4)
    second = trainer.fit(X, Y, epochs=3, batch_size=4, validation=(X, Y))
    assert set(first) == {"loss", "seconds"}
    assert set(second) == {"loss", "seconds", "val_loss", "val_accuracy"}
    assert [len(first[name]) for name in first] == [2, 2]
    assert [len(second[name]) for name in second] == [3] * 4
    assert [len(trainer.history[name]) for name in trainer.history] == [5] * 4
    assert trainer.history["loss"] == first["loss"] + second["loss"]
    assert np.isnan(trainer.history["val_loss"][:2]).all()
    assert trainer.history["val_loss"][2:] == second["val_loss"]
    assert all(seconds > 0 for seconds in trainer.history["seconds"])


def test_history_loss_with_accumulation() -> None:
    """The mean is over the rows of the groups, each group before its update."""
    trainer = linear()
    hand = LeastSquares(trainer)
    history = trainer.fit(X, T, epochs=1, batch_size=4, accumulate=2)
    assert history["loss"] == [pytest.approx(hand.epoch(order(5, 0, N), 8, 0.1), rel=1e-12)]
    hand.agrees_with(trainer)


def test_validation_is_of_the_network_as_it_predicts() -> None:
    """val_loss and val_accuracy come from predictions: running statistics, no dropout, no label smoothing."""
    trainer = make(RICH, loss=dl.SoftmaxCrossEntropy(label_smoothing=0.3))
    X_val, y_val = X[:9] + 0.1, Y[:9]
    w_val = np.arange(9.0)
    history = trainer.fit(X, Y, epochs=2, batch_size=4, validation=(X_val, y_val, w_val))
    a = trainer.predict(X_val)
    expected = (w_val * cross_entropy(a, y_val)).sum() / w_val.sum()
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-12)
    right = (w_val * (a.argmax(axis=1) == y_val)).sum() / w_val.sum()
    assert history["val_accuracy"][-1] == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("model", [PLAIN, RICH], ids=["plain", "rich"])
def test_validation_changes_no_bit_of_training(model: dl.Sequential, tmp_path: Path) -> None:
    """With and without validation, and with predictions in a callback, the run is the same."""

    class Predicts(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            trainer.predict(X[: trainer.epoch + 1])
            trainer.evaluate(X, Y)

    watched, alone = make(model), make(model)
    watched.fit(X, Y, epochs=3, batch_size=4, validation=(X[:5], Y[:5]), callbacks=[Predicts()])
    alone.fit(X, Y, epochs=3, batch_size=4)
    a, b = everything(watched, tmp_path), everything(alone, tmp_path)
    assert a.pop("history")["loss"] == b.pop("history")["loss"]
    assert a == b


# -- batches -------------------------------------------------------------------------------------------------------------


def test_a_given_batch_larger_than_the_data_is_clipped_with_one_warning() -> None:
    """All rows make one batch, and the user is told once."""
    trainer = make()
    with pytest.warns(UserWarning, match=f"batch_size=1000.*{N} rows") as caught:
        trainer.fit(X, Y, epochs=3, batch_size=1000)
    assert len(caught) == 1
    assert trainer.updates == 3


def test_the_default_batch_is_clipped_silently() -> None:
    """Nobody asked for 128 rows."""
    trainer = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.fit(X, Y, epochs=3)
    assert trainer.updates == 3


def test_batch_size_none_is_all_rows() -> None:
    """Full-batch gradient descent."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=4, batch_size=None)
    for _ in range(4):
        hand.step(np.arange(N), 0.1)
    hand.agrees_with(trainer)


# -- weights of rows -----------------------------------------------------------------------------------------------------


def test_weighted_batches() -> None:
    """A batch's loss is Σ w L / Σ w, and so is its gradient; ragged batches too."""
    w = np.random.default_rng(1).uniform(0, 3, N)
    trainer = linear()
    hand = LeastSquares(trainer)
    history = trainer.fit(X, T, epochs=2, batch_size=4, sample_weight=w)
    expected = [hand.epoch(order(5, epoch, N), 4, 0.1, w) for epoch in range(2)]
    hand.agrees_with(trainer)
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_integer_weights_are_repeated_rows(name: str) -> None:
    """With all rows in one batch, weight 3 is three copies of the row, and weight 0 none."""
    counts = np.random.default_rng(2).integers(0, 4, N)
    weighted, repeated = make(optimizer=OPTIMIZERS[name]), make(optimizer=OPTIMIZERS[name])
    a = weighted.fit(X, Y, epochs=5, batch_size=None, sample_weight=counts)
    b = repeated.fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts), epochs=5, batch_size=None)
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
    for p, q in zip(weighted.get_weights(), repeated.get_weights(), strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_batch_without_weight_changes_nothing(name: str, tmp_path: Path) -> None:
    """Parameters, slots, running statistics and the count of updates are those of a run without that batch."""
    model = dl.Sequential(dl.Dense(COLUMNS, 5), dl.BatchNorm(5), dl.ReLU(), dl.Dense(5, CLASSES))
    w = np.ones(N)
    w[4:8] = 0  # the second of six batches
    w[20:] = 0  # the last, ragged one
    optimizer = replace(OPTIMIZERS[name], schedule=None)  # its steps are the next test
    weighted, without = make(model, optimizer), make(model, optimizer)
    kept = np.r_[0:4, 8:20]
    for _ in range(2):
        weighted.fit(X, Y, epochs=1, batch_size=4, shuffle=False, sample_weight=w)
        without.fit(X[kept], Y[kept], epochs=1, batch_size=4, shuffle=False)
    assert weighted.updates == without.updates == 8
    assert kept_arrays(weighted, tmp_path) == kept_arrays(without, tmp_path)


def test_a_batch_without_weight_takes_no_step_of_the_schedule() -> None:
    """The t-th update has the rate η f(t), also after a batch that was none, wherever a chunk ends."""
    w = np.ones(N)
    w[4:12] = 0
    for chunk in (1, 1000):
        trainer = linear(optimizer=dl.SGD(0.1, schedule=dl.schedules.InverseTimeDecay(1)))
        hand = LeastSquares(trainer)
        trainer._chunk = chunk
        trainer.fit(X, T, epochs=1, batch_size=4, shuffle=False, sample_weight=w)
        for step, start in enumerate((0, 12, 16, 20)):
            hand.step(np.arange(start, min(start + 4, N)), 0.1 / (1 + step))
        hand.agrees_with(trainer)


def test_weights_of_any_scale_are_the_same() -> None:
    """Only ratios of weights count."""
    w = np.random.default_rng(3).uniform(0.1, 3, N)
    runs = []
    for scale in (1.0, 2.0**40, 2.0**-40):
        trainer = make()
        trainer.fit(X, Y, epochs=2, batch_size=4, sample_weight=scale * w)
        runs.append(trainer.get_weights())
    for other in runs[1:]:
        for p, q in zip(runs[0], other, strict=True):
            np.testing.assert_allclose(p, q, rtol=0, atol=1e-12)


# -- accumulation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_accumulated_batches_are_one_large_batch(name: str, weighted: bool) -> None:
    """accumulate=3 with batches of 4 is a batch of 12, the ragged rest included."""
    w = np.random.default_rng(4).uniform(0, 2, N) if weighted else None
    parts, whole = make(optimizer=OPTIMIZERS[name]), make(optimizer=OPTIMIZERS[name])
    a = parts.fit(X, Y, epochs=3, batch_size=4, accumulate=3, sample_weight=w)  # 4+4+4, 4+4+2
    b = whole.fit(X, Y, epochs=3, batch_size=12, sample_weight=w)  # 12, 10
    assert parts.updates == whole.updates == 6
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
    for p, q in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-12)


def test_accumulating_more_than_an_epoch_is_one_update() -> None:
    """An epoch ends with an update."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=2, batch_size=4, accumulate=100)
    hand.step(np.arange(N), 0.1)
    hand.step(np.arange(N), 0.1)
    hand.agrees_with(trainer)


# -- learning rate -------------------------------------------------------------------------------------------------------


def test_a_callback_may_set_the_learning_rate() -> None:
    """What on_epoch_end sets holds from the next update on, and after fit."""

    class Halve(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            trainer.learning_rate /= 2

    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=3, batch_size=None, callbacks=[Halve()])
    trainer.fit(X, T, epochs=1, batch_size=None)
    for eta in (0.1, 0.05, 0.025, 0.0125):
        hand.step(np.arange(N), eta)
    hand.agrees_with(trainer)
    assert trainer.learning_rate == 0.0125


def test_a_schedule_counts_updates_over_all_calls() -> None:
    """The t-th update, counted from 0, has rate η f(t), whatever the epochs, batches and calls of fit."""

    def factor(step: int) -> float:
        return 1 / (1 + step)

    trainer = linear(optimizer=dl.SGD(0.1, schedule=factor))
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=2, batch_size=6, shuffle=False)
    trainer.fit(X, T, epochs=1, batch_size=8, shuffle=False)
    starts = [(0, 6), (6, 12), (12, 18), (18, 22)] * 2 + [(0, 8), (8, 16), (16, 22)]
    for step, (start, stop) in enumerate(starts):
        hand.step(np.arange(start, stop), 0.1 * factor(step))
    hand.agrees_with(trainer)


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), "fast", None])
def test_a_bad_learning_rate_is_refused(rate: Any) -> None:
    """A learning rate that is not a positive number stops training before any update."""
    trainer = make()
    before = trainer.get_weights()

    def train_at_that_rate() -> None:  # whether the assignment or fit refuses it
        trainer.learning_rate = rate
        trainer.fit(X, Y, epochs=1, batch_size=4)

    with pytest.raises(dl.ConfigurationError, match=r"learning.rate"):
        train_at_that_rate()
    assert same_bits(trainer.get_weights(), before)


# -- callbacks -----------------------------------------------------------------------------------------------------------


class Recording(dl.Callback):
    """Writes down what was called."""

    def __init__(self, name: str, events: list[str], stop_after: int | None = None) -> None:
        self.name, self.events, self.stop_after = name, events, stop_after

    def on_fit_begin(self, trainer: Any) -> None:
        self.events.append(f"{self.name} begin")

    def on_chunk_end(self, trainer: Any) -> None:
        if not self.events[-1].endswith("chunk"):
            self.events.append(f"{self.name} chunk")

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool:
        self.events.append(f"{self.name} epoch {trainer.epoch} of {len(trainer.history['loss'])}")
        return trainer.epoch == self.stop_after

    def on_fit_end(self, trainer: Any) -> None:
        self.events.append(f"{self.name} end")


def test_the_order_of_callbacks() -> None:
    """begin, chunks, epoch, …, end; in each the callbacks in the order given."""
    events: list[str] = []
    make().fit(X, Y, epochs=2, batch_size=4, callbacks=[Recording("a", events), Recording("b", events)])
    assert events == [
        "a begin", "b begin",
        "a chunk", "a epoch 1 of 1", "b epoch 1 of 1",
        "a chunk", "a epoch 2 of 2", "b epoch 2 of 2",
        "a end", "b end",
    ]  # fmt: skip


def test_a_callback_stops_training() -> None:
    """True from on_epoch_end ends fit after that epoch; the other callbacks still hear of it."""
    events: list[str] = []
    trainer = make()
    callbacks = [Recording("a", events, stop_after=2), Recording("b", events)]
    history = trainer.fit(X, Y, epochs=9, batch_size=4, callbacks=callbacks)
    assert (history.epochs, trainer.epoch) == (2, 2)
    assert events[-4:] == ["a epoch 2 of 2", "b epoch 2 of 2", "a end", "b end"]


def test_callbacks_hear_the_end_of_a_failed_fit() -> None:
    """on_fit_end comes also when a callback raises."""
    events: list[str] = []

    class Fails(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make().fit(X, Y, epochs=3, callbacks=[Recording("a", events), Fails()])
    assert events[-1] == "a end"


def test_callbacks_get_the_logs_of_the_epoch() -> None:
    """The logs are the epoch's entries of the history."""
    seen: list[dict[str, float]] = []

    class Logs(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            seen.append(dict(logs))

    history = make().fit(X, Y, epochs=3, validation=(X, Y), callbacks=[Logs()])
    assert seen == [{name: history[name][epoch] for name in history} for epoch in range(3)]


class Scripted:
    """A trainer for EarlyStopping: its weights are the number of its epoch."""

    def __init__(self) -> None:
        self.epoch, self.weights = 0, [0]

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = weights


def scripted(stopping: dl.EarlyStopping, values: list[float]) -> Scripted:
    trainer = Scripted()
    trainer.reports = ("loss", stopping.monitor)
    stopping.on_fit_begin(trainer)
    for value in values:
        trainer.epoch += 1
        trainer.weights = [trainer.epoch]
        if stopping.on_epoch_end(trainer, {stopping.monitor: value}):
            break
    stopping.on_fit_end(trainer)
    return trainer


def test_early_stopping_waits_and_goes_back_to_the_best() -> None:
    """It stops after `patience` epochs without a smaller loss, with the weights of the best epoch."""
    stopping = dl.EarlyStopping(patience=2)
    trainer = scripted(stopping, [3.0, 2.0, 2.5, 1.5, 1.5, 1.6, 0.1])
    assert (stopping.stopped, stopping.best, stopping.best_epoch) == (True, 1.5, 4)
    assert (trainer.epoch, trainer.weights) == (6, [4])


def test_early_stopping_on_accuracy_wants_more() -> None:
    """A monitor that ends in accuracy must grow."""
    stopping = dl.EarlyStopping("val_accuracy", patience=2)
    trainer = scripted(stopping, [0.5, 0.7, 0.6, 0.7, 0.9])
    assert (trainer.epoch, trainer.weights, stopping.best) == (4, [2], 0.7)


def test_early_stopping_ignores_small_improvements() -> None:
    """min_delta is what counts as an improvement."""
    stopping = dl.EarlyStopping(patience=2, min_delta=0.5, restore_best=False)
    trainer = scripted(stopping, [3.0, 2.8, 2.6, 0.0])
    assert (trainer.epoch, trainer.weights, stopping.best_epoch) == (3, [3], 1)


def test_early_stopping_that_never_stops_still_restores() -> None:
    """At the end of all epochs the best weights come back."""
    stopping = dl.EarlyStopping(patience=9)
    trainer = scripted(stopping, [3.0, 1.0, 2.0])
    assert (stopping.stopped, trainer.weights) == (False, [2])


def test_early_stopping_in_a_real_run() -> None:
    """A learning rate that only does harm ends the run early, with the weights of the first epoch."""
    after_first: list[np.ndarray] = []

    class Keep(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            if trainer.epoch == 1:
                after_first.extend(trainer.get_weights())

    stopping = dl.EarlyStopping(patience=3)
    trainer = linear(optimizer=dl.SGD(4.0))
    history = trainer.fit(X, T, epochs=50, batch_size=None, validation=(X, T), callbacks=[Keep(), stopping])
    assert history.epochs == 4
    assert np.argmin(history["val_loss"]) == 0
    assert same_bits(trainer.get_weights(), after_first)


# -- prediction ----------------------------------------------------------------------------------------------------------


def test_prediction_in_blocks() -> None:
    """9,000 rows, more than two blocks of 4,096, predict and evaluate as the formula does on all of them."""
    rows = np.random.default_rng(8).standard_normal((9000, COLUMNS))
    labels = np.random.default_rng(9).integers(0, CLASSES, 9000)
    w = np.random.default_rng(9).uniform(0, 1, 9000)
    w[4096:8192] = 0  # a whole block without weight
    trainer = make()
    W1, b1, W2, b2 = trainer.get_weights()
    a = softmax(np.tanh(rows @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(trainer.predict(rows), a, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(trainer.predict_labels(rows), a.argmax(axis=1))
    result = trainer.evaluate(rows, labels, w)
    assert set(result) == {"loss", "accuracy"}
    assert result["loss"] == pytest.approx((w * cross_entropy(a, labels)).sum() / w.sum(), rel=1e-12)
    assert result["accuracy"] == pytest.approx((w * (a.argmax(axis=1) == labels)).sum() / w.sum(), rel=1e-12)


def test_predictions_do_not_depend_on_earlier_ones() -> None:
    """Few rows, many rows, few rows again: every row has its own prediction."""
    trainer = make()
    expected = trainer.predict(X)
    for rows in (slice(0, 3), slice(0, 22), slice(5, 8), slice(2, 12), slice(8, 11)):
        np.testing.assert_allclose(trainer.predict(X[rows]), expected[rows], rtol=0, atol=1e-14)
    losses = cross_entropy(expected, Y)
    for rows in (slice(5, 8), slice(0, 22), slice(1, 4), slice(2, 12), slice(8, 11)):
        assert trainer.evaluate(X[rows], Y[rows])["loss"] == pytest.approx(losses[rows].mean(), rel=1e-12)
        np.testing.assert_allclose(trainer.predict(X[rows]), expected[rows], rtol=0, atol=1e-14)


def test_prediction_follows_training() -> None:
    """A plan made before fit predicts with the parameters after it."""
    trainer = make()
    trainer.predict(X)
    trainer.fit(X, Y, epochs=2, batch_size=4)
    W1, b1, W2, b2 = trainer.get_weights()
    np.testing.assert_allclose(trainer.predict(X), softmax(np.tanh(X @ W1 + b1) @ W2 + b2), rtol=0, atol=1e-13)


def test_one_output_of_binary_cross_entropy() -> None:
    """predict gives σ(z) as (n, 1), predict_labels 0 and 1 as (n,), evaluate the share of right ones."""
    y = (X[:, 0] > 0).astype(int)
    trainer = make(dl.Sequential(dl.Dense(COLUMNS, 1)), loss=dl.BinaryCrossEntropy())
    for targets in (y, y[:, None], y.astype(bool), y.astype(float)):
        trainer.fit(X, targets, epochs=5)
    W, b = trainer.get_weights()
    a = 1 / (1 + np.exp(-(X @ W + b)))
    np.testing.assert_allclose(trainer.predict(X), a, rtol=1e-12)
    labels = trainer.predict_labels(X)
    assert labels.shape == (N,)
    np.testing.assert_array_equal(labels, (a[:, 0] >= 0.5).astype(int))
    result = trainer.evaluate(X, y)
    assert result["accuracy"] == pytest.approx((labels == y).mean())
    assert result["loss"] == pytest.approx(-np.log(np.where(y == 1, a[:, 0], 1 - a[:, 0])).mean(), rel=1e-12)


def test_several_outputs_of_binary_cross_entropy() -> None:
    """A row is right where all its outputs are; the loss sums over outputs."""
    y = (T > 0).astype(int)
    trainer = make(LINEAR, loss=dl.BinaryCrossEntropy())
    trainer.fit(X, y, epochs=3)
    a = trainer.predict(X)
    labels = trainer.predict_labels(X)
    np.testing.assert_array_equal(labels, (a >= 0.5).astype(int))
    result = trainer.evaluate(X, y)
    assert result["accuracy"] == pytest.approx((labels == y).all(axis=1).mean())
    assert result["loss"] == pytest.approx(-np.log(np.where(y == 1, a, 1 - a)).sum(axis=1).mean(), rel=1e-12)


def test_regression_reports_the_root_of_the_mean_square() -> None:
    """evaluate gives ½ Σ_k e² averaged over rows, and √ of the mean of e² over rows and outputs; there are no labels."""
    trainer = linear()
    trainer.fit(X, T, epochs=2)
    error = trainer.predict(X) - T
    result = trainer.evaluate(X, T)
    assert set(result) == {"loss", "rmse"}
    assert result["loss"] == pytest.approx(0.5 * (error**2).sum(axis=1).mean(), rel=1e-12)
    assert result["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    with pytest.raises(dl.DataError, match="predict_labels"):
        trainer.predict_labels(X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_computation_is_the_dtype_of_results(dtype: str) -> None:
    """Weights and predictions have it, whatever the data have."""
    trainer = make(dtype=dtype)
    for data in (X, X.astype("float32")):
        trainer.fit(data, Y, epochs=1)
        assert trainer.predict(data).dtype == dtype
    assert {w.dtype.name for w in trainer.get_weights()} == {dtype}


# -- files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    """A loaded trainer is the saved one in every bit, and goes on as it would have."""
    trainer = make(RICH, OPTIMIZERS[name])
    trainer.fit(X, Y, epochs=2, batch_size=4)
    trainer.learning_rate *= 0.5
    trainer.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert (loaded.model, loaded.loss, loaded.optimizer) == (trainer.model, trainer.loss, trainer.optimizer)
    assert (loaded.seed, loaded.dtype) == (trainer.seed, trainer.dtype)
    assert everything(loaded, tmp_path) == everything(trainer, tmp_path)
    assert loaded.predict(X).tobytes() == trainer.predict(X).tobytes()
    for each in (trainer, loaded):
        each.fit(X, Y, epochs=2, batch_size=4)
    assert everything(loaded, tmp_path) == everything(trainer, tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_save_before_fit(dtype: str, tmp_path: Path) -> None:
    """A trainer that never trained is saved and loaded too."""
    trainer = make(dtype=dtype)
    trainer.save(tmp_path / "new.safetensors")
    loaded = dl.Trainer.load(tmp_path / "new.safetensors")
    for each in (trainer, loaded):
        each.fit(X, Y, epochs=1, batch_size=4)
    assert same_bits(loaded.get_weights(), trainer.get_weights())


def test_frozen_layers_are_saved(tmp_path: Path) -> None:
    """Also what is not trained comes back."""
    model = dl.Sequential(dl.Dense(COLUMNS, 4, trainable=False), dl.Tanh(), dl.Dense(4, CLASSES))
    trainer = make(model)
    trainer.set_weights([w + 1 for w in trainer.get_weights()])
    trainer.fit(X, Y, epochs=1)
    trainer.save(tmp_path / "run.safetensors")
    assert same_bits(dl.Trainer.load(tmp_path / "run.safetensors").get_weights(), trainer.get_weights())


def test_a_schedule_that_is_a_function_is_not_stored(tmp_path: Path) -> None:
    """Loading says so, and trains at a constant rate."""
    trainer = make(optimizer=dl.SGD(0.1, schedule=lambda step: 0.5))
    trainer.save(tmp_path / "run.safetensors")
    with pytest.warns(UserWarning, match="schedule"):
        loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert loaded.optimizer.schedule is None


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "run.safetensors"
    trainer = make()
    trainer.fit(X, Y, epochs=2, batch_size=4)
    trainer.save(path)
    return path.read_bytes()


def refused(data: bytes, folder: Path, match: str | None = None) -> None:
    path = folder / "altered.safetensors"
    path.write_bytes(data)
    with pytest.raises(dl.CheckpointError, match=match or re.escape(str(path))):
        dl.Trainer.load(path)


def test_truncated_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    """Torn off anywhere, the file is not loaded."""
    for length in {0, 1, 7, 8, 9, 100, *range(0, len(saved), 97), len(saved) - 1}:
        refused(saved[:length], tmp_path)


def test_longer_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    """So is one with something behind its end."""
    refused(saved + b"\0", tmp_path)
    refused(saved + saved, tmp_path)


def test_flipped_bits_are_refused(saved: bytes, tmp_path: Path) -> None:
    """One flipped bit, in the description or in an array, and the file is not loaded."""
    random = np.random.default_rng(0)
    for position in random.permutation(len(saved))[:250]:
        altered = bytearray(saved)
        altered[position] ^= 1 << int(random.integers(8))
        refused(bytes(altered), tmp_path)


def test_exchanged_arrays_are_refused(saved: bytes, tmp_path: Path) -> None:
    """The bytes of two arrays of equal length, exchanged, keep the file well formed; it is refused all the same."""
    size = int.from_bytes(saved[:8], "little")
    data = saved[8 + size :]
    refused(saved[: 8 + size] + data[8:16] + data[:8] + data[16:], tmp_path, "altered")


class Bomb:
    """Pickled, it would create a file when read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    """No file that dlcore reads can execute code."""
    mark = tmp_path / "executed"
    assert pickle.loads(pickle.dumps(Bomb(mark))) is None  # the bomb works
    assert mark.exists()
    mark.unlink()
    refused(pickle.dumps(Bomb(mark)), tmp_path)
    assert not mark.exists()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    """Text, archives, and safetensors files of others."""
    from safetensors.numpy import save

    np.savez(tmp_path / "a.npz", a=X)
    for data in (b"hello", b"{}", (tmp_path / "a.npz").read_bytes(), np.random.default_rng(0).bytes(5000)):
        refused(data, tmp_path)
    refused(save({"a": X}), tmp_path, "not written by dlcore")
    refused(save({"a": X}, {"format": "pt"}), tmp_path, "not written by dlcore")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """The error names the path."""
    for path in (tmp_path / "nothing.safetensors", tmp_path):
        with pytest.raises(dl.CheckpointError, match=re.escape(str(path))):
            dl.Trainer.load(path)


def test_a_checkpoint_of_unknown_classes_is_refused(tmp_path: Path) -> None:
    """A description that names something else than dlcore's classes is not built."""
    path = tmp_path / "run.safetensors"
    make().save(path)
    arrays, facts = checkpoint.read(path)
    for name in ("os.system", "Path", "Nothing"):
        facts["loss"] = {"type": name}
        checkpoint.write(path, arrays, facts)
        with pytest.raises(dl.CheckpointError, match=re.escape(name)):
            dl.Trainer.load(path)


@pytest.mark.parametrize("alter", ["drop", "reshape"])
def test_arrays_that_do_not_fit_the_model_are_refused(alter: str, tmp_path: Path) -> None:
    """A well-formed file whose arrays are not the model's."""
    path = tmp_path / "run.safetensors"
    make().save(path)
    arrays, facts = checkpoint.read(path)
    facts.pop("sha256")  # of the arrays as they were
    W = arrays.pop("parameter 0.W")
    checkpoint.write(path, arrays | ({} if alter == "drop" else {"parameter 0.W": W.T}), facts)
    with pytest.raises(dl.CheckpointError, match="do not fit"):
        dl.Trainer.load(path)


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    """One clear error."""
    with pytest.raises(dl.CheckpointError, match="could not be written"):
        make().save(tmp_path / "missing" / "run.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle costs the new file, not the old one, and leaves no rubbish."""
    path = tmp_path / "run.safetensors"
    trainer = make()
    trainer.save(path)
    before = path.read_bytes()
    trainer.fit(X, Y, epochs=1)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(dl.CheckpointError, match="No space left"):
        trainer.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


# -- divergence ----------------------------------------------------------------------------------------------------------

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
        trainer._chunk = 1000  # the fault lies inside a chunk
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
        trainer._chunk = chunk
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


# -- interruption --------------------------------------------------------------------------------------------------------


class Interrupt(dl.Callback):
    """Presses Ctrl-C at the end of a chunk, or of an epoch."""

    def __init__(self, at_update: int | None = None, at_epoch: int | None = None) -> None:
        self.at_update, self.at_epoch = at_update, at_epoch

    def on_chunk_end(self, trainer: Any) -> None:
        trainer._chunk = 1
        if trainer.updates == self.at_update:
            signal.raise_signal(signal.SIGINT)

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
        if trainer.epoch == self.at_epoch:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c() -> Any:
    """SIGINT means what it means in a terminal, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
class TestInterruption:
    """Ctrl-C between two updates."""

    def test_in_the_middle_of_an_epoch(self, tmp_path: Path) -> None:
        """The trainer stands after a whole number of updates, those of a run over the first rows only."""
        trainer, short = make(RICH), make(RICH)
        trainer._chunk = short._chunk = 1
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
        trainer._chunk = 1
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


# -- what a review found -------------------------------------------------------------------------------------------------


def test_running_statistics_of_a_ragged_accumulated_batch() -> None:
    """The variance of the last batch is unbiased by its own number of rows, two, not by that of the full batches."""
    rows = X[:10]
    trainer = make(dl.Sequential(dl.BatchNorm(COLUMNS), dl.Dense(COLUMNS, CLASSES)))
    trainer.fit(rows, Y[:10], epochs=1, batch_size=4, accumulate=2, shuffle=False)
    expected = 0.9 * (0.9 + 0.1 * rows[4:8].var(axis=0, ddof=1)) + 0.1 * rows[8:].var(axis=0, ddof=1)
    np.testing.assert_allclose(trainer.get_weights()[3], expected, rtol=1e-12)


def test_history_leaves_out_batches_without_weight() -> None:
    """Such a batch has no loss; the epoch's is that of the others."""
    w = np.ones(N)
    w[::2] = 0
    trainer = make(optimizer=dl.SGD(1e-12))
    expected = trainer.evaluate(X, Y, w)["loss"]
    history = trainer.fit(X, Y, epochs=1, batch_size=1, sample_weight=w)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-6)


def test_an_update_that_overflows_is_divergence() -> None:
    """Parameters that became infinite end the run with an error that says so."""
    trainer = make(LINEAR, dl.SGD(3e38), dl.SquaredError(), dtype="float32")
    with pytest.raises(dl.DivergenceError, match="parameters too large for float32"):
        trainer.fit(10 * X, T, epochs=1, batch_size=None)


def test_an_interrupted_group_leaves_nothing_to_the_next_fit() -> None:
    """Gradients that were summed before an interruption are not those of the next fit."""
    trainer, other = make(), make()
    trainer.fit(X, Y, epochs=1, batch_size=4, accumulate=2)
    for (name, *_), array in trainer.memory._workspace.items():
        if name in ("total", "sums"):
            array[...] = 1
    trainer.reset()
    for each in (trainer, other):
        each.fit(X, Y, epochs=1, batch_size=4, accumulate=2)
    for p, q in zip(trainer.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(p, q)


@pytest.mark.parametrize("optimizer", [dl.SGD(1e39), dl.Adam(1e-3, epsilon=1e-50), dl.SGD(0.1, l2=1e-60)], ids=str)
def test_numbers_that_the_dtype_cannot_hold_are_refused(optimizer: dl.Optimizer) -> None:
    """A rate that is infinite in float32, or an epsilon that is 0 in it, is an error before training."""
    with pytest.raises(dl.ConfigurationError, match="float32"):
        make(optimizer=optimizer, dtype="float32")


def test_the_dtype_may_be_numpys() -> None:
    """np.float32 and np.dtype("float32") are "float32"."""
    assert make(dtype=np.float32).dtype == make(dtype=np.dtype("float32")).dtype == "float32"
    with pytest.raises(dl.ConfigurationError, match="dtype=None, expected a name"):  # NumPy takes it for float64
        make(dtype=None)
