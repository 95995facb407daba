"""CSV files: bytes to text, text to records by Python's csv module or pyarrow's reader, records to columns of text.

The csv module defines the result.  pyarrow reads a file several times as fast, but treats quotes, blank and ragged lines
differently; so it is used only for files without them, and the csv module reads again what pyarrow refuses.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ..checks import check, one_of, refused
from ..errors import ConfigurationError, DataError
from .markers import MISSING as MISSING
from .markers import Markers
from .tables import Skipped, Table, Text

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
NAMES = SEPARATORS | {" ": "space"}
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)

_NUMBERED = re.compile(r"column_\d+", re.ASCII)  # names of unnamed columns
_SURROGATE = re.compile("[\udc80-\udcff]")  # decoded from a byte that is not UTF-8
_SAMPLE = 100  # records from which separator and header are detected
_SEARCHED = 1 << 20  # characters in the sample: a quote that is never closed would extend to the end of the file
_BOMS = {  # the longer ones first: UTF-32's begins like UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How to read a CSV file; fields that are None are detected from the file.

    separator   one character, or "tab"
    header      whether the first line holds names
    quote       the character around cells with separators or line ends in them, " or '; "" for none
    encoding    a name that Python knows, such as utf-8 or cp1252
    missing     cells that stand for a missing value; case does not matter, and −999 is −999.0 too
    bad_rows    "error", or "skip" to leave out and count rows that cannot be read

    Raises ConfigurationError for anything else.
    """

    separator: str | None = None
    header: bool | None = None
    quote: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = MISSING
    bad_rows: str = "error"

    def __post_init__(self) -> None:
        names = {name: character for character, name in NAMES.items()} | {"\\t": "\t"}
        if self.separator in names:
            object.__setattr__(self, "separator", names[self.separator])
        if self.separator is not None and (len(self.separator) != 1 or self.separator in "\r\n" + (self.quote or "")):
            raise refused("", "separator", self.separator, "one character, or tab")
        if self.quote is not None and (len(self.quote) > 1 or self.quote in ("\r", "\n")):
            raise refused("", "quote", self.quote, "one character, or none")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise ConfigurationError(
                    f"encoding={self.encoding!r} is not known; utf-8, utf-16, cp1252 and latin-1 are"
                ) from None
        check("", one_of("error", "skip"), bad_rows=self.bad_rows)


def read_csv(
    path: str | os.PathLike[str], dialect: Dialect | None = None, names: Iterable[str] = (), data: bytes | None = None
) -> Table:
    """The table in a CSV file, plain or gzipped; all its cells are text.

    names   columns that the caller expects: a first line that contains one of them is a header
    data    the bytes of the file, if they have been read already: a pipe can be read only once

    Raises DataError, with file and line, if this is not a table: an empty file, bytes in another encoding, records of
    different lengths, a quote that is never closed, two columns of one name.  With dialect.bad_rows = "skip" records that
    differ from the others are left out and listed in `Table.skipped`.
    """
    target, dialect = Path(path), dialect or Dialect()
    text, encoding = _text(target, _bytes(target, data), dialect)
    quote = _quote(text, dialect.separator) if dialect.quote is None else dialect.quote
    separator = dialect.separator or _separator(text, quote)
    dialect = replace(dialect, quote=quote)
    rows = _Rows(target, text, separator, dialect)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{target}: the file is empty, expected a line for each row")
    line = rows.line
    header = dialect.header
    if header is None:
        header = _is_header(first, rows, set(names), dialect.missing)
    columns = _names(target, line, first) if header else [f"column_{i + 1}" for i in range(len(first))]
    name = NAMES.get(separator, repr(separator))
    read = f"{name}, {'header' if header else 'no header'}, {encoding}"
    above = line if header else 0
    codes, values, lines, skipped = _by_pyarrow(text, separator, dialect, len(columns), above) or _by_csv(
        _Rows(target, text, separator, dialect), len(columns), above
    )
    if not len(lines):
        what = f"has a header ({', '.join(columns[:5])}{', ...' if len(columns) > 5 else ''})" if header else "has text"
        raise DataError(f"{target}: the file {what} and no rows{f'; {len(skipped)} were skipped' if skipped else ''}")
    markers = Markers(dialect.missing)
    cells = [Text.of(c, v, markers) for c, v in zip(codes, values, strict=True)]
    found = dict(zip(columns, cells, strict=True))
    return Table(found, str(target), lines, "line", skipped, read, markers.unmatched())


