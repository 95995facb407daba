"""How a CSV file is written: its separator, quote and header, and the lines above the table, found from its first lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol

from ..checks import COUNT, check, one_of, refused
from ..errors import ConfigurationError
from .markers import MISSING

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
BLANKS = "  "  # any number of blanks and tabs
NAMES = SEPARATORS | {" ": "space", BLANKS: "blanks"}
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)

SAMPLE = 100  # records from which separator and header are detected
_CELLS = 20_000  # cells in which numbers are counted
_TITLES = 20  # at most this many lines above the table
_NUMBERED = re.compile(r"column_\d+", re.ASCII)  # names of unnamed columns
_EXCEL = re.compile(r"sep=([^\r\n])[ \t]*(?:\r\n|\r|\n)", re.IGNORECASE)
_QUOTED_OR_BLANKS = re.compile(r'"(?:[^"]|"")*"|[ \t]+')


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How to read a CSV file; fields that are None are detected from the file.

    separator   one character; "tab", or "blanks" for any number of blanks and tabs
    header      whether the first line holds names
    quote       the character around cells with separators or line ends in them, " or '; "" for none
    encoding    a name that Python knows, such as utf-8 or cp1252
    missing     cells that stand for a missing value; case does not matter, and −999 is −999.0 too
    bad_rows    "error", or "skip" to leave out and count rows that cannot be read
    max_bytes, max_columns   bounds of what is read; what is larger is an error, not an attempt

    Raises ConfigurationError for anything else.
    """

    separator: str | None = None
    header: bool | None = None
    quote: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = MISSING
    bad_rows: str = "error"
    max_bytes: int = 1 << 32
    max_columns: int = 200_000

    def __post_init__(self) -> None:
        names = {name: character for character, name in NAMES.items()} | {"\\t": "\t"}
        if self.separator in names:
            object.__setattr__(self, "separator", names[self.separator])
        if self.separator not in (None, BLANKS) and (
            len(str(self.separator)) != 1 or str(self.separator) in "\r\n" + (self.quote or "")
        ):
            raise refused("", "separator", self.separator, "one character, or tab, or blanks")
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
        check("", COUNT, max_bytes=self.max_bytes, max_columns=self.max_columns)


class Records(Iterator[list[str]], Protocol):
    """A reader of the csv module."""

    @property
    def line_num(self) -> int: ...


def records(lines: Iterable[str], separator: str, quote: str | None, strict: bool) -> Records:
    """The csv module's records."""
    if separator == BLANKS:
        lines, separator = map(_single_blanks, lines), " "
    return csv.reader(
        lines, delimiter=separator, quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE, skipinitialspace=separator != " ", strict=strict,
    )  # fmt: skip


