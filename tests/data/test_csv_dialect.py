"""What is above a table, how it is packed, and how its columns are separated: read, or refused with the cause and the flag."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import time
import zipfile
from pathlib import Path

import pytest

import dlcore as dl
from dlcore.data.csv_dialect import Dialect, titles
from dlcore.data.table_files import read_table
from dlcore.data.tables import Table

TEXT = "a,b\n1,x\n2,y\n"
ROWS = [["1", "x"], ["2", "y"]]


@pytest.fixture(params=["csv", "pyarrow"], autouse=True)
def reader(request, monkeypatch):
    """With pyarrow, and as if it were not installed."""
    if request.param == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    else:
        pytest.importorskip("pyarrow")


@pytest.fixture
def read(tmp_path: Path):
    def from_bytes(content: str | bytes, dialect: Dialect | None = None) -> Table:
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, dialect)

    return from_bytes


def rows(table: Table) -> list[list[str | None]]:
    columns = list(table.columns.values())
    return [[column.cell(row) for column in columns] for row in range(len(table))]  # type: ignore[misc]


def zipped(*files: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file.getvalue()


# -- packed files --------------------------------------------------------------------------------------------------------

PACKED = {
    "gz": gzip.compress(TEXT.encode()),
    "two gz members": gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n"),
    "bz2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "zip": zipped(("data/t.csv", TEXT)),
    "a Mac's zip": zipped(("t.csv", TEXT), ("__MACOSX/._t.csv", "?")),
}


@pytest.mark.parametrize("case", PACKED)
def test_packed_files(case, read):
    assert rows(read(PACKED[case])) == ROWS


NOT_TEXT = {
    "two files": (zipped(("a.csv", TEXT), ("b.csv", TEXT)), r"archive of 2 files \(a.csv, b.csv\); unpack it"),
    "a spreadsheet": (zipped(("[Content_Types].xml", ""), ("xl/a", "")), "a spreadsheet or document; save it as CSV"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old format; save it as CSV"),
    "zstd": (b"\x28\xb5\x2f\xfd....", "packed by zstd.*zstd -d"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "a database": (b"SQLite format 3\0", "database"),
    "torn bz2": (PACKED["bz2"][:-5], "cannot be read"),
    "torn xz": (PACKED["xz"][:-5], "cannot be read"),
    "torn zip": (PACKED["zip"][:-5], "cannot be read"),
}


@pytest.mark.parametrize("case", NOT_TEXT)
def test_what_cannot_be_unpacked(case, read):
    content, message = NOT_TEXT[case]
    with pytest.raises(dl.DataError, match=f"t.csv.*{message}"):
        read(content)


# -- lines above the table -----------------------------------------------------------------------------------------------

ABOVE = {
    "Excel's separator": ("sep=;\na;b\n1;x\n2;y\n", 3),
    "Excel's separator, blanks": ("SEP=; \r\na;b\r\n1;x\r\n2;y\r\n", 3),
    "Excel's tab": ("sep=\t\na\tb\n1\tx\n2\ty\n", 3),
    "comments": ("# made by hand, twice\n#\na,b\n1,x\n2,y\n", 4),
    "a comment with a quote": ('# 5" pipes\na,b\n1,x\n2,y\n', 3),
    "a header in a comment": ("# a,b\n1,x\n2,y\n", 2),
    "a title": ("Sales of 2024\na,b\n1,x\n2,y\n", 3),
    "titles and blank lines": ("Sales\n\nby shop\n\na,b\n1,x\n2,y\n", 6),
}


@pytest.mark.parametrize("case", ABOVE)
def test_lines_above_the_table_are_skipped(case, read):
    """And the lines of rows are those of the file."""
    content, line = ABOVE[case]
    found = read(content)
    assert (list(found.columns), rows(found)) == (["a", "b"], ROWS)
    assert found.lines.tolist() == [line, line + 1]  # type: ignore[union-attr]


def test_skipped_lines_are_said(read):
    assert read("Sales\n\na,b\n1,x\n2,y\n").dialect == "comma, header, UTF-8, 2 lines above skipped"
    assert read("sep=;\na;b\n1;x\n").dialect == "semicolon, header, UTF-8, 1 line above skipped"
    assert read(TEXT).dialect == "comma, header, UTF-8"


def test_a_title_of_full_width(read):
    """Excel writes separators to the right of a title."""
    found = read("Sales,,\n,,\na,b,c\n1,x,2\n2,y,3\n")
    assert (list(found.columns), rows(found)) == (["a", "b", "c"], [["1", "x", "2"], ["2", "y", "3"]])


@pytest.mark.parametrize(
    "records",
    [
        [["a", "b"], ["1", "2"], ["3"]],  # a short row is an error
        [["a"], ["1", "2"], ["3"]],
        [["red", "", ""], ["blue", "x", "y"], ["red", "x", "y"]],
        [["1", "", ""], ["2", "x", "y"], ["3", "x", "y"]],  # a row with missing cells is none
        [["a", "", ""], ["1", "2", "3"], ["4", "5", "6"]],  # neither is a header without names
        [["a"], ["b"], ["c"]],
        [["1"], ["a", "2"], ["b", "3"]],  # a number
        [["a\tb\tc"], ["7", "5\tx"], ["8", "5\ty"]],  # another separator is in it
        [["a", "b"], ["1", "2", "3"], ["4", "5", "6"]],  # one name too few is an error
    ],
)
def test_what_is_no_title(records):
    assert titles(records) == 0


def test_without_a_header_nothing_is_a_title(read):
    with pytest.raises(dl.DataError, match="2 cells, expected 1"):
        read("Sales\na,b\n1,x\n2,y\n", Dialect(header=False))


def test_a_header_that_begins_with_a_hash(read):
    assert list(read("#id,b\n1,x\n2,y\n").columns) == ["#id", "b"]
    assert list(read("#id\n1\n2\n").columns) == ["#id"]
    assert list(read("# made by hand\nid\n1\n2\n").columns) == ["id"]


def test_rows_that_begin_with_a_hash_are_rows(read):
    assert rows(read("a,b\n#1,x\n2,y\n")) == [["#1", "x"], ["2", "y"]]


# -- blanks --------------------------------------------------------------------------------------------------------------

ALIGNED = {
    "aligned": "name    age\nAnn      23\nBob       4\n",
    "indented": "  name  age\n   Ann   23\n   Bob    4\n",
    "blanks at the end": "name age  \nAnn  23  \nBob   4  \n",
    "blanks and tabs": "name\t age\nAnn \t23\nBob\t4\n",
    "quoted": 'name    age\n"Ann"    23\n"Bob"    4\n',
}


@pytest.mark.parametrize("case", ALIGNED)
def test_columns_aligned_by_blanks(case, read):
    found = read(ALIGNED[case])
    assert (list(found.columns), rows(found)) == (["name", "age"], [["Ann", "23"], ["Bob", "4"]])


def test_quoted_cells_keep_their_blanks(read):
    """Tabs too, as in the file of cars' mileage."""
    found = read('18.0   8   307.0\t"chevrolet  chevelle malibu"\n15.0   8   350.0\t"buick skylark 320"\n')
    assert rows(found)[0] == ["18.0", "8", "307.0", "chevrolet  chevelle malibu"]