# -- bytes and text ----------------------------------------------------------------------------------------------------


def _bytes(target: Path, data: bytes | None) -> bytes:
    try:
        data = target.read_bytes() if data is None else data
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{target}: cannot be read: {why}") from error


def _text(target: Path, data: bytes, dialect: Dialect) -> tuple[str, str]:
    """The text, without a byte order mark, and the encoding it was in.

    Bytes that are not UTF-8 become lone surrogates here: later the row that contains them is refused, with its line.
    """
    encoding = dialect.encoding or next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8")
    single = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
    try:
        text = data.decode(encoding, "surrogateescape" if single else "strict")
    except (UnicodeError, LookupError) as error:
        raise DataError(f"{target}: is not {encoding}: {error}; give another --encoding") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{target}, line {line}: a null character; it is not text, or in utf-16: give --encoding")
    return text.removeprefix("\ufeff"), encoding.removesuffix("-sig").upper()


def _undecoded(cells: Sequence[str]) -> str | None:
    """Why these cells are not text, or None."""
    for cell in cells:
        found = _SURROGATE.search(cell)
        if found:
            shown = cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
            byte = ord(found[0]) - 0xDC00
            return f"byte 0x{byte:02x} is not UTF-8 (as cp1252 the cell is {shown[:40]!r}); give --encoding"
    return None


# -- quote, separator and header ----------------------------------------------------------------------------------------------


def _records(text: str, separator: str, quote: str | None, strict: bool) -> Iterator[list[str]]:
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE, skipinitialspace=separator != " ", strict=strict,
    )  # fmt: skip


def _quote(text: str, separator: str | None) -> str:
    """The double quote, or the single quote if only with it all records have the same length."""
    sample = text[:_SEARCHED]
    if '"' in sample or "'" not in sample:
        return '"'

    def even(quote: str) -> bool:
        try:
            found = {len(r) for r in _records(sample, separator or _separator(text, quote), quote, True) if r}
        except csv.Error:
            return False
        return len(found) == 1 and found != {1}

    return "'" if even("'") and not even('"') else '"'


def _separator(text: str, quote: str) -> str:
    """The character that splits the first records into equal numbers of cells, with the largest share of numbers.

    Decimal commas also split all records of a column alike, but not into numbers.  A blank is the separator only if no other
    character is, and if it splits all records alike, with some numbers among the cells: words have blanks between them too.
    """
    sample = text[:_SEARCHED]

    def score(separator: str) -> tuple[float, float, int]:
        try:
            found = [record for record in islice(_records(sample, separator, quote, False), _SAMPLE) if record]
        except csv.Error:
            return 0, 0, 0
        (cells, count), *_ = Counter(map(len, found)).most_common(1) or [(0, 0)]
        if cells < 2:
            return 0, 0, 0
        numbers = sum(NUMBER.fullmatch(cell.strip()) is not None for record in found for cell in record)
        return count / len(found), numbers / sum(map(len, found)), cells

    best = max(SEPARATORS, key=score)
    if score(best)[0] > 0:
        return best
    even, numbers, _ = score(" ")
    return " " if even == 1 and numbers > 0 else ","


def _is_header(first: Sequence[str], rows: Iterator[list[str]], expected: set[str], missing: Iterable[str]) -> bool:
    """Whether the first record is a header: it has a name above numbers; or its cells are no numbers, are distinct, and do not
    occur again below.  In doubt, it is.

    pandas writes 0, 1, 2, … as names of unnamed columns, after an empty name for its index.  In doubt it is no header if the
    caller expects column_1, column_2, …: a file without a header has these names.
    """
    names = [cell.strip() for cell in first]
    unnamed = [str(i) for i in range(len(names))]
    if expected & set(names) or (len(names) > 2 and names in (unnamed, ["", *unnamed[:-1]])):
        return True
    markers = {marker.casefold() for marker in missing}
    below = list(islice(rows, _SAMPLE))
    for i, name in enumerate(names):
        cells = [row[i].strip() for row in below if i < len(row)]
        cells = [cell for cell in cells if cell.casefold() not in markers]
        if (
            cells
            and name.casefold() not in markers
            and not NUMBER.fullmatch(name)
            and all(map(NUMBER.fullmatch, cells))
        ):
            return True
    if any(map(NUMBER.fullmatch, names)) or len(set(names)) < len(names):
        return False
    if expected and all(map(_NUMBERED.fullmatch, expected)):
        return False
    return not any(name == row[i].strip() for row in below for i, name in enumerate(names) if name and i < len(row))


