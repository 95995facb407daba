"""Predictions as files: rows that could not be used keep their places."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.predictions import Predictions, check_target, write

# rows 0 and 3 of four could be used
CLASSES = Predictions(np.float32([[0.25, 0.75], [0.9, 0.1]]), ("no", "yes, sir"), np.array([0, 3]), 4)
VALUES = Predictions(np.array([0.1, -2.0]), (), np.array([0, 3]), 4)


def test_classes_as_csv() -> None:
    """Names with a comma are quoted; a float32 has the fewest digits that tell it: 0.9, not 0.8999999761581421."""
    assert CLASSES.csv().splitlines() == [
        'prediction,probability_no,"probability_yes, sir"', '"yes, sir",0.25,0.75', ",,", ",,", "no,0.9,0.1"
    ]  # fmt: skip


def test_values_as_csv() -> None:
    assert VALUES.csv().splitlines() == ["prediction", "0.1", '""', '""', "-2.0"]


def test_an_array_has_nan_where_there_is_nothing() -> None:
    found = np.load(io.BytesIO(CLASSES.npy()), allow_pickle=False)
    np.testing.assert_array_equal(found, np.float32([[0.25, 0.75], [np.nan] * 2, [np.nan] * 2, [0.9, 0.1]]))
    assert found.dtype == np.float32


def test_parquet_has_nulls_there() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(CLASSES.parquet()))
    assert table.column_names == CLASSES.header
    assert table.column("prediction").to_pylist() == ["yes, sir", None, None, "no"]
    assert table.column("probability_no").to_pylist() == [0.25, None, None, pytest.approx(0.9)]
    assert parquet.read_table(io.BytesIO(VALUES.parquet())).column("prediction").to_pylist() == [0.1, None, None, -2.0]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.npy"])
def test_the_name_says_the_form(name: str, tmp_path: Path) -> None:
    check_target(tmp_path / name)
    write(tmp_path / name, VALUES)
    expected = VALUES.npy() if name.endswith("npy") else VALUES.csv().encode()
    assert (tmp_path / name).read_bytes() == expected
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.txt", "ends in .csv, .npy, .parquet"), ("none/a.csv", "there is no folder"), ("folder.csv", "is a folder")],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(dl.ConfigurationError, match=message):
        check_target(tmp_path / name)


def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(dl.CheckpointError, match=r"a.csv: .*No space left on device"):
        write(tmp_path / "a.csv", VALUES)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.csv", "old")]
