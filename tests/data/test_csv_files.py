"""CSV files: what they hold, by whichever reader; what is refused, by file and line; nothing is read wrongly in silence."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore.data import csv_files
from dlcore.data.csv_dialect import Dialect
from dlcore.data.csv_files import read_csv
from dlcore.data.tables import BOOLEANS, Table, Text

READERS = ["csv", "pyarrow"]


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str | bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(table: Table) -> list[list[str | None]]:
    columns = list(table.columns.values())
    return [[column.cell(row) for column in columns] for row in range(len(table))]  # type: ignore[misc]


@pytest.fixture(params=READERS)
def reader(request, monkeypatch):
    """Each test that asks for it runs with pyarrow and as if it were not installed."""
    if request.param == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    else:
        pytest.importorskip("pyarrow")


# -- what is read ------------------------------------------------------------------------------------------------------

PLAIN = [["1", "x"], ["2", None], ["3", "y z"]]
SAME = {
    "plain": "a,b\n1,x\n2,\n3,y z\n",
    "no line end at the end": "a,b\n1,x\n2,\n3,y z",
    "Windows line ends": "a,b\r\n1,x\r\n2,\r\n3,y z\r\n",
    "old Mac line ends": "a,b\r1,x\r2,\r3,y z\r",
    "blank lines": "\na,b\n1,x\n\n2,\n   \n3,y z\n\n\n",
    "blanks after the separator": "a, b\n1, x\n2, \n3, y z\n",
    "blanks around": " a , b \n1 ,x \n2, ? \n 3,  y z\n",
    "semicolon": "a;b\n1;x\n2;\n3;y z\n",
    "tab": "a\tb\n1\tx\n2\t\n3\ty z\n",
    "bar": "a|b\n1|x\n2|\n3|y z\n",
    "quotes": '"a","b"\n"1","x"\n2,""\n3,"y z"\n',
    "quotes after a blank": 'a, b\n1, "x"\n2, "n/a"\n3, "y z"\n',
    "missing markers": "a,b\n1,x\n2,NaN\n3,y z\n",
    "byte order mark": "\ufeffa,b\n1,x\n2,\n3,y z\n",
    "UTF-16": "a,b\n1,x\n2,\n3,y z\n".encode("utf-16"),
    "UTF-32": "a,b\n1,x\n2,\n3,y z\n".encode("utf-32"),
    "gzip": gzip.compress(b"a,b\n1,x\n2,\n3,y z\n"),
}


@pytest.mark.parametrize("form", SAME)
def test_forms_of_one_table(form, file, reader):
    """Separator, quotes, marks, line ends and encodings are found out; the cells are the same."""
    table = read_csv(file(SAME[form]))
    assert list(table.columns) == ["a", "b"]
    assert rows(table) == PLAIN


def test_lines_are_those_of_the_file(file, reader):
    """Blank lines and cells of several lines count."""
    assert read_csv(file("a,b\n1,x\n2,y\n")).lines.tolist() == [2, 3]
    assert read_csv(file('a,b\n\n1,"x\ny"\n2,z\n')).lines.tolist() == [3, 5]


def test_a_quoted_cell_may_hold_anything(file, reader):
    table = read_csv(file('a,b\n1,"x, ""y""\nz"\n2,w\n'))
    assert rows(table) == [["1", 'x, "y"\nz'], ["2", "w"]]


def test_decimal_commas_are_not_separators(file, reader):
    table = read_csv(file("a;b\n1,5;2,5\n3,5;4,5\n"))
    assert rows(table) == [["1,5", "2,5"], ["3,5", "4,5"]]


@pytest.mark.parametrize(
    ("content", "names", "header"),
    [
        ("a,b\n1,2\n3,4\n", (), True),
        ("1,2\n3,4\n", (), False),
        ("39, Private, <=50K\n50, Private, >50K\n", (), False),
        ("name,kind\nx,red\ny,blue\n", (), True),
        ("Ort,2020\nx,1\ny,\n", (), False),  # wrong, and said; --header says otherwise
        ("id,2020\n1,1\n2,2\n", (), True),  # a word over numbers
        ("0,1,2\n.5,.5,.5\n", (), True),  # pandas' names of columns without names
        (",0,1\n0,.5,.5\n", (), True),
        ("?,5\n3,6\n", (), False),  # a missing cell is no name
        ("red,x\nblue,x\n", (), False),  # x comes again below, so it is no name
        ("x,2020\n1,2\n", ("2020",), True),  # somebody expects a column of that name
        ("red,big\n", ("column_1", "column_2"), False),  # a row for a network that learned from a file without a header
        ("red,big\n1,2\n", ("column_1", "column_2"), True),
        (",a\n0,1\n1,2\n", (), True),  # the index of a data frame has no name
    ],
)
def test_header_or_not(content, names, header, file):
    assert ("no header" not in read_csv(file(content), names=names).dialect) == header
    forced = read_csv(file(content), Dialect(header=False))
    assert next(iter(forced.columns)) == "column_1"
    assert forced.lines[0] == 1


def test_single_quotes_are_found_out_where_only_they_make_a_table(file, reader):
    assert rows(read_csv(file("a,b\n1,'x, y'\n2,'it''s'\n"))) == [["1", "x, y"], ["2", "it's"]]
    towns = [["1", "'s-Gravenhage"], ["2", "'t Zand"]]
    assert rows(read_csv(file("a,b\n1,'s-Gravenhage\n2,'t Zand\n"))) == towns


def test_blanks_separate_where_nothing_else_does(file, reader):
    table = read_csv(file('size kind\n1 "x y"\n2 z\n'))
    assert (rows(table), table.dialect) == ([["1", "x y"], ["2", "z"]], "space, header, UTF-8")
    assert rows(read_csv(file("full name\nAda King\nMax Born\n"))) == [["Ada King"], ["Max Born"]]


def test_a_dialect_that_is_given_is_used(file, reader):
    table = read_csv(
        file("a:b\n1:n.d.\n".encode("cp1252")), Dialect(separator=":", missing=("N.D.",), encoding="cp1252")
    )
    assert rows(table) == [["1", None]]
    assert rows(read_csv(file("a,b\n'1,2',?\n"), Dialect(quote="'", missing=()))) == [["1,2", "?"]]
    assert rows(read_csv(file('a,b\n5",6"\n'), Dialect(quote=""))) == [['5"', '6"']]
    assert rows(read_csv(file("a\tb\nx y\t\n"), Dialect(separator="tab"))) == [["x y", None]]


def test_latin_text_with_its_encoding(file):
    assert rows(read_csv(file("a\ncafé\n".encode("cp1252")), Dialect(encoding="cp1252", header=True))) == [["café"]]


def test_what_was_found_out_is_said(file):
    assert read_csv(file("a;b\n1;2\n")).dialect == "semicolon, header, UTF-8"


# -- what is refused ---------------------------------------------------------------------------------------------------

BAD = {
    "nothing": ("", "t.csv: the file is empty"),
    "blank lines only": ("\n\n", "t.csv: the file is empty"),
    "a header only": ("a,b\n", r"t.csv: the file has a header \(a, b\) and no rows"),
    "a short row": ("a,b\n1,2\n3\n", "t.csv, line 3: 1 cells, expected 2; .*--bad-rows skip"),
    "a long row": ("a,b\n1,2\n3,4,5\n", "t.csv, line 3: 3 cells, expected 2"),
    "two columns of one name": ("a,b,a\n1,2,3\n", "t.csv, line 1: columns 1 and 3 are both called 'a'; rename one"),
    "an open quote": ('a,b\n1,2\n3,"4\n5,6\n', "t.csv, line 3: a quote is opened in this row and never closed"),
    "text after a quote": ('a,b\n"1"x,2\n', "t.csv, line 2: .*quote"),
    "cp1252": ("a,b\n1,x\n2,café\n".encode("cp1252"), "t.csv, line 3: byte 0xe9 is not UTF-8 .*'café'.*--encoding"),
    "cp1252 in the header": ("é,b\n1,2\n".encode("cp1252"), "t.csv, line 1: byte 0xe9 is not UTF-8"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "t.csv, line 1: a null character"),
    "torn UTF-16": ("a,b\n1,2\n".encode("utf-16")[:-1], "t.csv: is not utf-16"),
    "torn gzip": (gzip.compress(b"a,b\n1,2\n")[:-9], "t.csv: cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_table_is_refused(case, file, reader):
    """With the file, and the line where there is one."""
    content, message = BAD[case]
    with pytest.raises(dl.DataError, match=message):
        read_csv(file(content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(dl.DataError, match=r"nowhere.csv: cannot be read: No such file"):
        read_csv(tmp_path / "nowhere.csv")


def test_bad_rows_are_skipped_and_counted(file, reader):
    """Those that cannot be read, with their lines; the rest is unharmed."""
    content = 'a,b\n1,x\n2\n3,y,z\n"4"4,x\n5,caf\xe9\n6,z\n'.encode("cp1252")
    table = read_csv(file(content), Dialect(bad_rows="skip"))
    assert rows(table) == [["1", "x"], ["6", "z"]]
    assert [skipped.line for skipped in table.skipped] == [3, 4, 5, 6]
    assert table.skipped[0].why == "1 cells, expected 2"
    places, n = table.places()
    assert (places.tolist(), n) == ([0, 5], 6)


def test_a_quote_that_is_never_closed_is_no_row_to_skip(file):
    """It would take the rest of the file with it."""
    with pytest.raises(dl.DataError, match="line 2: a quote is opened"):
        read_csv(file('a,b\n1,"2\n3,4\n5,6\n'), Dialect(bad_rows="skip"))


@pytest.mark.parametrize(
    "wish", [{"separator": ",,"}, {"separator": "\n"}, {"quote": "''"}, {"encoding": "utf-99"}, {"bad_rows": "drop"}]
)
def test_a_dialect_that_cannot_be(wish):
    with pytest.raises(dl.ConfigurationError, match=next(iter(wish))):
        Dialect(**wish)


# -- any table, any bytes ----------------------------------------------------------------------------------------------

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=5)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
@example([["a"], [" "]], ",", "\n")
@example([["\ufeff", "x"]], ",", "\n")
def test_what_python_writes_is_read_back(tmp_path_factory, table, separator, line_end):
    """Whatever the cells hold: blanks around them apart, and missing where they are empty."""
    assume(len(table[0]) > 1 or table[0][0].strip())  # a first line of one empty cell is a blank line
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(written.getvalue().encode())
    found = read_csv(path, Dialect(separator=separator, header=False, missing=("",)))
    assert rows(found) == [[BOOLEANS.get(cell.strip().lower(), cell.strip()) or None for cell in row] for row in table]


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from('ab1,;| \n\r"é\u2028\x0b.-'), max_size=40), st.sampled_from([None, ",", ";"]), st.booleans()
)
@example("1,\n2\n", None, True)
@example("a\n\x0b\nb", None, False)
def test_both_readers_agree(tmp_path_factory, text, separator, skip):
    """The same table, or the same error, with and without pyarrow."""
    pytest.importorskip("pyarrow")
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())
    dialect = Dialect(separator=separator, bad_rows="skip" if skip else "error")

    def outcome():
        try:
            table = read_csv(path, dialect)
        except dl.DataError as error:
            return str(error)
        return list(table.columns), rows(table), table.lines.tolist(), table.skipped, table.dialect

    with_pyarrow = outcome()
    whole = csv_files.by_pyarrow
    try:
        csv_files.by_pyarrow = lambda *arguments: None
        assert outcome() == with_pyarrow
    finally:
        csv_files.by_pyarrow = whole


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.booleans())
@example(b"\xff\xfea", False)
@example(b"\x1f\x8b\x08", True)
def test_no_bytes_end_in_anything_but_a_table_or_a_data_error(tmp_path_factory, content, skip):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        table = read_csv(path, Dialect(bad_rows="skip" if skip else "error"))
    except dl.DataError as error:
        if str(path) not in str(error):
            raise ValueError("the message does not name the file") from error
        return
    assert len(table) == len(table.lines) > 0
    assert all(isinstance(column, Text) and len(column) == len(table) for column in table.columns.values())
