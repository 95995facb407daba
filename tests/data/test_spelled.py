"""Cells that pyarrow has read are those of Python's csv module: text, numbers, missing cells, and their parts."""

from __future__ import annotations

import csv
import io
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlcore.data import csv_files
from dlcore.data.csv_dialect import Dialect
from dlcore.data.csv_files import read_csv
from dlcore.data.markers import MISSING, Markers
from dlcore.data.spelled import Spelled
from dlcore.data.tables import Table, Text

pa = pytest.importorskip("pyarrow")

CELLS = [
    "1", "-2.5", "+3", "007", "-007", "00.5", "0", "-0", "0.5", ".5", "1.", "1e5", "1E-3", "1e+5", "0e0", "1e400", "1e-400",
    "9007199254740993", "123456789012345678901234567890", "0.1000000000000000055511151231257827", "inf", "-inf", "Infinity",
    "nan", "NaN", "NAN", "-nan", "nan(1)", "", " ", "NA", "na", " NA ", " 1 ", "\t2", "\x1c3", "\xa04", "1 2", "0x10", "1_000",
    "٣", "−1", "1d", "1f", "1e", "e5", "--", "-", ".", "+", "+-1", "1,5", "true", "TRUE", "False", "x", "ß", "2024-01-01", "-999",
    "-999.0", "-9.99e2", 'a"b', "1\n2",
]  # fmt: skip


def both(content: str, dialect: Dialect, path) -> tuple[Table, Table]:
    """The table as pyarrow reads it, where it does, and as the csv module does."""
    path.write_bytes(content.encode())
    by_pyarrow = read_csv(path, dialect)
    whole = csv_files.by_pyarrow
    try:
        csv_files.by_pyarrow = lambda *arguments: None  # type: ignore[assignment]
        return by_pyarrow, read_csv(path, dialect)
    finally:
        csv_files.by_pyarrow = whole


def same(one: Text, other: Text) -> None:
    rows = range(len(other))
    assert one.missing().tolist() == other.missing().tolist()
    assert [one.cell(row) for row in rows] == [other.cell(row) for row in rows]
    numbers = one.plain_numbers()
    if numbers is not None:
        cells = [other.cell(row) for row in rows]
        expected = np.array([np.nan if cell is None else float(cell) for cell in cells])
        np.testing.assert_array_equal(numbers, expected)
        assert numbers.dtype == np.float64
    assert [one.values[c] if c >= 0 else None for c in one.codes] == [
        other.values[c] if c >= 0 else None for c in other.codes
    ]
    counts = [{v: n for v, n in zip(text.values, text.counts().tolist(), strict=True) if n} for text in (one, other)]
    assert counts[0] == counts[1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(CELLS), min_size=2, max_size=2), min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([MISSING, ("", "-999"), ("", "NA", "inf"), ("", "1e5", "ß", "nan"), ()]),
    st.booleans(),
)
@example([["1", "x"], ["nan", "y"], ["", "z"]], csv.QUOTE_MINIMAL, MISSING, True)
@example([["-999", "x"], ["-999.0", "y"], ["2", "z"]], csv.QUOTE_ALL, ("", "-999"), False)
def test_both_readers_give_the_same_columns(tmp_path_factory, cells, quoting, missing, touched):
    written = io.StringIO()
    csv.writer(written, quoting=quoting, lineterminator="\n").writerows([["a", "b"], *cells])
    dialect = Dialect(separator=",", header=True, missing=missing)
    one, other = both(written.getvalue(), dialect, tmp_path_factory.getbasetemp() / "s.csv")
    assert (list(one.columns), one.lines.tolist(), one.unmatched) == (
        list(other.columns),
        other.lines.tolist(),
        other.unmatched,
    )  # type: ignore[union-attr]
    for name, column in one.columns.items():
        if touched:
            _ = column.codes  # type: ignore[union-attr]
        for rows in (np.arange(len(column))[::-2], np.arange(len(column)) % 2 == 0):
            same(column.take(rows), other.columns[name].take(rows))  # type: ignore[arg-type, union-attr]
        same(column, other.columns[name])  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("0123456789+-.eEinfa", max_size=8), min_size=1, max_size=4))
