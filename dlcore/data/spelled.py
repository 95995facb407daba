"""Text cells that stay in an Arrow array until they are needed: most columns are numbers, and are read at once."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrow import as_numpy
from .markers import Markers
from .tables import Text

if TYPE_CHECKING:
    import pyarrow as pa

_MANY, _PROBED = 5000, 50  # cells of a column of which the first are looked at beforehand
_CODE = r"^[+-]?0[0-9]"  # 007 is a number or a code
_EXPONENT = r"^[0-9]+[eE][0-9]+$"  # and so is 12E4 among integers


class Spelled(Text):
    """A `Text` whose `codes` and `values` are made on first use.  A caller who has such cells has pyarrow installed."""

    _cells: pa.Array | pa.ChunkedArray  # string Array, as in the file
    _markers: Markers
    _may_be_codes: bool

    @classmethod
    def of_cells(cls, cells: pa.Array | pa.ChunkedArray, markers: Markers, may_be_codes: bool = True) -> Spelled:
        """From an Arrow array or chunked array of strings, without nulls; `may_be_codes`: some may have leading zeros."""
        made = object.__new__(cls)
        made.__dict__.update(_cells=cells, _markers=markers, _may_be_codes=may_be_codes, typed=False, readings={})
        return made

    def __getattr__(self, name: str) -> Any:
        if name not in ("codes", "values") or "_cells" not in self.__dict__:
            raise AttributeError(name)
        encoded = self._array().dictionary_encode()
        codes = as_numpy(encoded.indices).astype(np.int32)
        made = Text.of(codes, encoded.dictionary.to_pylist(), self._markers)
        self.__dict__.update(codes=made.codes, values=made.values)
        return self.__dict__[name]

    def __len__(self) -> int:
        return len(self._cells) if "_cells" in self.__dict__ else super().__len__()

    def missing(self) -> np.ndarray:
        numbers = self.plain_numbers() if "codes" not in self.__dict__ else None
        return super().missing() if numbers is None else np.isnan(numbers)

    def cell(self, row: int) -> str | None:
        if "codes" in self.__dict__ or self.plain_numbers() is None:
            return super().cell(row)
        return None if self.missing()[row] else self._cells[int(row)].as_py().strip()

    def take(self, rows: np.ndarray) -> Text:
        numbers = self.plain_numbers()
        if "codes" in self.__dict__ or numbers is None:  # how text is read depends on all cells of the file
            return Text(self.codes[rows], self.values, self.typed, self.readings)
        index = np.arange(len(self))[rows]
        made = Spelled.of_cells(self._array().take(_arrow().array(index)), self._markers, self._may_be_codes)
        made.__dict__["_plain"] = numbers[index]
        return made

    def plain_numbers(self) -> np.ndarray | None:
        if "_plain" not in self.__dict__ and "_cells" in self.__dict__:
            self.__dict__["_plain"] = self._read_numbers()
        found: np.ndarray | None = self.__dict__.get("_plain")
        return found

    # ------------------------------------------------------------------------------------------------------------------

    def _array(self) -> pa.Array:
        pa = _arrow()
        if isinstance(self._cells, pa.ChunkedArray):
            cells = self._cells
            small = cells.nbytes < 2**31 - 1
            self.__dict__["_cells"] = (cells if small else cells.cast(pa.large_string())).combine_chunks()
        return self._cells

    def _read_numbers(self) -> np.ndarray | None:
        """float64, NaN where a cell is missing; None if a cell is neither, or if Python might read it otherwise."""
        import pyarrow.compute as pc

        cells, gone = self._array(), 0
        if len(cells) > _MANY and not self._begins_with_numbers():
            return None
        values = _cast(cells)
        if values is None or np.isnan(values).any():
            if not pc.all(pc.string_is_ascii(cells)).as_py():
                return None
            cells = pc.ascii_trim_whitespace(cells)
            words = _arrow().array([word for word in self._markers.words if word.isascii()], cells.type)
            missing = pc.is_in(pc.ascii_lower(cells), words)
            if self._markers.reported:
                self._markers.of_text(pc.unique(cells.filter(missing)).to_pylist())
            cells = pc.if_else(missing, _arrow().scalar(None, cells.type), cells)
            values, gone = _cast(cells), cells.null_count
            if values is None or gone == len(values) or int(np.isnan(values).sum()) > gone:
                return None
        if self._may_be_codes and pc.any(pc.match_substring_regex(cells, _CODE)).as_py():
            return None
        present = values[~np.isnan(values)]
        if (present == np.floor(present)).all() and pc.any(pc.match_substring_regex(cells, _EXPONENT)).as_py():
            return None
        if self._markers.reported:
            asked = np.flatnonzero(np.isin(values, self._markers.floats) | np.isinf(values))
            words = [cell.strip() for cell in cells.take(_arrow().array(asked)).to_pylist()]
            values[asked[np.array(self._markers.of_text(words), bool)]] = np.nan
        return values

    def _begins_with_numbers(self) -> bool:
        """Whether the first cells are numbers or missing: a cast reads all cells of a column of text before it gives up."""
        cells = [cell.strip() for cell in self._array().slice(0, _PROBED).to_pylist()]
        return all(gone or _is_number(cell) for cell, gone in zip(cells, self._markers.of_text(cells), strict=True))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _cast(cells: pa.Array) -> np.ndarray | None:
    """float64, NaN for null; None if a cell is no number."""
    pa = _arrow()
    try:
        numbers = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return np.array(as_numpy(numbers.fill_null(float("nan")) if numbers.null_count else numbers))


def _arrow() -> ModuleType:
    return import_module("pyarrow")
