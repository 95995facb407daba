"""Every reader gives the same column for the same cells: missing markers, booleans, blanks, integers, dates, categories."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.csv_files import Dialect
from dlcore.data.frames import table
from dlcore.data.markers import MISSING, Markers
from dlcore.data.table_files import read_table
from dlcore.data.tables import Column, Dates, Numbers, Table, Text, Unusable
from dlcore.preprocessing import Preprocessing
from dlcore.preprocessing.columns import CategoryColumn

pa = pytest.importorskip("pyarrow")

Cells = list[Any]


def cells(found: Table) -> Cells:
    """The cells of the only column."""
    (column,) = found.columns.values()
    return [None if gone else column.cell(row) for row, gone in enumerate(column.missing().tolist())]


# -- readers: each makes a table of one column of Python objects ---------------------------------------------------------


def by_csv(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    with (path / "t.csv").open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["x"], *[["" if v is None else v] for v in values]])
    return read_table(path / "t.csv", Dialect(missing=missing, header=True))


def by_parquet(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    from pyarrow import parquet

    parquet.write_table(pa.table({"x": pa.array(values)}), path / "t.parquet")
    return read_table(path / "t.parquet", Dialect(missing=missing))


def by_feather(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    from pyarrow import feather

    feather.write_feather(pa.table({"x": pa.array(values)}), path / "t.arrow")
    return read_table(path / "t.arrow", Dialect(missing=missing))


def by_npz(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    np.savez(path / "t.npz", x=np.array(values))
    return read_table(path / "t.npz", Dialect(missing=missing))


def by_mapping(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    return table({"x": values}, missing=missing)


def by_array(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    return table({"x": np.array(values)}, missing=missing)


def by_objects(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    return table({"x": np.array(values, object)}, missing=missing)


def by_rows(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    return table([[value] for value in values], missing=missing)


def by_pandas(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    pd = pytest.importorskip("pandas")
    return table(pd.DataFrame({"x": values}), missing=missing)


def by_pandas_objects(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    pd = pytest.importorskip("pandas")
    return table(pd.DataFrame({"x": pd.Series(values, dtype=object)}), missing=missing)


def by_pandas_nullable(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    pd = pytest.importorskip("pandas")
    return table(pd.DataFrame({"x": pd.Series(values, dtype=object).convert_dtypes()}), missing=missing)


def by_pandas_arrow(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    pd = pytest.importorskip("pandas")
    return table(
        pd.DataFrame({"x": pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(values)])))}),
        missing=missing,
    )


def by_polars(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    pl = pytest.importorskip("polars")
    return table(pl.DataFrame({"x": values}), missing=missing)


def by_arrow(values: Cells, path: Path, missing: tuple[str, ...]) -> Table:
    return table(pa.table({"x": values}), missing=missing)


READERS: dict[str, Callable[[Cells, Path, tuple[str, ...]], Table]] = {
    name.removeprefix("by_"): make for name, make in list(globals().items()) if name.startswith("by_")
}
WITH_NONE = [name for name in READERS if name not in ("npz", "array")]  # NumPy would make objects of it


@pytest.fixture(params=[True, False], ids=["pyarrow", "plain"])
def with_pyarrow(request, monkeypatch):
    """Frames are read by pyarrow, and without it."""
    if not request.param:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    return request.param


def read(reader: str, values: Cells, path: Path, missing: tuple[str, ...] = MISSING) -> Table:
    return READERS[reader](values, path, missing)


# -- missing markers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["-999", "-999.0", "-9.99e2", " -999 ", "-0999"])
@pytest.mark.parametrize("values", [[-999.0, 1.5, -999.0], [-999, 1, -999], [-999, 7, 8]], ids=str)
@pytest.mark.parametrize("reader", READERS)
def test_a_marker_that_is_a_number_is_its_value(reader, values, marker, tmp_path):
    """−999 is −999.0, in every format; a cell that differs from it stays."""
    found = read(reader, values, tmp_path, ("", marker, "8888"))
    expected = [v == -999 for v in values]
    assert [cell is None for cell in cells(found)] == expected
    assert found.unmatched == ("8888",)


@pytest.mark.parametrize("spelling", ["-999", "-999.0", "-999.00", "-9.99e2", " -999", "-999,0"])
def test_spellings_of_a_number_in_text(spelling, tmp_path):
    values = [spelling, "1", "2,5"]
    for reader in ("csv", "parquet", "npz", "mapping", "pandas", "polars"):
        assert cells(read(reader, values, tmp_path, ("-999",))) == [None, "1", "2,5"], reader


def test_thousands_are_not_decimals(tmp_path):
    """1,000 may be a thousand: the marker 1 leaves it alone, unless other cells have decimal commas."""
    assert cells(read("csv", ["1,000", "2,000"], tmp_path, ("1",))) == ["1,000", "2,000"]
    assert cells(read("csv", ["1,000", "2,5"], tmp_path, ("1",))) == [None, "2,5"]


def test_markers_are_compared_exactly(tmp_path):
    """Neighbours above 2^53 are different markers; float32's 0.1 is 0.1; a marker that float32 cannot hold is no zero."""
    neighbours = [2**53 + 1, 2**53 + 3, 2**53 + 2]
    for reader in ("csv", "parquet", "npz", "mapping", "pandas", "polars"):
        assert cells(read(reader, neighbours, tmp_path, (str(2**53 + 2),)))[:2] == [str(2**53 + 1), str(2**53 + 3)]
        assert cells(read(reader, neighbours, tmp_path, (str(2**53 + 2),)))[2] is None
    single = np.array([0.1, 0.0], np.float32)
    assert table({"x": single}, missing=("0.1",)).columns["x"].missing().tolist() == [True, False]
    assert table({"x": single}, missing=("1e-60",)).columns["x"].missing().tolist() == [False, False]
    assert table({"x": np.array([1, 255], np.uint8)}, missing=("-1", "255.5", "300")).columns["x"].missing().sum() == 0