def _single_blanks(line: str) -> str:
    return _QUOTED_OR_BLANKS.sub(lambda found: found[0] if found[0][0] == '"' else " ", line.strip(" \t\r\n")) + "\n"


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends, as the csv module counts them."""
    return list(io.StringIO(text, newline=""))


def above_the_table(lines: Sequence[str]) -> tuple[int, str | None]:
    """How many lines are above the table, and the separator that Excel's line sep=; names there; titles see `titles`.

    Lines that begin with # are comments, but the last of them is the header if it has as many cells as the next line.
    """
    at, separator = 0, None
    if lines and (found := _EXCEL.fullmatch(lines[0])):
        at, separator = 1, found[1]
    first = at
    while at < len(lines) and (lines[at].startswith("#") or (at > first and not lines[at].strip())):
        at += 1
    if at > first and at < len(lines):
        last = at - 1
        counts = [(lines[last].lstrip("# ").count(mark), lines[at].count(mark)) for mark in (*SEPARATORS, " ")]
        alone = last == first and lines[last][1:2].strip() and not any(two for _, two in counts)  # #id above one column
        if lines[last].startswith("#") and (alone or any(one == two > 0 for one, two in counts)):
            at = last
    return (at, separator) if at < len(lines) else (first, separator)


def titles(found: Sequence[Sequence[str]]) -> int:
    """How many of the first records are titles: a single cell above wider records, or beside empty ones above a full header."""
    if len(found) < 3:
        return 0
    width, _ = Counter(map(len, found[1:])).most_common(1)[0]
    at = 0
    while width > 1 and at < min(_TITLES, len(found) - 2) and _is_title(found[at : at + 3], width):
        at += 1
    even = sum(len(other) == width for other in found[at:]) >= 0.9 * (len(found) - at)
    return at if even and len(found[at]) == width else 0


def _is_title(found: Sequence[Sequence[str]], width: int) -> bool:
    """Whether the first of these records is a title above the others."""
    record, below, next_one = found
    full = [cell for cell in record if cell.strip()]
    if len(full) > 1 or len(record) > width or any(mark in cell for cell in full for mark in SEPARATORS):
        return False
    if full and NUMBER.fullmatch(full[0].strip()):
        return False
    if len(record) < width:
        return True
    if width < 3 or (full and not record[0].strip()):
        return False
    if sum(bool(cell.strip()) for cell in below) <= 1:
        return True
    names = all(cell.strip() and not NUMBER.fullmatch(cell.strip()) for cell in below)
    return names and any(NUMBER.fullmatch(cell.strip()) for cell in next_one)


# -- quote and separator -----------------------------------------------------------------------------------------------


def quote_of(lines: Sequence[str], separator: str | None) -> str:
    """The double quote, or the single quote if only with it all records have the same length."""
    if any('"' in line for line in lines) or not any("'" in line for line in lines):
        return '"'

    def even(quote: str) -> bool:
        try:
            found = {len(r) for r in records(lines, separator or separator_of(lines, quote), quote, True) if r}
        except csv.Error:
            return False
        return len(found) == 1 and found != {1}

    return "'" if even("'") and not even('"') else '"'


def separator_of(lines: Sequence[str], quote: str) -> str:
    """The character that splits the first records into equal numbers of cells, with the largest share of numbers.

    Decimal commas also split all records of a column alike, but not into numbers.  A blank, or any number of them, is the
    separator only if no other character splits numbers apart, and if it splits all records alike, with some numbers among the
    cells: words have blanks between them too.
    """

    def score(separator: str) -> tuple[float, float, int]:
        try:
            found = [record for record in islice(records(lines, separator, quote, False), SAMPLE) if record]
        except csv.Error:
            return 0, 0, 0
        (cells, count), *_ = Counter(map(len, found)).most_common(1) or [(0, 0)]
        if cells < 2:
            return 0, 0, 0
        some = list(islice(chain.from_iterable(found), _CELLS))
        numbers = sum(NUMBER.fullmatch(cell.strip()) is not None for cell in some)
        return count / len(found), numbers / len(some), cells

    scores = {separator: score(separator) for separator in SEPARATORS}
    best = max(scores, key=scores.__getitem__)
    found = scores[best]
    if found[0] > 0 and not (best == "\t" and found[1] == 0):
        return best
    several = any("  " in line or "\t" in line or line[:1] == " " for line in lines)
    for blanks in (BLANKS, " ") if several else (" ",):
        even, numbers, _ = score(blanks)
        if even == 1 and numbers > 0:
            return blanks
    return best if found[0] > 0 else ","


def are_aligned(lines: Sequence[str]) -> bool:
    """Whether these lines look like columns aligned by blanks."""
    there = [line.strip() for line in lines[:SAMPLE] if line.strip()]
    return len(there) > 1 and all(re.search(r"\S[ \t]{2,}\S", line) for line in there)


# -- header ------------------------------------------------------------------------------------------------------------


def is_header(first: Sequence[str], below: Sequence[Sequence[str]], expected: set[str], missing: Iterable[str]) -> bool:
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
    for i, name in enumerate(names):
        if name.casefold() in markers or NUMBER.fullmatch(name):
            continue
        cells = [row[i].strip() for row in below if i < len(row)]
        cells = [cell for cell in cells if cell.casefold() not in markers]
        if cells and all(map(NUMBER.fullmatch, cells)):
            return True
    if any(map(NUMBER.fullmatch, names)) or len(set(names)) < len(names):
        return False
    if expected and all(map(_NUMBERED.fullmatch, expected)):
        return False
    return not any(name == row[i].strip() for row in below for i, name in enumerate(names) if name and i < len(row))
