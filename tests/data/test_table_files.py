"""Tables from Parquet, Arrow and array files: the same cells whatever they come from."""

from __future__ import annotations

import os
import threading
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.data.table_files import read_table
from dlcore.data.tables import Dates, Numbers, Text, Unusable

from .cells import cells

NAN = float("nan")


# -- Parquet and Arrow -------------------------------------------------------------------------------------------------


@pytest.fixture
def arrow():
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    return SimpleNamespace(pa=pa, feather=feather, parquet=parquet)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_columns_of_arrow(kind, arrow, tmp_path):
    """Every type of column that a table of measurements has, with a missing cell in each."""
    pa = arrow.pa
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    data = pa.table(
        {
            "integer": pa.array([1, None, 3], pa.int8()),
            "single": pa.array([0.5, None, 3], pa.float32()),
            "decimal": pa.array([1, None, 3], pa.decimal128(5, 2)),
            "flag": pa.array([True, None, False]),
            "text": pa.array(["a", None, "a"]),
            "large": pa.array(["a", None, "b"], pa.large_string()),
            "category": pa.array(["a", None, "b"]).dictionary_encode(),
            "date": pa.array([date(2024, 2, 29), None, date(1969, 12, 31)]),
            "moment": pa.array([moment, None, moment], pa.timestamp("ns", "Europe/Berlin")),
            "nothing": pa.nulls(3),
            "lists": pa.array([[1], None, [2, 3]]),
        }
    )
    path = tmp_path / f"t.{kind}"
    arrow.parquet.write_table(data, path) if kind == "parquet" else arrow.feather.write_feather(data, path)
    found = read_table(path)
    assert (len(found), found.where(1)) == (3, f"{path}, row 2")
    assert cells(found, "integer") == [1, None, 3]
    assert cells(found, "single") == [0.5, None, 3]
    assert cells(found, "decimal") == [1, None, 3]
    assert cells(found, "flag") == ["True", None, "False"]
    assert cells(found, "text") == ["a", None, "a"]
    assert cells(found, "large") == cells(found, "category") == ["a", None, "b"]
    assert cells(found, "date") == ["2024-02-29T00:00:00.000000", None, "1969-12-31T00:00:00.000000"]
    assert cells(found, "moment")[:2] == ["2024-02-29T12:00:00.000000", None]  # UTC
    assert cells(found, "nothing") == [None] * 3
    assert isinstance(found.columns["lists"], Unusable)
    assert [type(found.columns[name]) for name in ("integer", "flag", "date")] == [Numbers, Text, Dates]


def test_bad_arrow_files(arrow, tmp_path):
    """Torn files, two columns of one name and no rows are data errors that name the file."""
    pa = arrow.pa
    path = tmp_path / "t.parquet"
    arrow.parquet.write_table(pa.table({"a": pa.array([1.0] * 100)}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(dl.DataError, match=r"t.parquet: cannot be read"):
        read_table(path)
    arrow.parquet.write_table(pa.table({"a": pa.array([], pa.float64())}), path)
    with pytest.raises(dl.DataError, match=r"t.parquet: the file has columns \(a\) and no rows"):
        read_table(path)
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    arrow.parquet.write_table(twice, path)
    with pytest.raises(dl.DataError, match=r"t.parquet: .*several columns 'a'"):
        read_table(path)
    with pytest.raises(dl.DataError, match="several columns 'a'"):
        table(twice)


def test_files_that_are_larger_when_they_are_read(arrow, tmp_path):
    """A Parquet or NPZ file of equal numbers may be a thousandth of them; the bound can be raised."""
    from dlcore.data.csv_dialect import Dialect

    arrow.parquet.write_table(arrow.pa.table({"a": np.zeros(100_000)}), tmp_path / "t.parquet")
    np.savez_compressed(tmp_path / "t.npz", a=np.zeros(100_000))
    for name in ("t.parquet", "t.npz"):
        assert (tmp_path / name).stat().st_size < 10_000
        with pytest.raises(dl.DataError, match=rf"{name}: more than 799,999 bytes of numbers; give a larger Dialect"):
            read_table(tmp_path / name, Dialect(max_bytes=799_999))
        assert len(read_table(tmp_path / name, Dialect(max_bytes=801_000))) == 100_000


def test_without_pyarrow_the_command_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1....PAR1")
    with pytest.raises(dl.DataError, match=r"t.parquet: .* needs pyarrow: pip install"):
        read_table(tmp_path / "t.parquet")


# -- arrays ------------------------------------------------------------------------------------------------------------


def test_columns_of_arrays(tmp_path: Path):
    """A matrix is columns by number, an archive's vectors columns by name, an image a row, a record its fields."""
    np.save(tmp_path / "m.npy", np.arange(6).reshape(3, 2))
    assert list(read_table(tmp_path / "m.npy").columns) == ["column_1", "column_2"]
    assert cells(read_table(tmp_path / "m.npy"), "column_2") == [1, 3, 5]
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2, 2), np.uint8), y=["a", "b"], w=[1, NAN])
    found = read_table(tmp_path / "a.npz")
    assert list(found.columns) == ["X_1", "X_2", "X_3", "X_4", "y", "w"]
    assert (cells(found, "y"), cells(found, "w")) == (["a", "b"], [1, None])
    np.save(tmp_path / "r.npy", np.array([(1, "x")], [("n", int), ("t", "U3")]))
    assert (cells(read_table(tmp_path / "r.npy"), "n"), cells(read_table(tmp_path / "r.npy"), "t")) == ([1], ["x"])


def test_bad_array_files(tmp_path: Path):
    """Objects would be code; torn files, numbers alone, and arrays of different lengths are no table."""
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(dl.DataError, match=r"o.npy: cannot be read as arrays of numbers or text"):
        read_table(tmp_path / "o.npy")
    np.savez(tmp_path / "d.npz", X=np.ones((3, 2)), y=np.ones(2))
    with pytest.raises(dl.DataError, match=r"d.npz: its arrays have different numbers of rows: X \(3, 2\), y \(2,\)"):
        read_table(tmp_path / "d.npz")
    np.save(tmp_path / "n.npy", np.float64(3))
    with pytest.raises(dl.DataError, match=r"n.npy"):
        read_table(tmp_path / "n.npy")
    np.save(tmp_path / "e.npy", np.ones((0, 2)))
    with pytest.raises(dl.DataError, match=r"e.npy: the file has columns \(column_1, column_2\) and no rows"):
        read_table(tmp_path / "e.npy")
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("u.csv", "a,b")
        archive.writestr("t.csv", "a,b")
    with pytest.raises(dl.DataError, match=r"z.npz: is an archive of 2 files .*; unpack it"):
        read_table(tmp_path / "z.npz")
    whole = (tmp_path / "d.npz").read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "t.npz").write_bytes(whole[:cut])
        with pytest.raises(dl.DataError, match=r"t.npz"):
            read_table(tmp_path / "t.npz")


@pytest.mark.skipif(os.name == "nt", reason="pipes have no names there")
def test_a_pipe_gives_its_bytes_once(tmp_path: Path):
    """None of them is lost to looking what they are."""
    pipe, sent = tmp_path / "pipe", "".join(f"{i},{i % 7}.5\n" for i in range(10_000))
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(sent,))
    writer.start()
    found = read_table(pipe)
    writer.join()
    assert cells(found, "column_1") == [str(i) for i in range(10_000)]
    writer = threading.Thread(target=pipe.write_bytes, args=(b"\x93NUMPY",))
    writer.start()
    with pytest.raises(dl.DataError, match="pipe: NPY is read from files alone, CSV also from a pipe"):
        read_table(pipe)
    writer.join()
