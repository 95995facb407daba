"""The life of a trainer: fit, fit again, reset, and the weights that go in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlcore as dl

from .runs import CLASSES, COLUMNS, OPTIMIZERS, RICH, T, X, Y, everything, make, same_bits


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_twice_is_fit_once(name: str, tmp_path: Path) -> None:
    """Two and three epochs are five epochs, in every bit that a trainer keeps."""
    parts, whole = make(RICH, OPTIMIZERS[name]), make(RICH, OPTIMIZERS[name])
    parts.fit(X, Y, epochs=2, batch_size=4)
    parts.fit(X, Y, epochs=3, batch_size=4)
    whole.fit(X, Y, epochs=5, batch_size=4)
    assert everything(parts, tmp_path) == everything(whole, tmp_path)


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
    assert changed == {name for name in before if name.startswith(("theta/", "state/"))}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_computation_is_the_dtype_of_results(dtype: str) -> None:
    """Weights and predictions have it, whatever the data have."""
    trainer = make(dtype=dtype)
    for data in (X, X.astype("float32")):
        trainer.fit(data, Y, epochs=1)
        assert trainer.predict(data).dtype == dtype
    assert {w.dtype.name for w in trainer.get_weights()} == {dtype}


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