def test_aligned_cells_with_blanks_in_them_are_refused(read):
    """Rather than read as one column."""
    with pytest.raises(dl.DataError, match=r"aligned by blanks.*quotes.*--separator"):
        read("name         age\nAnn Lee       23\nBob            4\n")


def test_blanks_can_be_given(read):
    assert rows(read("a  b\n1   x\n2 y\n", Dialect(separator="blanks"))) == ROWS


# -- bounds --------------------------------------------------------------------------------------------------------------


def test_more_bytes_than_are_read(read):
    """Packed or not; the bound can be raised."""
    for content in (TEXT.encode(), *PACKED.values()):
        with pytest.raises(
            dl.DataError, match=r"^[^:]*t.csv: more than 11 bytes of text; give a larger Dialect\(max_bytes"
        ):
            read(content, Dialect(max_bytes=11))
    assert rows(read(TEXT, Dialect(max_bytes=12))) == ROWS


def test_a_line_without_an_end(read, monkeypatch):
    """A small file may hold one cell of gigabytes; it is refused before it is unpacked."""
    from dlcore.data import csv_bytes

    monkeypatch.setattr(csv_bytes, "LONGEST_LINE", 1 << 23)
    opened = []
    whole = csv_bytes._check_bounds
    monkeypatch.setattr(csv_bytes, "_check_bounds", lambda *a: (opened.append(a[1]), whole(*a)))
    content = gzip.compress(b"a,b\n1,2\n" + b"x" * (1 << 26))
    with pytest.raises(dl.DataError, match="a line of more than 8,388,608 bytes"):
        read(content)
    assert max(opened) <= 1 << 24
    with pytest.raises(dl.DataError, match="a line of more than"):
        read(b"a,b\n" + b"x" * (1 << 24))


def test_more_columns_than_are_read(read):
    header = ",".join(f"c{i}" for i in range(30))
    content = f"{header}\n{','.join(['1'] * 30)}\n"
    with pytest.raises(dl.DataError, match=r"line 1: 30 cells, and at most 20 columns are read; give a larger Dialect"):
        read(content, Dialect(max_columns=20))
    assert len(read(content, Dialect(max_columns=30)).columns) == 30


def test_a_cell_longer_than_the_csv_module_takes(read):
    """By both readers, with its line."""
    with pytest.raises(dl.DataError, match=r"line 3: field larger than field limit"):
        read(f"a,b\n1,x\n2,{'y' * 200_000}\n")


@pytest.mark.parametrize("wish", [{"max_bytes": 0}, {"max_columns": -1}])
def test_bounds_that_cannot_be(wish):
    with pytest.raises(dl.ConfigurationError, match=next(iter(wish))):
        Dialect(**wish)


def test_time_follows_the_number_of_columns(read):
    """40,000 names took 21 s when each was compared with all before it; now half a second of the processor."""
    n = 40_000
    content = f"{','.join(f'c{i}' for i in range(n))}\n{','.join(['1.5'] * n)}\n"
    start = time.process_time()
    assert len(read(content).columns) == n
    assert time.process_time() - start < 5