@pytest.mark.parametrize("marker", [*MISSING[1:], "nan", "NULL", "none", "n/a", " NA "])
@pytest.mark.parametrize("reader", READERS)
def test_words_are_missing_in_every_reader(reader, marker, tmp_path):
    """The default words, in any case, with blanks around them; so is a cell of blanks."""
    found = read(reader, ["a", marker, " b ", "  "], tmp_path)
    assert cells(found) == ["a", None, "b", None]
    assert found.unmatched == ()


@pytest.mark.parametrize("reader", READERS)
def test_markers_that_are_given_replace_the_words(reader, tmp_path):
    found = read(reader, ["NA", "b", "x.y."], tmp_path, ("", "X.Y."))
    assert cells(found) == ["NA", "b", None]


def test_a_marker_that_is_a_date(tmp_path):
    days = [date(1900, 1, 1), date(2024, 2, 29)]
    for reader in ("parquet", "feather", "mapping", "array", "objects", "pandas", "polars", "csv"):
        assert cells(read(reader, days, tmp_path, ("1900-01-01",)))[0] is None, reader


def test_unmatched_markers_of_several_columns():
    found = table({"a": [1, 2], "b": ["x", "-9"]}, missing=("", "-9", "x", "-99", "y"))
    assert found.unmatched == ("-99", "y")
    assert Markers(MISSING).unmatched() == ()


# -- booleans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_booleans_have_one_spelling(reader, tmp_path, with_pyarrow):
    """True and False, the text of a CSV file."""
    if not with_pyarrow and reader in ("parquet", "feather", "pandas_arrow", "arrow"):
        pytest.skip("needs pyarrow")
    (found,) = read(reader, [True, False, True], tmp_path).columns.values()
    assert isinstance(found, Text)
    assert (found.values[found.codes[0]], found.values[found.codes[1]], found.typed) == ("True", "False", False)


@pytest.mark.parametrize("spelling", [("true", "false"), ("TRUE", "FALSE"), ("True", "False"), (" true", "fAlse ")])
@pytest.mark.parametrize("reader", READERS)
def test_booleans_written_as_text(reader, spelling, tmp_path):
    true, false = spelling
    assert cells(read(reader, [true, false, "maybe", true], tmp_path)) == ["True", "False", "maybe", "True"]


