"""Names of columns are remembered by fit and compared later, as scikit-learn does."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl

pandas = pytest.importorskip("pandas")
preprocessing = pytest.importorskip("sklearn.preprocessing")

RANDOM = np.random.default_rng(4)
FRAME = pandas.DataFrame(RANDOM.standard_normal((40, 3)), columns=["a", "b", "c"])
Y = FRAME[["a"]].to_numpy() * 3


def trainer_of(X: object) -> dl.Trainer:
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, Y, epochs=2, batch_size=20)  # type: ignore[arg-type]
    return trainer


FRAMES = {
    "the same": FRAME,
    "another order": FRAME[["c", "a", "b"]],
    "another name": FRAME.rename(columns={"b": "beta"}),
    "numbers as names": FRAME.set_axis([0, 1, 2], axis=1),
    "an array": FRAME.to_numpy(),
    "a name twice": FRAME.set_axis(["a", "a", "c"], axis=1),
}


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.filterwarnings("always")
def test_what_scikit_learn_refuses_or_warns_of(rows: str) -> None:
    """Where both saw the frame in fit."""

    def verdict(use: object) -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                use(FRAMES[rows])  # type: ignore[operator]
            except (ValueError, dl.DataError):
                return "refused"
        return "warned of" if caught else "taken"

    trainer, expected = trainer_of(FRAME), verdict(preprocessing.StandardScaler().fit(FRAME).transform)
    assert verdict(trainer.predict) == expected
    assert verdict(lambda X: trainer.evaluate(X, Y)) == expected
    assert verdict(lambda X: trainer.fit(X, Y, epochs=1)) == expected
    assert verdict(lambda X: trainer.fit(FRAME, Y, epochs=1, validation=(X, Y))) == expected


def test_the_error_names_the_columns() -> None:
    trainer = trainer_of(FRAME)
    assert trainer.feature_names == ("a", "b", "c")
    with pytest.raises(dl.DataError, match=r"X has the columns 'c', 'a', 'b', .*X\[list\(trainer.feature_names\)\]"):
        trainer.predict(FRAME[["c", "a", "b"]])
    np.testing.assert_array_equal(
        trainer.predict(FRAME[["c", "a", "b"]][list(trainer.feature_names)]), trainer.predict(FRAME)
    )
    with pytest.raises(
        dl.DataError, match="validation X lacks 'b' and has 'beta' too; fit saw the columns 'a', 'b', 'c'"
    ):
        trainer.fit(FRAME, Y, validation=(FRAMES["another name"], Y))


def test_names_are_saved_and_copied_and_end_with_reset(tmp_path: Path) -> None:
    trainer = trainer_of(FRAME)
    trainer.save(tmp_path / "a.safetensors")
    for other in (dl.Trainer.load(tmp_path / "a.safetensors"), copy.deepcopy(trainer)):
        with pytest.raises(dl.DataError, match="another order"):
            other.predict(FRAME[["c", "a", "b"]])
    trainer.reset()
    trainer.fit(FRAME[["c", "a", "b"]], Y, epochs=1)
    assert trainer.feature_names == ("c", "a", "b")


def test_a_fit_that_is_refused_remembers_nothing() -> None:
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 1)), dl.SquaredError(), dl.SGD(0.1))
    with pytest.raises(dl.ShapeError):
        trainer.fit(FRAME, Y[:5])
    assert trainer.feature_names is None


def test_arrays_have_no_names() -> None:
    trainer = trainer_of(FRAME.to_numpy())
    assert trainer.feature_names is None
    trainer.predict(FRAME[["c", "a", "b"]])


def test_names_of_other_frames() -> None:
    arrow = pytest.importorskip("pyarrow")
    from dlcore.data.feature_names import feature_names

    assert feature_names(arrow.Table.from_pandas(FRAME)) == ("a", "b", "c")
    polars = pytest.importorskip("polars")
    assert feature_names(polars.DataFrame({"a": [1.0], "b": [2.0]})) == ("a", "b")
