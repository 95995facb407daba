"""CSV files: text to records by Python's csv module or pyarrow's reader, records to columns of text.

The csv module defines the result.  pyarrow reads a file many times as fast, but treats quotes, blank and ragged lines
differently; so it reads files where the two cannot differ, and the csv module all others.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import DataError
from .csv_arrow import by_pyarrow
from .csv_bytes import LONGEST_LINE, as_utf8, encoding_of, unpacked
from .csv_dialect import (
    NAMES,
    SAMPLE,
    above_the_table,
    are_aligned,
    is_header,
    lines_of,
    quote_of,
    records,
    separator_of,
    titles,
)
from .csv_dialect import Dialect as Dialect
from .markers import MISSING as MISSING
from .markers import Markers
from .tables import Skipped, Table, Text

_SURROGATE = re.compile("[\udc80-\udcff]")  # decoded from a byte that is not UTF-8
_SEARCHED = 1 << 20  # bytes in the sample: a quote that is never closed would extend to the end of the file


def read_csv(
    path: str | os.PathLike[str], dialect: Dialect | None = None, names: Iterable[str] = (), data: bytes | None = None
) -> Table:
    """The table in a CSV file, plain or packed as gz, bz2, xz or zip; all its cells are text.

    names   columns that the caller expects: a first line that contains one of them is a header
    data    the bytes of the file, if they have been read already: a pipe can be read only once

    Raises DataError, with file and line, if this is not a table: an empty file, bytes in another encoding, records of
    different lengths, a quote that is never closed, two columns of one name, more than the bounds of the dialect.  With
    dialect.bad_rows = "skip" records that differ from the others are left out and listed in `Table.skipped`.
    """
    target, dialect = Path(path), dialect or Dialect()
    raw = unpacked(target, data, dialect.max_bytes)
    encoding = encoding_of(raw, dialect.encoding)
    body = as_utf8(target, raw, encoding)
    del raw
    sample = _sample(body)
    lead, excel = above_the_table(sample)
    sample = sample[lead:]
    dialect = replace(
        dialect,
        separator=dialect.separator or excel,
        quote=quote_of(sample, dialect.separator or excel) if dialect.quote is None else dialect.quote,
    )
    separator = dialect.separator or separator_of(sample, dialect.quote or "")
    found = _first_records(sample, separator, dialect.quote)
    above_table = titles(found) if dialect.header is not False else 0
    found = found[above_table:]
    rows = _Rows(target, body, separator, dialect, lead)
    first: list[str] | None = None
    for _ in range(above_table + 1):
        first = next(rows, None)
    if first is None:
        raise DataError(f"{target}: the file is empty, expected a line for each row")
    if len(first) > dialect.max_columns:
        raise DataError(
            f"{target}, line {rows.line}: {len(first):,} cells, and at most {dialect.max_columns:,} columns are read; give a larger "
            "Dialect(max_columns=...), or save the matrix as NPY"
        )
    line = rows.line
    if len(first) == 1 and dialect.separator is None and are_aligned(sample):
        raise DataError(
            f"{target}, line {line}: columns are aligned by blanks, but lines have different numbers of cells; put quotes around "
            "cells with blanks in them, or give --separator"
        )
    header = dialect.header
    if header is None:
        header = is_header(first, found[1:], set(names), dialect.missing)
    if header and first[0].startswith("# "):
        first = [first[0].lstrip("# "), *first[1:]]
    columns = _names(target, line, first) if header else [f"column_{i + 1}" for i in range(len(first))]
    name = NAMES.get(separator, repr(separator))
    read = f"{name}, {'header' if header else 'no header'}, {encoding.removesuffix('-sig').upper()}"
    start = rows.read if header else line - 1  # lines above the first row
    if line > 1 and (lead or above_table):
        read += f", {line - 1} line{'s' if line > 2 else ''} above skipped"
    markers = Markers(dialect.missing)
    cells, lines, skipped = by_pyarrow(body, separator, dialect.quote, len(columns), start, markers) or _by_csv(
        _Rows(target, body, separator, dialect, start), len(columns), markers
    )
    if not len(lines):
        what = f"has a header ({', '.join(columns[:5])}{', ...' if len(columns) > 5 else ''})" if header else "has text"
        raise DataError(f"{target}: the file {what} and no rows{f'; {len(skipped)} were skipped' if skipped else ''}")
    if markers.reported:
        for column in cells:
            column.missing()  # so that the markers are looked for
    made = dict(zip(columns, cells, strict=True))
    return Table(made, str(target), lines, "line", skipped, read, markers.unmatched())


def _sample(body: bytes) -> list[str]:
    """The first lines: a mebibyte of them, but at least two."""
    size = _SEARCHED
    if len(body) > size:
        second = body.find(b"\n", body.find(b"\n") + 1)
        size = max(size, min(second + 1, LONGEST_LINE)) if second > 0 else size
    text = body[:size].decode("utf-8", "surrogateescape")
    lines = lines_of(text)
    return lines if len(body) <= size or len(lines) < 2 else lines[:-1]


def _first_records(sample: Sequence[str], separator: str, quote: str | None) -> list[list[str]]:
    found: list[list[str]] = []
    with suppress(csv.Error):  # the reader of all rows says which
        found.extend(islice(records(sample, separator, quote, False), SAMPLE + 1))
    return [record for record in found if record and (len(record) > 1 or record[0].strip())]


def _undecoded(cells: Sequence[str]) -> str | None:
    """Why these cells are not text, or None."""
    for cell in cells:
        found = _SURROGATE.search(cell)
        if found:
            shown = cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
            byte = ord(found[0]) - 0xDC00
            return f"byte 0x{byte:02x} is not UTF-8 (as cp1252 the cell is {shown[:40]!r}); give --encoding"
    return None


def _names(target: Path, line: int, cells: Sequence[str]) -> list[str]:
    why = _undecoded(cells)
    if why:
        raise DataError(f"{target}, line {line}: {why}")
    names = [cell.strip() or f"column_{i + 1}" for i, cell in enumerate(cells)]
    places: dict[str, int] = {}
    for i, name in enumerate(names):
        before = places.setdefault(name, i)
        if before < i:
            raise DataError(
                f"{target}, line {line}: columns {before + 1} and {i + 1} are both called {name!r}; rename one"
            )
    return names


# -- rows --------------------------------------------------------------------------------------------------------------


class _Rows:
    """The csv module's records without blank ones, of `width` cells once that is set; `line` is where the current one begins.

    above   lines at the begin of the file that are not read

    A record that cannot be read raises DataError with its line, or is noted in `skipped`.
    """

    def __init__(self, target: Path, body: bytes, separator: str, dialect: Dialect, above: int) -> None:
        self.target, self.skip, self.skipped = target, dialect.bad_rows == "skip", list[Skipped]()
        lines = io.TextIOWrapper(io.BytesIO(body), "utf-8", "surrogateescape", newline="")
        for _ in islice(lines, above):
            pass
        self._above = above
        self._reader = records(lines, separator, dialect.quote, True)
        self.line, self.width = 0, 0

    @property
    def read(self) -> int:
        """The number of lines read so far."""
        return self._above + self._reader.line_num  # type: ignore[attr-defined]

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> list[str]:
        while True:
            self.line = self.read + 1
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
            elif self.width and (why := _undecoded(record)):
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


def _by_csv(rows: _Rows, width: int, markers: Markers) -> tuple[list[Text], np.ndarray, tuple[Skipped, ...]]:
    """The columns, the lines of the rows, and the skipped ones."""
    rows.width = width
    indices: list[dict[str, int]] = [{} for _ in range(width)]
    codes: list[list[int]] = [[] for _ in range(width)]
    lines: list[int] = []
    for record in rows:
        lines.append(rows.line)
        for code, index, cell in zip(codes, indices, record, strict=True):
            code.append(index.setdefault(cell, len(index)))
    made = [
        Text.of(np.array(code, np.int32), tuple(index), markers) for code, index in zip(codes, indices, strict=True)
    ]
    return made, np.array(lines, np.int64), tuple(rows.skipped)