@pytest.mark.parametrize("reader", WITH_NONE)
def test_booleans_with_a_missing_cell(reader, tmp_path):
    assert cells(read(reader, [True, None, False], tmp_path)) == ["True", None, "False"]


def test_a_network_of_a_csv_file_takes_booleans_of_a_parquet_file(tmp_path):
    """The features are the same."""
    values = [True, False, True, True, False] * 4
    fitted = Preprocessing().fit(read("csv", ["true" if v else "false" for v in values], tmp_path))
    expected = fitted.features(read("csv", values, tmp_path))
    assert expected.std() > 0
    for reader in READERS:
        (column,) = read(reader, values, tmp_path).columns.values()
        np.testing.assert_array_equal(fitted.features(Table({"x": column})), expected)


# -- integers, numbers, categories ---------------------------------------------------------------------------------------

BEYOND = [2**53 + 1, 2**53, 2**62, -(2**53) - 1]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("values", [BEYOND, [2**64 - 1, 2**64 - 2, 5, 6]], ids=["int64", "uint64"])
def test_integers_that_float64_would_merge_stay_apart(reader, values, tmp_path, with_pyarrow):
    if not with_pyarrow and reader in ("parquet", "feather", "pandas_arrow", "arrow"):
        pytest.skip("needs pyarrow")
    if reader in ("parquet", "feather", "arrow", "pandas_arrow") and max(values) >= 2**63:
        values = pa.array(values, pa.uint64())
    if reader in ("npz", "array") and max(values) >= 2**63:
        values = np.array(values, np.uint64)
    if reader == "polars" and max(values) >= 2**63:
        values = pytest.importorskip("polars").Series(values, dtype=pytest.importorskip("polars").UInt64)
    found = read(reader, values, tmp_path)
    assert cells(found) == [str(v) for v in values]
    (column,) = found.columns.values()
    assert isinstance(column, Text)
    assert not column.typed  # numbers, if they are declared as such


@pytest.mark.parametrize("reader", WITH_NONE)
def test_they_stay_apart_beside_missing_cells(reader, tmp_path):
    if reader in ("pandas", "pandas_nullable"):
        pytest.skip("pandas itself makes float64 of integers beside None")
    assert cells(read(reader, [*BEYOND, None], tmp_path)) == [*map(str, BEYOND), None]


@pytest.mark.parametrize("reader", [name for name in READERS if name != "csv"])
def test_integers_up_to_2_53_are_numbers(reader, tmp_path):
    found = read(reader, [2**53, -(2**53), 3], tmp_path)
    assert cells(found) == [2**53, -(2**53), 3]
    assert isinstance(next(iter(found.columns.values())), Numbers)


def test_integers_beyond_every_type():
    found = table({"x": [10**400, 1, -(10**400), None]})
    assert cells(found) == [str(10**400), "1", str(-(10**400)), None]
    assert cells(table({"x": [10**400, 0.5]})) == [np.inf, 0.5]


@pytest.mark.parametrize("reader", ["parquet", "feather", "mapping", "objects", "rows", "pandas", "polars", "arrow"])
def test_decimals(reader, tmp_path, with_pyarrow):
    if not with_pyarrow and reader in ("parquet", "feather", "arrow"):
        pytest.skip("needs pyarrow")
    assert cells(read(reader, [Decimal("1.50"), None, Decimal("-2.00")], tmp_path)) == [1.5, None, -2]
    ids = [Decimal(2**53 + 1), Decimal(2**53)]
    assert cells(read(reader, ids, tmp_path)) == [str(2**53 + 1), str(2**53)]


@pytest.mark.parametrize("names", [[3, 1, 2], [2**53 + 1, 2**53, 5], [1.5, 2.0, 3.0], ["x", "y", "3"]], ids=str)
def test_declared_categories_are_categories(names, with_pyarrow):
    """pandas' and Arrow's categories of numbers are not numbers; a category that no row has is none."""
    pd = pytest.importorskip("pandas")
    expected = [str(n) if not isinstance(n, float) else f"{n:g}" for n in names]
    frame = pd.DataFrame(
        {"x": pd.Categorical([names[0], None, *names[1:]], categories=[*names[::-1], type(names[0])(7)])}
    )
    found = table(frame).columns["x"]
    assert isinstance(found, Text)
    assert found.typed
    assert cells(table(frame)) == [expected[0], None, *expected[1:]]
    assert set(found.values) == set(expected)
    assert isinstance(Preprocessing().fit(table(frame)).columns[0], CategoryColumn)
    if with_pyarrow:
        assert cells(table(pa.Table.from_pandas(frame))) == cells(table(frame))


