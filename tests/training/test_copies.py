"""Trainers as values: pickled, copied, with classes of the user's own, and asked from many threads."""

from __future__ import annotations

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .runs import everything, same_bits

RANDOM = np.random.default_rng(5)
X, Y = RANDOM.standard_normal((40, 6)), RANDOM.integers(0, 3, 40)
MODEL = dl.Sequential(dl.Dense(6, 16), dl.BatchNorm(16), dl.ReLU(), dl.Dropout(0.2), dl.Dense(16, 3))


def trained(**options: Any) -> dl.Trainer:
    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), seed=4, **options)
    trainer.fit(X, Y, epochs=2, batch_size=8)
    return trainer


@pytest.mark.parametrize(
    "copied", [lambda t: pickle.loads(pickle.dumps(t)), copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"]
)
def test_a_copy_is_a_trainer_of_its_own(copied: Any, tmp_path: Path) -> None:
    """It has everything, goes on to the same bits, and what happens to one does not happen to the other."""
    trainer = trained()
    before, other = trainer.get_weights(), copied(trainer)
    assert everything(other, tmp_path) == everything(trainer, tmp_path)
    other.fit(X, Y, epochs=1, batch_size=8)
    assert same_bits(trainer.get_weights(), before)
    trainer.fit(X, Y, epochs=1, batch_size=8)
    assert same_bits(trainer.get_weights(), other.get_weights())


def test_a_trainer_goes_through_joblib(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    trainer = trained()
    joblib.dump(trainer, tmp_path / "trainer.joblib")
    assert np.array_equal(joblib.load(tmp_path / "trainer.joblib").predict(X), trainer.predict(X))


def test_weights_by_name() -> None:
    """Layer by layer: parameters, then what BatchNorm has counted."""
    trainer = trained()
    weights = trainer.weights()
    assert list(weights) == ["0.W", "0.b", "1.gamma", "1.beta", "1.mean", "1.variance", "4.W", "4.b"]
    assert same_bits(list(weights.values()), trainer.get_weights())
    weights["0.W"][...] = 0
    assert trainer.weights()["0.W"].any()


# -- from many threads ---------------------------------------------------------------------------------------------------


def test_each_thread_gets_its_own_answer() -> None:
    """One row a call, other numbers of rows between, labels and losses too."""
    trainer = trained()
    rows = RANDOM.standard_normal((400, 6))
    alone = [trainer.predict(rows[i : i + 1 + i % 3]) for i in range(397)]
    labels, loss = trainer.predict_labels(rows), trainer.evaluate(X, Y)

    def ask(i: int) -> bool:
        same = np.array_equal(trainer.predict(rows[i : i + 1 + i % 3]), alone[i])
        if i % 5 == 0:
            same &= np.array_equal(trainer.predict_labels(rows), labels)
        if i % 7 == 0:
            same &= trainer.evaluate(X, Y) == loss
        return same

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(397)))


# -- classes of the user's own -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Doubled(dl.Dense):
    """A Dense layer under another name."""

    times: float = 2.0


@dataclass(frozen=True)
class Steeper(dl.SquaredError):
    """A loss under another name."""


class Careful(dl.SGD):
    """An optimizer under another name."""


def fading(step: int) -> float:
    return 1 / (1 + step)


def test_classes_of_the_users_own_are_saved_and_loaded(tmp_path: Path) -> None:
    """With a warning when they are saved, which says what loading needs; and with an error where that is missing."""
    path, T = tmp_path / "run.safetensors", RANDOM.standard_normal((40, 2))
    model = dl.Sequential(dl.Residual(Doubled(6, 6, times=3.0)), Doubled(6, 2))
    trainer = dl.Trainer(model, Steeper(), Careful(0.05, momentum=0.9, schedule=fading))
    trainer.fit(X, T, epochs=1)
    with pytest.warns(UserWarning, match=r"Trainer.load will need custom_objects=.*'Doubled': …"):
        trainer.save(path)
    own = {"Doubled": Doubled, "Steeper": Steeper, "Careful": Careful, "fading": fading}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = dl.Trainer.load(path, custom_objects=own)
    assert (loaded.model, loaded.loss, loaded.optimizer) == (trainer.model, trainer.loss, trainer.optimizer)
    for each in (trainer, loaded):
        each.fit(X, T, epochs=1)
    assert same_bits(loaded.get_weights(), trainer.get_weights())
    with pytest.raises(dl.CheckpointError, match=r"Doubled.*custom_objects=\{'Doubled': …\}"):
        dl.Trainer.load(path)


def test_a_model_that_no_file_can_hold_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    layer: dl.Layer = dl.Dense(3, 3)
    for _ in range(20):
        layer = dl.Residual(layer)
    trainer = dl.Trainer(dl.Sequential(layer), dl.SquaredError(), dl.SGD(0.1))
    with pytest.raises(dl.CheckpointError, match="more than 16 deep"):
        trainer.save(tmp_path / "run.safetensors")
    assert list(tmp_path.iterdir()) == []


# -- where it is saved ---------------------------------------------------------------------------------------------------


def test_the_folder_of_a_run_is_loaded_by_its_best_checkpoint(tmp_path: Path) -> None:
    trainer = trained()
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    for name in ("step_9", "step_10", "best"):
        with (
            pytest.raises(dl.CheckpointError, match="without checkpoints")
            if name == "step_9"
            else warnings.catch_warnings()
        ):
            dl.Trainer.load(tmp_path / "run")
        trainer.fit(X, Y, epochs=1)
        trainer.save(folder / f"{name}.safetensors")
        assert dl.Trainer.load(tmp_path / "run").epoch == trainer.epoch


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    import os

    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with pytest.raises(dl.CheckpointError, match="no regular file"):
        trained().save(fifo)
    with pytest.raises(dl.CheckpointError, match="pipe"):
        dl.Trainer.load(fifo)
