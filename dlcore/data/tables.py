"""A table in memory: named columns of cells, neither rescaled nor interpreted, and the line of each row in its file.

Cells of a CSV file stay text here, whichever reader split them: `dlcore.preprocessing` alone interprets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import DataError, ShapeError
from ..suggestions import did_you_mean
from .markers import Markers

BOOLEANS = {"true": "True", "false": "False"}  # one spelling for every reader, by the lower-case cell


@dataclass(frozen=True)
class Text:
    """Cells values[codes]; code −1 where a cell is missing.  `typed`: the file declares it as text, so "1" is not a number.

    readings   cache of the values read as numbers or dates, shared by tables that are parts of one file
    """

    codes: np.ndarray
    values: tuple[str, ...]
    typed: bool = False
    readings: dict[tuple[str, str | None], np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, codes: np.ndarray, values: Sequence[str], missing: Markers | Iterable[str], typed: bool = False
    ) -> Text:
        """Strip blanks around the cells, and spell booleans in one way; cells that are markers become missing."""
        markers = missing if isinstance(missing, Markers) else Markers(missing)
        index: dict[str, int] = {}
        place = np.empty(len(values) + 1, np.int32)
        place[-1] = -1  # missing cells stay missing
        stripped = [value.strip() for value in values]
        for old, (cell, gone) in enumerate(zip(stripped, markers.of_text(stripped), strict=True)):
            name = BOOLEANS.get(cell.casefold(), cell) if len(cell) < 6 else cell
            place[old] = -1 if gone else index.setdefault(name, len(index))
        return Text(place[codes], tuple(index), typed)

    def occurring(self) -> Text:
        """The same cells, without values that no cell has."""
        used = self.counts() > 0
        if used.all():
            return self
        place = np.append(np.where(used, np.cumsum(used) - 1, -1), -1).astype(np.int32)
        kept = tuple(value for value, use in zip(self.values, used.tolist(), strict=True) if use)
        return Text(place[self.codes], kept, self.typed)

    def __len__(self) -> int:
        return len(self.codes)

    def missing(self) -> np.ndarray:
        return self.codes < 0

    def take(self, rows: np.ndarray) -> Text:
        return replace(self, codes=self.codes[rows])

    def plain_numbers(self) -> np.ndarray | None:
        """float64 cells, NaN where one is missing, if a reader has found that all cells are plain numbers such as 1 or -2.5e3.

        None says nothing: `values` tell what the cells are.  No cell has leading zeros, a comma, or a sign +.
        """
        return None

    def counts(self) -> np.ndarray:
        """How often each of `values` occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    def cell(self, row: int) -> str | None:
        return self.values[self.codes[row]] if self.codes[row] >= 0 else None


@dataclass(frozen=True)
class Numbers:
    """float64 cells, NaN where one is missing.  `measured`: they come from an array, and are never taken for categories."""

    values: np.ndarray
    measured: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> np.ndarray:
        return np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Numbers:
        return replace(self, values=self.values[rows])

    def cell(self, row: int) -> float:
        return float(self.values[row])


@dataclass(frozen=True)
class Dates:
    """datetime64[us] cells in UTC, NaT where one is missing."""

    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> np.ndarray:
        return np.isnat(self.values)

    def take(self, rows: np.ndarray) -> Dates:
        return Dates(self.values[rows])

    def cell(self, row: int) -> str:
        return str(self.values[row])


@dataclass(frozen=True)
class Unusable:
    """Cells of a kind that no network takes: lists, records, bytes.  They are an error only if they are used."""

    kind: str
    rows: int

    def __len__(self) -> int:
        return self.rows

    def missing(self) -> np.ndarray:
        return np.zeros(self.rows, bool)

    def take(self, rows: np.ndarray) -> Unusable:
        return replace(self, rows=len(np.arange(self.rows)[rows]))

    def cell(self, row: int) -> str:
        return self.kind


Column = Text | Numbers | Dates | Unusable


@dataclass(frozen=True)
class Skipped:
    """A row that was left out, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class Table:
    """Columns of equal length by name.

    source     the file, for messages
    lines      the line of the file where each row begins; rows are numbered from 1 where there are no lines
    unit       "line" or "row": what `lines` counts
    skipped    rows that were left out, in order of their lines
    dialect    how the file was read, for messages: separator, header, encoding
    unmatched  markers of missing cells that were given and that no cell of the table is
    index      columns that are the index of a pandas frame, which says nothing about a row
    """

    columns: Mapping[str, Column]
    source: str = "table"
    lines: np.ndarray | None = None
    unit: str = "row"
    skipped: tuple[Skipped, ...] = ()
    dialect: str = ""
    unmatched: tuple[str, ...] = ()
    index: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            few, many = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
            raise ShapeError(
                f"{self.source}: column {few!r} has {lengths[few]} rows and {many!r} {lengths[many]}; "
                "columns of a table are equally long"
            )

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def column(self, name: str) -> Column:
        """The column.  Raises DataError, with the existing names, if there is none."""
        if name in self.columns:
            return self.columns[name]
        names = list(self.columns)
        shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
        raise DataError(f"{self.source} has no column {name!r}{did_you_mean(name, names)}; there are: {shown}")

    def name(self, wanted: str) -> str:
        """The name of a column given by name, or by number: 1 is the first, −1 the last.  Raises DataError if there is none."""
        if wanted not in self.columns:
            try:
                number = int(wanted)
            except ValueError:
                number = 0
            if 1 <= abs(number) <= len(self.columns):
                return list(self.columns)[number - 1 if number > 0 else number]
        self.column(wanted)
        return wanted

    def take(self, rows: np.ndarray) -> Table:
        """Some rows, by index or mask."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return replace(self, columns=columns, lines=self._lines()[rows])

    def without(self, bad: Mapping[int, str]) -> Table:
        """The table without the `bad` rows, which are noted as skipped, each with its reason."""
        if not bad:
            return self
        lines = self._lines()
        keep = np.ones(len(self), bool)
        keep[list(bad)] = False
        skipped = [*self.skipped, *(Skipped(int(lines[row]), why) for row, why in bad.items())]
        return replace(self.take(keep), skipped=tuple(sorted(skipped, key=lambda s: s.line)))

    def where(self, row: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.source}, {self.unit} {self._lines()[row]}"

    def places(self) -> tuple[np.ndarray, int]:
        """Positions of the rows among all rows of the file, skipped ones included, and the number of all rows."""
        away = np.array([skipped.line for skipped in self.skipped], np.int64)
        return np.arange(len(self)) + np.searchsorted(away, self._lines()), len(self) + len(away)

    def _lines(self) -> np.ndarray:
        return np.arange(1, len(self) + 1) if self.lines is None else self.lines