def test_categories_of_intervals():
    pd = pytest.importorskip("pandas")
    assert cells(table({"x": pd.cut(pd.Series([1.0, 5.0]), [0, 2, 6])})) == ["(0, 2]", "(2, 6]"]


# -- dates ---------------------------------------------------------------------------------------------------------------

MOMENT = datetime(2024, 2, 29, 12, 30, 0, 5)
ZONED = datetime(2024, 2, 29, 13, 30, 0, 5, tzinfo=__import__("zoneinfo").ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("moment", [MOMENT, ZONED, MOMENT.replace(tzinfo=UTC)], ids=["naive", "Berlin", "UTC"])
@pytest.mark.parametrize(
    "reader",
    ["parquet", "feather", "mapping", "objects", "rows", "pandas", "pandas_objects", "pandas_nullable", "polars"],
)
def test_moments_are_in_utc(reader, moment, tmp_path, with_pyarrow):
    if not with_pyarrow and reader in ("parquet", "feather"):
        pytest.skip("needs pyarrow")
    assert cells(read(reader, [moment, None], tmp_path)) == ["2024-02-29T12:30:00.000005", None]


@pytest.mark.parametrize("reader", ["parquet", "feather", "mapping", "array", "objects", "rows", "pandas", "polars"])
def test_days(reader, tmp_path, with_pyarrow):
    if not with_pyarrow and reader in ("parquet", "feather"):
        pytest.skip("needs pyarrow")
    found = read(reader, [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)], tmp_path)
    assert cells(found) == [f"{day}T00:00:00.000000" for day in ("2024-02-29", "0001-01-01", "9999-12-31")]


def test_days_among_moments_keep_the_time_of_day(with_pyarrow):
    """Arrow would make days of all."""
    pd = pytest.importorskip("pandas")
    mixed = [date(2024, 2, 29), MOMENT, pd.Timestamp(ZONED)]
    for form in (mixed, np.array(mixed, object), pd.DataFrame({"x": pd.Series(mixed, dtype=object)})["x"]):
        found = cells(table({"x": form}))
        assert found == ["2024-02-29T00:00:00.000000", *["2024-02-29T12:30:00.000005"] * 2]


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us", "ns", "2s", "W", "M", "Y"])
@pytest.mark.parametrize("order", ["=", ">"])
def test_units_of_dates(unit, order):
    values = np.array(["2024-02-29", "NaT", "1969-12-31"], f"M8[{unit}]").astype(f"{order}M8[{unit}]")
    found = table({"x": values}).columns["x"]
    assert isinstance(found, Dates)
    np.testing.assert_array_equal(found.values, values.astype("M8[us]"))


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "W"])
@pytest.mark.parametrize("sign", [1, -1])
def test_dates_that_microseconds_cannot_hold_are_refused(unit, sign, tmp_path):
    """NumPy and Arrow would wrap 2^62 seconds to 1970."""
    far = np.array([0, sign * 2**62], np.int64).view(f"M8[{unit}]")
    for data in ({"x": far}, far[:, None], np.array([(d,) for d in far], [("x", far.dtype)])):
        with pytest.raises(dl.DataError, match=r"row 2: .* no date"):
            table(data)
    np.savez(tmp_path / "t.npz", x=far)
    with pytest.raises(dl.DataError, match=r"no date"):
        read_table(tmp_path / "t.npz")
    if unit in ("s", "ms"):
        with pytest.raises(dl.DataError, match=r"no date"):
            read("feather", pa.array(far.view(np.int64), pa.timestamp(unit)), tmp_path)


# -- missing objects -----------------------------------------------------------------------------------------------------


