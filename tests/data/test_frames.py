"""Tables from what Python has: mappings, data frames, records and matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.data.tables import Numbers, Unusable

from .cells import cells


def test_a_mapping(tmp_path: Path):
    """Numbers, text and dates; None, NaN and NaT are missing."""
    found = table(
        {"n": [1, None, 2.5], "t": ["a", None, "b"], "d": np.array(["2024-01-01", "NaT", "2024-01-02"], "M8[D]"), "b": [True] * 3}
    )  # fmt: skip
    assert cells(found, "n") == [1, None, 2.5]
    assert cells(found, "t") == ["a", None, "b"]
    assert cells(found, "d")[:2] == ["2024-01-01T00:00:00.000000", None]
    assert cells(found, "b") == ["True"] * 3


def test_a_data_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"n": [1, 2], "t": ["a", None], "c": pd.Categorical(["x", "y"]), "i": pd.array([1, None], "Int64")}
    )
    found = table(frame)
    assert cells(found, "n") == [1, 2]
    assert cells(found, "t") == ["a", None]
    assert cells(found, "c") == ["x", "y"]
    assert cells(found, "i") == [1, None]


def test_what_is_no_table():
    with pytest.raises(dl.ShapeError, match="column 'b' has 1 rows and 'a' 2"):
        table({"a": [1, 2], "b": [1]})
    with pytest.raises(dl.ShapeError, match=r"shape \(3,\), expected 2 dimensions"):
        table([1, 2, 3])
    with pytest.raises(dl.ShapeError, match=r"column 'a' has shape \(2, 1\)"):
        table({"a": [[1], [2]]})


def test_a_matrix_and_an_array_of_records() -> None:
    """Columns of a matrix are numbered from 1, and are measurements: they are never taken for categories."""
    matrix = table(np.arange(6).reshape(3, 2), "m")
    assert (list(matrix.columns), cells(matrix, "column_2")) == (["column_1", "column_2"], [1, 3, 5])
    assert all(column.measured for column in matrix.columns.values() if isinstance(column, Numbers))
    records = table(np.array([(1, "x"), (2, "y")], [("n", int), ("t", "U3")]))
    assert (cells(records, "n"), cells(records, "t")) == ([1, 2], ["x", "y"])
    assert not records.columns["n"].measured  # type: ignore[union-attr]


def test_a_table_is_a_table_already() -> None:
    found = table({"a": [1]})
    assert table(found) is found


def test_several_columns_of_one_name_are_refused() -> None:
    """Names that are text and names that are numbers may say the same."""
    with pytest.raises(dl.DataError, match="several columns of one name"):
        table({"1": [1], 1: [2]})


def test_cells_of_a_kind_that_no_network_takes() -> None:
    """They are an error only where they are wanted."""
    lists = np.empty(2, object)
    lists[:] = [1], [2, 3]
    found = table({"a": [1, 2], "lists": lists, "bytes": np.array([b"x", b"y"])})
    assert [type(found.columns[name]) for name in ("lists", "bytes")] == [Unusable, Unusable]
    assert cells(found, "a") == [1, 2]
