"""From a file of raw rows to a data set, as a configuration says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.configuration import Configuration, configure
from dlcore.app.raw_data import dialect_of, load_file, preprocessing_of
from dlcore.data.csv_files import MISSING

ROWS = [(i * i % 41, 3 * i * i % 47 + i // 2, "yes" if i % 4 else "no") for i in range(50)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["a,b,y", *(",".join(map(str, row)) for row in ROWS)]) + "\n")
    return path


def straight(scaled: np.ndarray) -> np.ndarray:
    """Scaled inputs before large ones are bent, x/√(1 + (x/8)²)."""
    scaled = scaled.astype(float)
    return scaled / np.sqrt(1 - (scaled / 8) ** 2)


def run_of(file: Path, **settings: Any) -> Configuration:
    return configure({"data": str(file), "target": "y", "types": ("a=number",)} | settings)


def test_a_fifth_of_the_rows_is_for_testing(file: Path) -> None:
    """By class, and only the others say how columns are scaled."""
    data = load_file(run_of(file))
    assert (data.X.shape, data.X_test.shape, data.classes) == ((40, 2), (10, 2), ("no", "yes"))
    np.testing.assert_allclose(straight(data.X).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(straight(data.X).std(axis=0), 1, rtol=1e-6)
    assert abs(int(data.y_test.sum()) - 0.2 * sum(y == "yes" for *_, y in ROWS)) < 1


def test_test_rows_of_another_file(file: Path, tmp_path: Path) -> None:
    """Its columns may stand in another order; all rows of the first file are for training."""
    (tmp_path / "test.csv").write_text("y,b,a\nno,3,1\nyes,7,2\n")
    data = load_file(run_of(file, test=str(tmp_path / "test.csv")))
    assert (len(data.X), data.y_test.tolist()) == (50, [0, 1])
    a, b = np.array([[row[0], row[1]] for row in ROWS], float).T
    expected = np.column_stack([([1, 2] - a.mean()) / a.std(), ([3, 7] - b.mean()) / b.std()])
    np.testing.assert_allclose(straight(data.X_test), expected, rtol=1e-5)


def test_a_regression_remembers_center_and_scale(file: Path) -> None:
    """center + scale · y is the column."""
    data = load_file(run_of(file, target="b"))
    assert data.classes == ()
    targets = data.center + data.scale * np.concatenate([data.y, data.y_test])
    np.testing.assert_allclose(np.sort(targets.ravel()), np.sort([row[1] for row in ROWS]), atol=1e-4)


def test_rows_that_cannot_be_used_are_counted_and_told_of(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where they are skipped; otherwise the first of them is an error."""
    with file.open("a") as more:
        more.write("x,1,yes\n5,6,\n")
    with pytest.raises(dl.DataError, match=r"rows.csv, line 5[23]"):
        load_file(run_of(file))
    caplog.set_level(logging.INFO, "dlcore")
    data = load_file(run_of(file, bad_rows="skip"))
    assert (len(data.X) + len(data.X_test), data.left_out) == (50, 2)
    assert "rows.csv: 2 rows left out (line 52: " in caplog.text


def test_a_missing_target_names_the_columns(file: Path) -> None:
    with pytest.raises(dl.ConfigurationError, match=r"--target is missing: .*; there are: a, b, y"):
        load_file(run_of(file, target=None))


def test_too_few_rows_to_set_some_aside(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,y\n1,no\n2,yes\n")
    with pytest.raises(dl.DataError, match=r"2 rows of 2 classes are too few .* give a file of test rows with --test"):
        load_file(configure({"data": str(tmp_path / "one.csv"), "target": "y"}))


def test_an_empty_cell_is_missing_whatever_else_is() -> None:
    assert dialect_of(configure({"data": "a.csv", "missing": ("?",)})).missing == ("", "?")
    assert dialect_of(configure({"data": "a.csv"})).missing == MISSING
    assert dialect_of(configure({"data": "a.csv", "quote": "none"})).quote == ""


def test_types_are_given_by_column() -> None:
    """The last "=" separates: names may have one."""
    assert preprocessing_of(configure({"data": "a.csv", "types": ("zip=category", "a=b=number")})).types == {
        "zip": "category", "a=b": "number",
    }  # fmt: skip
    with pytest.raises(dl.ConfigurationError, match="types: 'zip', expected COLUMN=TYPE"):
        preprocessing_of(configure({"data": "a.csv", "types": ("zip",)}))