def test_missing_objects(with_pyarrow):
    """None, NaN, pd.NA and NaT are missing among cells of every kind."""
    pd = pytest.importorskip("pandas")
    gone = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("nan")]
    kinds: list[tuple[Cells, Cells]] = [
        ([1, 2], [1, 2]),
        ([0.5], [0.5]),
        ([True, np.False_], ["True", "False"]),
        (["a"], ["a"]),
        ([date(2024, 2, 29)], ["2024-02-29T00:00:00.000000"]),
        ([pd.Timestamp("2024-02-29", tz="UTC")], ["2024-02-29T00:00:00.000000"]),
    ]
    for values, expected in kinds:
        mixed = [*values, *gone]
        for form in (mixed, np.array([*mixed, ""], object)[:-1], pd.Series(mixed, dtype=object)):
            assert cells(table({"x": form})) == [*expected, *[None] * len(gone)]
    assert cells(table({"x": [pd.NA, None]})) == [None, None]


@pytest.mark.parametrize("dtype", ["Int64", "Float32", "boolean", "string", "UInt8"])
def test_nullable_columns_of_pandas(dtype, with_pyarrow):
    pd = pytest.importorskip("pandas")
    first = {"boolean": True, "string": "a"}.get(dtype, 3)
    found = cells(table(pd.DataFrame({"x": pd.array([first, pd.NA], dtype)})))
    assert found == [{"boolean": "True", "string": "a"}.get(dtype, 3.0), None]


def test_a_frame_is_its_parquet_file(tmp_path, with_pyarrow):
    """Column by column: the same kind and the same cells."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "zoned": pd.to_datetime(["2024-02-29T12:00", None]).tz_localize("Asia/Tokyo"),
            "naive": pd.to_datetime(["2024-02-29T12:00:00.123456789", None]),
            "day": [date(2024, 2, 29), None],
            "decimal": [Decimal("1.25"), None],
            "boolean": [np.True_, None],
            "nullable": pd.array([1, None], "Int64"),
            "text": [" NA", "b "],
            "strings": pd.array(["1", None], "string"),
            "category": pd.Categorical([3, 4]),
            "single": np.array([0.1, np.nan], np.float32),
            "id": [2**60 + 1, 2**60],
            "span": pd.to_timedelta([1, 2], unit="s"),
            "list": [[1], [2]],
        }
    )
    found = table(frame)
    if with_pyarrow:
        frame.to_parquet(tmp_path / "t.parquet")
        file = read_table(tmp_path / "t.parquet")
        for name, column in file.columns.items():
            other = found.columns[name]
            assert type(other) is type(column), name
            assert column.missing().tolist() == other.missing().tolist(), name
            if not isinstance(column, Unusable):
                assert [column.cell(i) for i in range(2)] == pytest.approx(
                    [other.cell(i) for i in range(2)], nan_ok=True
                ), name
                assert getattr(column, "typed", None) == getattr(other, "typed", None), name
    kinds: dict[str, type[Column]] = {
        "zoned": Dates,
        "day": Dates,
        "decimal": Numbers,
        "boolean": Text,
        "id": Text,
        "span": Unusable,
    }
    assert {name: type(found.columns[name]) for name in kinds} == kinds
    assert found.columns["zoned"].cell(0) == "2024-02-29T03:00:00.000000"


def test_polars_frames():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "c": pl.Series(["b", None, "a"], dtype=pl.Categorical),
            "e": pl.Series(["b", "a", "b"], dtype=pl.Enum(["a", "b", "c"])),
            "z": pl.Series([MOMENT, None, MOMENT]).dt.replace_time_zone("UTC"),
            "d": pl.Series([Decimal("1.5"), None, Decimal("2.5")]),
            "n": pl.Series([None, None, None]),
            "u": pl.Series([1, 2, None], dtype=pl.UInt64),
            "l": pl.Series([[1], [2], None]),
            "t": pl.Series([timedelta(1)] * 3),
        }
    )
    found = table(frame)
    assert found.columns["c"].cell(0) == "b"
    assert set(found.columns["e"].values) == {"a", "b"}  # type: ignore[union-attr]
    assert found.columns["z"].cell(0) == "2024-02-29T12:30:00.000005"
    assert [found.columns["d"].cell(0), found.columns["u"].cell(1)] == [1.5, 2]
    assert found.columns["n"].missing().all()
    assert isinstance(found.columns["l"], Unusable)
    assert isinstance(found.columns["t"], Unusable)


def test_arrays_of_other_libraries_and_scalars():
    """By NumPy's protocol; a list may hold arrays without dimensions, and integers of any class."""
    from http import HTTPStatus

    torch = pytest.importorskip("torch")
    for form in (torch.tensor([1, 2]), [torch.tensor(1), torch.tensor(2)], [np.array(1), np.array(2)]):
        assert cells(table({"x": form})) == [1, 2]
    assert cells(table({"x": [HTTPStatus.OK, HTTPStatus.FOUND]})) == [200, 302]


