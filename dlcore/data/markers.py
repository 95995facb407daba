"""Markers of missing cells: one rule for text, numbers and dates, whichever file or frame they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

MISSING = ("", "?", "-", "--", ".", "NA", "N/A", "#N/A", "NaN", "null", "None")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # 1,234 may be 1234, so it is no decimal comma


class Markers:
    """Which cells are missing, and which of the given markers have been found.

    Text is compared without blanks around it and in any case; a marker that is a number also with every cell of that value, so
    that −999 means −999.0 and −9.99e2 too; one that is an ISO date with cells that are dates.
    """

    def __init__(self, missing: Iterable[str] = MISSING) -> None:
        self.given = tuple(missing)
        self._found: set[str] = set()
        self.words = {marker.strip().casefold(): marker for marker in self.given}
        numeric = {marker: marker.strip() for marker in self.given if _NUMBER.fullmatch(marker.strip())}
        self._numbers = {Decimal(number): marker for marker, number in numeric.items()}
        self._floats = {float(number) for number in self._numbers}
        self._dates = {day: marker for marker in self.given if (day := _date(marker.strip())) is not None}

    @property
    def reported(self) -> bool:
        """Whether these markers were given, so that those that match nothing are reported."""
        return self.given != MISSING

    @property
    def floats(self) -> list[float]:
        """The markers that are numbers, as float64."""
        return list(self._floats)

    def unmatched(self) -> tuple[str, ...]:
        """The given markers that are no cell of the columns seen so far; none for the default ones."""
        if not self.reported:
            return ()
        return tuple(marker for marker in self.given if marker.strip() and marker not in self._found)

    def of_text(self, values: Sequence[str]) -> list[bool]:
        """Which of these different cells, without blanks around them, are missing."""
        longest = max(map(len, self.words), default=-1)  # folding a case never makes text shorter
        found = [len(value) <= longest and self._word(value.casefold()) for value in values]
        if self._numbers:
            comma = any(_COMMA.fullmatch(value) and not _THOUSANDS.fullmatch(value) for value in values)
            for i, value in enumerate(values):
                if not found[i]:
                    text = value.replace(",", ".") if comma and _COMMA.fullmatch(value) else value
                    found[i] = bool(_NUMBER.fullmatch(text)) and self._number(text)
        return found

    def of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Which of these numbers are missing; markers are compared in the type of the numbers, so 0.1 is also float32's 0.1."""
        gone = np.zeros(values.shape, bool)
        for number, marker in self._numbers.items():
            if values.dtype.kind in "iu":
                bounds = np.iinfo(values.dtype)
                if number != number.to_integral_value() or not bounds.min <= number <= bounds.max:
                    continue
                same = values == values.dtype.type(int(number))
            else:
                with np.errstate(all="ignore"):
                    rounded = np.array(float(number)).astype(values.dtype)
                if not np.isfinite(rounded) or (rounded == 0) != (number == 0):
                    continue
                same = values == rounded
            if same.any():
                self._found.add(marker)
                gone |= same
        return gone

    def of_dates(self, values: np.ndarray) -> np.ndarray:
        """Which of these datetime64[us] are missing."""
        gone = np.zeros(values.shape, bool)
        for day, marker in self._dates.items():
            same = values == day
            if same.any():
                self._found.add(marker)
                gone |= same
        return gone

    def _word(self, folded: str) -> bool:
        if folded not in self.words:
            return False
        self._found.add(self.words[folded])
        return True

    def _number(self, text: str) -> bool:
        if float(text) not in self._floats:  # Decimal alone is exact, and slow
            return False
        marker = self._numbers.get(Decimal(text))
        if marker is None:
            return False
        self._found.add(marker)
        return True


def _date(marker: str) -> np.datetime64 | None:
    try:
        moment = datetime.fromisoformat(marker)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")