def _names(target: Path, line: int, cells: Sequence[str]) -> list[str]:
    why = _undecoded(cells)
    if why:
        raise DataError(f"{target}, line {line}: {why}")
    names = [cell.strip() or f"column_{i + 1}" for i, cell in enumerate(cells)]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DataError(
                f"{target}, line {line}: columns {names.index(name) + 1} and {i + 1} are both called {name!r}; rename one"
            )
    return names


# -- rows --------------------------------------------------------------------------------------------------------------


class _Rows:
    """The csv module's records without blank ones, of `width` cells once that is set; `line` is where the current one begins.

    A record that cannot be read raises DataError with its line, or is noted in `skipped`.
    """

    def __init__(self, target: Path, text: str, separator: str, dialect: Dialect) -> None:
        self.target, self.skip, self.skipped = target, dialect.bad_rows == "skip", list[Skipped]()
        self._reader = _records(text, separator, dialect.quote, True)
        self._undecoded = _SURROGATE.search(text) is not None
        self.line, self.width = 0, 0

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> list[str]:
        while True:
            self.line = self._reader.line_num + 1  # type: ignore[attr-defined]
            try:
                record = next(self._reader)
            except csv.Error as error:
                if "unexpected end" in str(error):
                    raise DataError(
                        f"{self.target}, line {self.line}: a quote is opened in this row and never closed; close it, or "
                        "read quotes as text with --quote none"
                    ) from None
                self.refuse(f"{error}; is a quote missing, or not doubled?")
                continue
            if not record or (len(record) == 1 and self.width != 1 and not record[0].strip()):
                continue
            if self.width and len(record) != self.width:
                self.refuse(f"{len(record)} cells, expected {self.width}")
            elif self.width and self._undecoded and (why := _undecoded(record)):
                self.refuse(why)
            else:
                return record

    def refuse(self, why: str) -> None:
        """Raise DataError, or note the row as skipped."""
        if not self.skip:
            raise DataError(
                f"{self.target}, line {self.line}: {why}; correct it, or leave out such rows with --bad-rows skip"
            )
        self.skipped.append(Skipped(self.line, why))


Cells = tuple[list[np.ndarray], list[Sequence[str]], np.ndarray, tuple[Skipped, ...]]


def _by_csv(rows: _Rows, width: int, above: int) -> Cells:
    """Codes and values of each column, the lines of the rows, and the skipped ones; `above` is the line of the header, or 0."""
    rows.width = width
    indices: list[dict[str, int]] = [{} for _ in range(width)]
    codes: list[list[int]] = [[] for _ in range(width)]
    lines: list[int] = []
    for record in rows:
        if rows.line <= above:
            continue
        lines.append(rows.line)
        for code, index, cell in zip(codes, indices, record, strict=True):
            code.append(index.setdefault(cell, len(index)))
    values: list[Sequence[str]] = [tuple(index) for index in indices]
    return [np.array(code, np.int32) for code in codes], values, np.array(lines, np.int64), tuple(rows.skipped)


def _by_pyarrow(text: str, separator: str, dialect: Dialect, width: int, above: int) -> Cells | None:
    """The same from pyarrow's reader, or None if it is not installed or might read the text differently."""
    plain = text.strip("\r\n")
    if (
        (dialect.quote and dialect.quote in plain)
        or "\n\n" in plain
        or "\r" in plain.replace("\r\n", "\n")
        or "\n\r" in plain
        or separator in " \r\n"
        or _SURROGATE.search(plain)
        or text[:1] in "\r\n"
        or above > 1
    ):
        return None
    try:
        import pyarrow as pa
        import pyarrow.csv as arrow
    except ImportError:
        return None
    names = [f"{i}" for i in range(width)]
    try:
        found = arrow.read_csv(
            pa.BufferReader(plain.encode()),
            arrow.ReadOptions(column_names=names, skip_rows=above),
            arrow.ParseOptions(delimiter=separator, quote_char=False, escape_char=False),
            arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except (pa.ArrowException, ValueError):  # a ragged line: the csv module finds which
        return None
    encoded = [found.column(name).combine_chunks().dictionary_encode() for name in names]
    codes = [np.asarray(column.indices).astype(np.int32) for column in encoded]
    values = [column.dictionary.to_pylist() for column in encoded]
    if max(len(cell) for column in values for cell in column) > csv.field_size_limit():
        return None
    return codes, values, np.arange(1, found.num_rows + 1) + above, ()