def test_lazy_frames_are_named():
    pl = pytest.importorskip("polars")
    with pytest.raises(dl.DataError, match=r"lazy frame.*\.collect\(\)"):
        table(pl.DataFrame({"x": [1]}).lazy())


# -- what is refused -----------------------------------------------------------------------------------------------------

HIDDEN = np.ma.masked_equal(np.arange(6.0).reshape(3, 2), 2)
MASKED: dict[str, Any] = {
    "a matrix": HIDDEN,
    "a list of rows": list(HIDDEN),
    "a tuple of rows": tuple(HIDDEN),
    "a list of lists": [list(row) for row in HIDDEN],
    "a column": {"a": HIDDEN[:, 0]},
    "a list of cells": {"a": [1.0, np.ma.masked]},
    "objects": {"a": np.array([1.0, np.ma.masked], object)},
    "records": np.ma.array([(1.0,), (2.0,)], [("a", float)], mask=[(True,), (False,)]),
    "without a mask": np.ma.array([[1.0]]),
}


@pytest.mark.parametrize("case", MASKED)
def test_masked_arrays_are_refused(case):
    """In tables as in fit: their masks would be lost."""
    with pytest.raises(dl.DataError, match=r"masked array.*fill"):
        table(MASKED[case])


@pytest.mark.parametrize("case", ["a matrix", "a list of rows", "a tuple of rows", "a list of lists"])
def test_masked_rows_of_features_and_weights_are_refused(case):
    from dlcore.data import inputs

    with pytest.raises(dl.DataError, match=r"masked array.*fill"):
        inputs.features(MASKED[case], 2, "float32")
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 3, bias=False)), dl.SquaredError(), dl.SGD(0.1))
    with pytest.raises(dl.DataError, match=r"masked array.*fill"):
        trainer.fit(np.ones((3, 2)), MASKED[case], epochs=1)
    with pytest.raises(dl.DataError, match=r"masked array.*fill"):
        trainer.set_weights([np.ma.masked_equal(np.arange(6.0).reshape(2, 3), 2)])
    with pytest.raises(dl.DataError, match=r"masked array.*fill"):
        trainer.set_weights([list(np.ma.masked_equal(np.arange(6.0).reshape(2, 3), 2))])


NO_NUMBERS = [1j, np.complex64(1j), timedelta(1), np.timedelta64(1, "s"), np.datetime64("2024-01-01"), b"1", object()]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: type(v).__name__)
def test_objects_that_are_no_numbers(value, with_pyarrow):
    """A column of them is of no use, also among numbers; features and targets refuse them."""
    from dlcore.data import inputs

    forms = [
        {"x": [1.0, value]},
        {"x": np.array([1.0, value], object)},
        [[1.0], [value]],
        np.array([[1.0], [value]], object),
    ]
    if "pandas" in sys.modules:
        forms.append(sys.modules["pandas"].DataFrame({"x": [1.0, value]}, dtype=object))
    for form in forms:
        (column,) = table(form).columns.values()
        assert isinstance(column, Unusable), form
        with pytest.raises(dl.DataError, match="no network takes"):
            Preprocessing().fit(form)
    with pytest.raises(dl.DataError, match="not numbers"):
        inputs.features(np.array([[1.0], [value]], object), 1, "float32")
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    with pytest.raises(dl.DataError, match="not numbers"):
        trainer.fit([[1.0], [2.0]], np.array([1.0, value], object), epochs=1)
