"""CSV by pyarrow's reader, for files that it reads exactly as Python's csv module does."""

from __future__ import annotations

import codecs
import csv

import numpy as np

from .markers import Markers
from .spelled import Spelled
from .tables import Skipped, Text

_LEAST_BLOCK = 1 << 23  # bytes read at a time
_CELLS = 14  # log2 of bytes of each column in a block: small pieces of many columns take most of the time
_LARGEST_BLOCK = 1 << 30
_PART = 1 << 18
_LEAST_COLUMN = 200  # bytes; below, thousands of columns take pyarrow more time and memory than the csv module


def by_pyarrow(
    body: bytes, separator: str, quote: str | None, width: int, above: int, markers: Markers
) -> tuple[list[Text], np.ndarray, tuple[Skipped, ...]] | None:
    """The columns and the lines of the rows of UTF-8 text, whose first `above` lines are not rows.

    None if pyarrow is not installed, finds a line of another width than `width`, or might read the text differently.
    """
    if len(separator) > 1 or separator in " \r\n" or not separator.isascii():
        return None
    start, end = 0, len(body)
    for _ in range(above):
        start = body.find(b"\n", start) + 1
        if not start:
            return None
    if body.count(b"\r", 0, start) != body.count(b"\r\n", 0, start):
        return None
    while end > start and body[end - 1] in b"\r\n":
        end -= 1
    if end - start < _LEAST_COLUMN * (width - 1000):
        return None
    if (
        end == start
        or body[start] in b"\r\n"
        or body.startswith(codecs.BOM_UTF8, start)
        or not _has_plain_lines(body, start, end)
    ):
        return None
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.csv as arrow
    except ImportError:
        return None
    view = memoryview(body)[start:end]
    quoted = bool(quote) and str(quote).isascii() and body.find(str(quote).encode(), start, end) >= 0
    if quoted and not _has_plain_quotes(view, str(quote), separator):
        return None
    names = [f"{i}" for i in range(width)]
    block = min(max(_LEAST_BLOCK, width << _CELLS), _LARGEST_BLOCK, len(view) + 1)
    try:
        found = arrow.read_csv(
            pa.py_buffer(view),
            arrow.ReadOptions(column_names=names, block_size=block, use_threads=False),
            arrow.ParseOptions(delimiter=separator, quote_char=quote if quoted else False, escape_char=False),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, ValueError):  # a ragged line, or bytes that are not UTF-8: the csv module finds which
        return None
    if _may_exceed(body, start, end, csv.field_size_limit()):
        longest = max(int(pc.max(pc.utf8_length(column)).as_py() or 0) for column in found.columns)
        if longest > csv.field_size_limit():
            return None
    may_be_codes = _has_leading_zeros(view)
    cells: list[Text] = [Spelled.of_cells(column, markers, may_be_codes) for column in found.columns]
    return cells, np.arange(1, found.num_rows + 1) + above, ()


def _has_plain_lines(body: bytes, start: int, end: int) -> bool:
    """Whether no line is blank, and all end in one of the two ways."""
    if body.find(b"\r", start, end) < 0:
        return body.find(b"\n\n", start, end) < 0
    returns = body.count(b"\r", start, end)
    return (
        returns == body.count(b"\r\n", start, end)
        and body.find(b"\n\r", start, end) < 0
        and body.find(b"\n\n", start, end) < 0
    )


def _has_plain_quotes(view: memoryview, quote: str, separator: str) -> bool:
    """Whether quotes stand around whole cells of one line, and inside them are doubled."""
    data = np.frombuffer(view, np.uint8)
    places = np.flatnonzero(data == ord(quote))
    if len(places) % 2:
        return False
    opening, closing = places[0::2], places[1::2]
    ends = np.isin(data, np.frombuffer(f"{separator}\r\n".encode(), np.uint8))
    doubled = opening[1:] == closing[:-1] + 1
    before = np.concatenate([[True], ends])[opening]  # the character before is a separator, or there is none
    after = np.concatenate([ends, [True]])[closing + 1]
    before[1:] |= doubled
    after[:-1] |= doubled
    if not (before.all() and after.all()):
        return False
    line_ends = np.flatnonzero(data == ord("\n"))
    return bool((np.searchsorted(line_ends, opening) == np.searchsorted(line_ends, closing)).all())


def _may_exceed(body: bytes, start: int, end: int, limit: int) -> bool:
    """Whether a line may be longer than a cell may be."""
    while end - start > limit:
        start = body.rfind(b"\n", start, start + limit) + 1
        if not start:
            return True
    return False


def _has_leading_zeros(view: memoryview) -> bool:
    """Whether a cell may begin with 0 and another digit: such cells may be codes."""
    whole = np.frombuffer(view, np.uint8)
    exponent, sign = np.frombuffer(b"eE", np.uint8), np.frombuffer(b"+-", np.uint8)
    for start in range(0, len(whole), _PART):  # a part stays in the processor's cache
        data = whole[max(0, start - 2) : start + _PART + 1]
        digit = data - ord("0") < 10  # smaller codes wrap
        found = (data[:-1] == ord("0")) & digit[1:]
        found[1:] &= ~digit[:-2]
        places = np.flatnonzero(found)
        if start:
            places = places[places > 1]
        elif len(places) and places[0] < 2:
            return True
        before = data[places - 1]
        inside = (before == ord(".")) | np.isin(before, exponent)
        inside |= np.isin(before, sign) & np.isin(data[places - 2], exponent)
        if not inside.all():
            return True
    return False
