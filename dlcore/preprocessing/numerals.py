"""How numbers are written in text: decimal mark, mark between thousands, unit; read, and found from the cells of a column.

    1234.5    1,234.5    1.234,5    1 234,5    1'234.5    $1,234.50    -5 €    ($5)    20 %

A percentage is the number before the sign: 20 % is 20.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

_BETWEEN = {",": ",", ".": r"\.", " ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}  # thousands, each in its spellings
EXACT = 2**53  # float64 holds every integer up to it
THOUSANDS = ("", *_BETWEEN)
_WORDS = (
    "USD EUR GBP CHF JPY CNY INR AUD CAD NZD SEK NOK DKK PLN CZK HUF BRL MXN ZAR KRW TRY US$ A$ C$ R$ HK$ kr zł Kč Ft"
)
UNITS = frozenset((*"%‰$€£¥₹₽₩₺₴₦₫₱฿₪", *_WORDS.split()))  # read without asking

# one number, with something before or after it
_SHAPE = re.compile(
    r"\(?\s*[+\u2212-]?\s*([^\d\s().,+'\u2212-]*)\s*[+\u2212-]?\s*"
    r"(?:\d[\d.,'\u2019 \u00a0\u2009\u202f]*|[.,]\d+)(?:[eE][+-]?\d+)?\s*([^\d\s().,]*)\s*\)?",
    re.ASCII,
)
_SAMPLE = 300  # distinct cells that the form is found from, before all are read


@dataclass(frozen=True)
class Numeral:
    """The form of the numbers of a column: `unit` stands before or after each, `thousands` is "" where there is no mark."""

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def read(self, cell: str) -> float:
        """The number in a cell; NaN if it is none in this form.

        Stricter than Python's float: 1_000, and digits other than 0 to 9, are not numbers in a table.  A cell without the unit
        is a number beside amounts of money, and none beside percentages: 0.2 may be 20 %.
        """
        return _reader(self)(cell)

    @property
    def words(self) -> str:
        """For messages: the unit, and what is not 1234.5; "" if there is nothing to say."""
        written = f"1{self.thousands}234{self.decimal}5" if self != Numeral(unit=self.unit) else ""
        return ", ".join(filter(None, (self.unit, written)))


PLAIN = Numeral()


@cache
def _reader(form: Numeral) -> Callable[[str], float]:
    mark = re.escape(form.decimal)
    whole = r"\d+"
    if form.thousands:  # 1,234,567, or 12,34,567 as in India; 0,750 is none of them
        between = _BETWEEN[form.thousands]
        whole = rf"(?:[1-9]\d{{0,2}}(?:{between}\d{{3}})+|[1-9]\d?(?:{between}\d{{2}})+{between}\d{{3}}|\d+)"
    infinite = "" if form.unit else "|[+-]?inf(?:inity)?"
    pattern = re.compile(
        rf"[+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?{infinite}", re.ASCII | re.IGNORECASE
    )
    away = re.compile(_BETWEEN[form.thousands]) if form.thousands else None

    def read(cell: str) -> float:
        text = cell.replace("\u2212", "-")
        if form.unit or form.thousands:
            text = _bare(text, form.unit)
        if not pattern.fullmatch(text):
            return float("nan")
        return float((away.sub("", text) if away else text).replace(form.decimal, "."))

    return read


def _bare(text: str, unit: str) -> str:
    """The text without its unit; "" if it lacks one that it must have.  (5) is -5, as accountants write."""
    sign = ""
    if text.startswith("(") and text.endswith(")"):
        sign, text = "-", text[1:-1].strip()
        if text[:1] in ("+", "-"):
            return ""
    if text[:1] in ("+", "-"):
        sign, text = text[0], text[1:].lstrip()
    if unit:
        if unit in UNITS and text.startswith(unit):
            text = text[len(unit) :].lstrip()
        elif text.endswith(unit):
            text = text[: -len(unit)].rstrip()
        elif unit in "%‰" or unit not in UNITS:
            return ""
        if text[:1] in ("+", "-"):  # $-5
            if sign:
                return ""
            sign, text = text[0], text[1:]
    return sign + text if text[:1] not in ("+", "-") else ""


def values_in(values: Iterable[str], form: Numeral) -> np.ndarray:
    """float64, NaN where a value is no number in this form."""
    return np.array([*map(_reader(form), values)], np.float64)


# -- codes -------------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"([+-]?)(0|[1-9]\d*)?(?:\.(\d*))?(?:[eE][+-]\d+)?", re.ASCII)
_DIGITS = re.compile(r"\d+([eE]\d+)?", re.ASCII)
_PADDED = re.compile(r"0\d+([eE]\d+)?", re.ASCII)
_PADDED_SHARE = 0.02  # a single 007 among a hundred numbers is no sign of codes


def plain(cell: str) -> float:
    """The number in a cell that is surely no code: 1, 1.0 and 1e+00 are 1.

    NaN for 01 and 1e0, for integers that float64 merges, and for all that is no number.
    """
    found = _PLAIN.fullmatch(cell)
    number = float(cell) if found and (found[2] or found[3]) else float("nan")
    return float("nan") if abs(number) >= EXACT and cell.lstrip("+-").isdigit() else number


def are_codes(values: Sequence[str], counts: np.ndarray) -> bool:
    """Whether these cells are codes made of digits: 007, 010, 100; or 12E4, 98E1, 1234, of one width, some with an exponent;
    or integers that float64 merges.

    Numbers have no leading zeros, and programs write exponents with a sign.  A sign or a decimal mark in any number says that
    the others are numbers too.
    """
    suspects = [value for value in values if value[:1] == "0" or "e" in value or "E" in value]
    long = {value for value in values if 15 < len(value) < 100 and value.isdigit() and int(value) >= EXACT}
    if not long and not any(
        _PADDED.fullmatch(value) or (not value.isdigit() and _DIGITS.fullmatch(value)) for value in suspects
    ):
        return False  # nearly always, and quickly
    numbers = [
        (value, int(count)) for value, count in zip(values, counts, strict=True) if count and _SHAPE.fullmatch(value)
    ]
    if not numbers or not all(_DIGITS.fullmatch(value) for value, _ in numbers):
        return False
    enough = _PADDED_SHARE * sum(count for _, count in numbers)
    if long and sum(count for value, count in numbers if value in long) >= enough:
        return True
    padded = sum(count for value, count in numbers if _PADDED.fullmatch(value))
    even = len({len(value) for value, _ in numbers}) == 1
    if padded:
        return even or padded >= enough
    with_exponent = sum("e" in value.lower() for value, _ in numbers)
    return even and 0 < with_exponent < len(numbers)


# -- the form of a column ----------------------------------------------------------------------------------------------

# (decimal, thousands), in order of preference where several read all cells: 1.234 is 1.234, and 2,000 is 2000
_FORMS = ((".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))


@dataclass(frozen=True)
class Found:
    """The form that reads the largest share of the cells.

    decimal   the mark, if the cells leave no choice; otherwise ""
    other     a form that reads them as well and as other numbers, or None
    """

    numeral: Numeral
    share: float
    decimal: str = ""
    other: Numeral | None = None


def find(
    values: Sequence[str], counts: np.ndarray, read: Callable[[Numeral], np.ndarray], *, decimal: str | None = None,
    thousands: str | None = None, usual: str = "",
) -> Found:  # fmt: skip
    """The form of these distinct values, each with the number of its cells.

    read                 all values in a form, NaN where one is no number; see `values_in`
    decimal, thousands   where they are known
    usual                the decimal mark of other columns, for cells that can be read in two ways
    """
    if not len(values):
        return Found(Numeral(decimal or "."), 0.0)
    weight = counts + 1e-6  # values of rows that are elsewhere, such as test rows, settle ties
    total = float(weight.sum())
    chosen = np.argsort(-counts, kind="stable")[:_SAMPLE] if len(values) > _SAMPLE else np.arange(len(values))
    best = _best([values[i] for i in chosen], weight[chosen], decimal, thousands, usual)
    readable = ~np.isnan(read(best.numeral))
    share = float(weight[readable].sum()) / total
    if len(chosen) < len(values) and not readable.all():  # cells that are not in the sample may show another form
        rest = np.flatnonzero(~readable)[: _SAMPLE // 2]
        again = np.union1d(chosen[: _SAMPLE // 2], rest)
        second = _best([values[i] for i in again], weight[again], decimal, thousands, usual)
        other = float(weight[~np.isnan(read(second.numeral))].sum()) / total
        if other > share:
            best, share = second, other
    return Found(best.numeral, min(share, 1.0) if counts.any() else 0.0, best.decimal, best.other)


def _best(values: Sequence[str], weight: np.ndarray, decimal: str | None, thousands: str | None, usual: str) -> Found:
    unit = _unit(values, weight)
    forms = [
        Numeral(mark, between, unit)
        for mark, between in _FORMS
        if decimal in (None, mark) and thousands in (None, between)
    ] or [Numeral(decimal or ".", thousands or "", unit)]  # fmt: skip
    read = {form: values_in(values, form) for form in forms}
    shares = {form: float(weight[~np.isnan(found)].sum()) for form, found in read.items()}
    top = max(shares.values())
    best = [form for form in forms if shares[form] >= top * (1 - 1e-12)]
    best.sort(key=lambda form: form.decimal != (usual or form.decimal))
    marks = {form.decimal for form in best}
    numeral = best[0]
    other = next((form for form in best if not np.array_equal(read[form], read[numeral], equal_nan=True)), None)
    return Found(numeral, top, marks.pop() if len(marks) == 1 and top > 0 else "", other)


def written_as_numbers(values: Sequence[str], counts: np.ndarray) -> float:
    """The share of cells that are numbers in some form, each in its own; of the most frequent ones, if they are many."""
    chosen = np.argsort(-counts, kind="stable")[:_SAMPLE]
    total = int(counts[chosen].sum())

    def is_number(value: str) -> bool:
        unit = _unit_of(value)
        if unit is None or (unit and unit not in UNITS):
            return False
        return any(not np.isnan(Numeral(mark, between, unit).read(value)) for mark, between in _FORMS)

    return sum(int(counts[i]) for i in chosen if counts[i] and is_number(values[i])) / max(1, total)


def _unit_of(value: str) -> str | None:
    """What stands before or after a number; None for what is none, and for a code such as A12."""
    shape = _SHAPE.fullmatch(value)
    if not shape or (shape[1] and (shape[2] or shape[1] not in UNITS)):
        return None
    return shape[1] or shape[2]


def _unit(values: Iterable[str], weight: np.ndarray) -> str:
    """What stands before or after most of the numbers."""
    found: Counter[str] = Counter()
    for value, count in zip(values, weight.tolist(), strict=True):
        unit = _unit_of(value)
        if unit is not None:
            found[unit] += count
    return found.most_common(1)[0][0] if found else ""
