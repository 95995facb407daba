"""Tables from files: CSV; Parquet and Arrow by pyarrow; arrays by NumPy.  The format is detected from the first bytes."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import DataError
from .arrow import arrow_columns, declared_index
from .csv_bytes import bounded, too_large
from .csv_dialect import Dialect
from .csv_files import read_csv
from .frames import column
from .markers import MISSING, Markers
from .tables import Column, Table

PYARROW_COMMAND = 'pip install "dlcore[data]"'

_FORMS = {  # first bytes of a file; all others are CSV
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\x93NUMPY": "NPY",
    b"PK\x03\x04": "NPZ",  # if all its files are arrays; otherwise a packed CSV file
    b"PK\x05\x06": "NPZ",
}


def read_table(path: str | os.PathLike[str], dialect: Dialect | None = None, names: Iterable[str] = ()) -> Table:
    """The table in a file: CSV (also packed as gz, bz2, xz or zip), Parquet, Arrow (also called Feather), NPY or NPZ.

    dialect, names   how to read CSV, and columns that are expected; see `read_csv`.  Markers of missing cells hold for all formats

    A matrix in an array file becomes columns column_1, …, or in an archive X_1, … under the name X.  Raises DataError for a
    file that is missing, torn, empty or of another kind.
    """
    target = Path(path)
    try:
        with target.open("rb") as file:
            begin = file.read(8)
            form = next((name for mark, name in _FORMS.items() if begin.startswith(mark)), None)
            if form == "NPZ" and target.is_file() and not _is_npz(target):
                form = None
            data = _rest(target, begin, file, dialect) if form is None else b""  # only once, since this may be a pipe
    except DataError:
        raise
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{target}: cannot be read: {why}") from error
    if form is None:
        return read_csv(target, dialect, names, data)
    if not target.is_file():
        raise DataError(f"{target}: {form} is read from files alone, CSV also from a pipe")
    markers = Markers(dialect.missing if dialect else MISSING)
    read = _arrays if form in ("NPY", "NPZ") else _parquet if form == "Parquet" else _feather
    found, index = read(target, markers, (dialect or Dialect()).max_bytes)
    result = Table(found, str(target), dialect=form, unmatched=markers.unmatched(), index=index)
    if not result.columns:
        raise DataError(f"{target}: the file has no columns")
    if not len(result):
        raise DataError(f"{target}: the file has columns ({', '.join(list(found)[:5])}) and no rows")
    return result


def _is_npz(target: Path) -> bool:
    try:
        with zipfile.ZipFile(target) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:
        return True


def _rest(target: Path, begin: bytes, file: IO[bytes], dialect: Dialect | None) -> bytes:
    """All bytes of a file of text, of which `begin` has been read."""
    if target.is_file():
        file.seek(0)
        begin = b""
    return begin + bounded(target, file, (dialect or Dialect()).max_bytes - len(begin))


Found = tuple[dict[str, Column], tuple[str, ...]]  # columns by name, and those that are the index of a frame


def _parquet(target: Path, markers: Markers, largest: int) -> Found:
    return _arrow(target, True, markers, largest)


def _feather(target: Path, markers: Markers, largest: int) -> Found:
    return _arrow(target, False, markers, largest)


def _arrow(target: Path, parquet: bool, markers: Markers, largest: int) -> Found:
    try:
        import pyarrow as pa
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{target}: reading Parquet and Arrow files needs pyarrow: {PYARROW_COMMAND}") from None
    try:
        # pyarrow's read_table would add columns for folders called name=value, and has its own error for two of one name
        if parquet:
            file = pyarrow.parquet.ParquetFile(target)
            # a value that repeats takes next to nothing in the file
            if file.metadata.num_rows * file.metadata.num_columns * 8 > largest:
                raise too_large(target, largest, "numbers")
            data = file.read()
        else:
            data = pyarrow.feather.read_table(target)
        return arrow_columns(data, markers), declared_index(data)
    except DataError as error:
        raise DataError(str(error) if str(target) in str(error) else f"{target}: {error}") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{target}: cannot be read: {' '.join(str(error).split())}") from error


def _arrays(target: Path, markers: Markers, largest: int) -> Found:
    try:
        with target.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            packed = loaded.zip if isinstance(loaded, np.lib.npyio.NpzFile) else None
            if packed and sum(part.file_size for part in packed.infolist()) > largest:
                raise too_large(target, largest, "numbers")
            arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {"": loaded}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("it is an archive of other files; unpack it, and save a spreadsheet as CSV")
    except DataError:
        raise
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise DataError(f"{target}: cannot be read as arrays of numbers or text: {error}") from error
    if len({array.shape[:1] for array in arrays.values()}) > 1 or not all(array.ndim for array in arrays.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"{target}: its arrays have different numbers of rows: {shapes}; a file is one table")
    columns: dict[str, Column] = {}
    for name, array in arrays.items():
        for own, made in _array_columns(name, array, markers):
            if own in columns:
                raise DataError(f"{target}: there are two columns {own!r}; rename an array")
            columns[own] = made
    return columns, ()


def _array_columns(name: str, array: np.ndarray, markers: Markers) -> Iterable[tuple[str, Column]]:
    if array.dtype.names:
        return [(field, column(array[field], field, markers)) for field in array.dtype.names]
    if array.ndim == 1 and name:
        return [(name, column(array, name, markers))]
    matrix = array.reshape(len(array), math.prod(array.shape[1:]))  # an image is a row
    own = [f"{name or 'column'}_{i + 1}" for i in range(matrix.shape[1])]
    return [(own[i], column(matrix[:, i], own[i], markers, measured=True)) for i in range(len(own))]
