"""A trainer with preprocessing takes frames of raw rows, and gives labels as they are spelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.preprocessing import Preprocessing

pandas = pytest.importorskip("pandas")

RANDOM = np.random.default_rng(6)
SIZE = RANDOM.uniform(0, 100, 200)
CITY = RANDOM.choice(["Porto", "Lisboa"], 200)
FRAME = pandas.DataFrame({"size": SIZE, "city": CITY})
LABELS = pandas.Series(np.where((SIZE > 50) ^ (CITY == "Porto"), "007", "01"), name="code")
FITTED = Preprocessing().fit(FRAME.assign(code=LABELS), target="code", task="classification")


def trainer_of(loss: dl.Loss, outputs: int) -> dl.Trainer:
    model = dl.Sequential(dl.Dense(FITTED.width, 16), dl.Tanh(), dl.Dense(16, outputs))
    trainer = dl.Trainer(model, loss, dl.Adam(0.03), seed=2)
    trainer.preprocessing = FITTED
    return trainer


@pytest.mark.parametrize(("loss", "outputs"), [(dl.SoftmaxCrossEntropy(), 2), (dl.BinaryCrossEntropy(), 1)])
def test_frames_and_their_labels(loss: dl.Loss, outputs: int, tmp_path: Path) -> None:
    """The same bits as from features and indices that are made by hand."""
    trainer, by_hand = trainer_of(loss, outputs), trainer_of(loss, outputs)
    trainer.fit(FRAME, LABELS, epochs=30, validation=(FRAME, LABELS))
    X, y = FITTED.features(FRAME), FITTED.targets({"code": LABELS})
    by_hand.fit(X, y, epochs=30, validation=(X, y))
    assert trainer.history["val_loss"] == by_hand.history["val_loss"]
    np.testing.assert_array_equal(trainer.predict(FRAME), by_hand.predict(X))
    assert trainer.evaluate(FRAME, LABELS) == by_hand.evaluate(X, y)
    assert trainer.evaluate(FRAME, LABELS)["accuracy"] > 0.9
    assert (trainer.predict_labels(FRAME) == LABELS.to_numpy()).mean() > 0.9
    assert by_hand.predict_labels(X).dtype.kind == "i"
    reordered = FRAME[["city", "size"]].assign(more=1)
    np.testing.assert_array_equal(trainer.predict(reordered), trainer.predict(FRAME))
    trainer.save(tmp_path / "a.safetensors")
    loaded = dl.Trainer.load(tmp_path / "a.safetensors")
    assert loaded.predict_labels({"size": 90.0, "city": "Lisboa"}).tolist() == ["007"]


def test_labels_that_no_row_of_training_had() -> None:
    trainer = trainer_of(dl.SoftmaxCrossEntropy(), 2)
    with pytest.raises(dl.DataError, match="'7' is none of the classes of training: 007, 01"):
        trainer.fit(FRAME, LABELS.replace("007", "7"))


def test_a_trainer_without_preprocessing_refuses_text() -> None:
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1))
    with pytest.raises(dl.DataError, match="numbers"):
        trainer.fit(FRAME, LABELS)


def test_numbers_of_a_regression_are_as_they_are_given() -> None:
    fitted = Preprocessing().fit(FRAME)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(fitted.width, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.preprocessing = fitted
    trainer.fit(FRAME, SIZE / 100, epochs=40)
    assert np.abs(trainer.predict(FRAME)[:, 0] - SIZE / 100).max() < 0.1