def test_numbers_are_those_of_python(cells):
    """Arrow's numbers are taken only where Python reads the same."""
    from dlcore.preprocessing.numerals import PLAIN

    found = Spelled.of_cells(pa.array(cells), Markers(("",))).plain_numbers()
    if found is not None:
        expected = [PLAIN.read(cell) if cell else np.nan for cell in cells]
        np.testing.assert_array_equal(found, expected)
        assert [np.isnan(value) for value in found] == [not cell for cell in cells]


def test_rounding_is_exact():
    draw = random.Random(0)
    cells = [
        f"{draw.choice(['', '-'])}{draw.random() * 10 ** draw.randint(-300, 300):.{draw.randint(0, 25)}e}"
        for _ in range(5000)
    ]
    found = Spelled.of_cells(pa.array(cells), Markers()).plain_numbers()
    assert found.tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize(
    ("content", "fast"),
    [
        ("a,b\n1,x\n2,y\n", True),
        ("a,b\r\n1,x\r\n2,y\r\n", True),
        ('"a","b"\n"1","x, y"\n"2","say ""so"""\n', True),
        ("a;b\n1;'x'\n", True),
        ("# c\na,b\n1,x\n2,y\n", True),
        ("a,b\n1,x\n\n2,y\n", False),
        ('a,b\n1,"x\ny"\n', False),
        ("a b\n1 2\n", False),
    ],
)
def test_which_files_pyarrow_reads(content, fast, tmp_path):
    """Ordinary ones, quoted or not."""
    one, other = both(content, Dialect(), tmp_path / "t.csv")
    assert [isinstance(column, Spelled) for column in one.columns.values()] == [fast] * 2
    for name, column in one.columns.items():
        same(column, other.columns[name])  # type: ignore[arg-type]


def test_numbers_take_no_text():
    """The codes and values of a column of numbers are made when they are asked for."""
    column = Spelled.of_cells(pa.array(["1", "NA", "2.50"]), Markers())
    assert column.missing().tolist() == [False, True, False]
    assert column.cell(2) == "2.50"
    assert "codes" not in column.__dict__
    assert (column.codes.tolist(), column.values) == ([0, -1, 1], ("1", "2.50"))
    with pytest.raises(AttributeError):
        _ = column.nothing


def test_codes_with_leading_zeros_are_not_plain_numbers():
    assert Spelled.of_cells(pa.array(["007", "1"]), Markers()).plain_numbers() is None
    assert Spelled.of_cells(pa.array(["0.07", "10", "-0.5", "0"]), Markers()).plain_numbers() is not None


def test_a_column_can_be_pickled_and_replaced():
    column = Spelled.of_cells(pa.array(["1", "x", ""]), Markers())
    for other in (pickle.loads(pickle.dumps(column)), replace(column, typed=True)):
        assert [other.cell(row) for row in range(3)] == ["1", "x", None]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["007", "-007", "0", "10", "0.07", "-0.5", "1e-05", "1e05", "1.5E+007", "x0", "x00", "100", "+01"]
        ),
        min_size=1,
    )
)
def test_leading_zeros_are_found(cells):
    """All of them, wherever they are; some that are none may be taken for one."""
    import re

    from dlcore.data import csv_arrow

    expected = any(re.match(r"[+-]?0[0-9]", cell) for cell in cells)
    kept = csv_arrow._PART
    try:
        for part in (3, 1 << 18):
            csv_arrow._PART = part
            found = csv_arrow._has_leading_zeros(memoryview(",".join(cells).encode()))
            assert found or not expected
            if cells[0][:2] not in ("00", "x0") and "x00" not in cells:
                assert found == expected
    finally:
        csv_arrow._PART = kept
