"""Predictions as a file: CSV, NPY or Parquet, one row for each input row, in the same order."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import files
from ..errors import CheckpointError, ConfigurationError

FORMS = (".csv", ".npy", ".parquet")


@dataclass(frozen=True)
class Predictions:
    """Probabilities (n, C) of named classes, or float64 values (n,) without classes, for some rows of a file.

    places, count   positions of these n rows among all `count` rows of the file; the others could not be used
    """

    values: np.ndarray
    classes: tuple[str, ...]
    places: np.ndarray
    count: int

    @property
    def header(self) -> list[str]:
        return ["prediction", *(f"probability_{name}" for name in self.classes)]

    @property
    def labels(self) -> list[str]:
        """For each of the n rows, the class with the largest probability."""
        return [self.classes[c] for c in self.values.argmax(axis=1)]

    def array(self) -> np.ndarray:
        """(count, C) probabilities or (count,) values, NaN in rows that could not be used."""
        out = np.full((self.count, *self.values.shape[1:]), np.nan, self.values.dtype)
        out[self.places] = self.values
        return out

    def csv(self) -> str:
        """A header, then a line for each of `count` rows; rows that could not be used have empty cells.

        Numbers have the fewest digits that identify them in their dtype.
        """
        cells = [[str(x) for x in row] for row in self.values.reshape(len(self.values), -1)]
        if self.classes:
            cells = [[label, *row] for label, row in zip(self.labels, cells, strict=True)]
        lines = [[""] * len(self.header) for _ in range(self.count)]
        for place, row in zip(self.places.tolist(), cells, strict=True):
            lines[place] = row
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(lines)
        return text.getvalue()

    def npy(self) -> bytes:
        """`array` in NumPy's file format."""
        data = io.BytesIO()
        np.save(data, self.array())
        return data.getvalue()

    def parquet(self) -> bytes:
        """The columns of `csv`, null where its cells are empty."""
        import pyarrow as pa
        from pyarrow import parquet

        there = np.zeros(self.count, bool)
        there[self.places] = True
        table = self.array().reshape(self.count, -1)
        columns = [pa.array(column, mask=~there) for column in table.T]
        if self.classes:
            labels = np.full(self.count, None, object)
            labels[self.places] = self.labels
            columns = [pa.array(labels.tolist(), pa.string()), *columns]
        data = io.BytesIO()
        parquet.write_table(pa.table(columns, names=self.header), data)
        return data.getvalue()


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise ConfigurationError if predictions cannot be written to this file, before any work is done."""
    target = Path(path)
    if target.suffix.lower() not in FORMS:
        raise ConfigurationError(f"--out {target}: expected a name that ends in {', '.join(FORMS)}")
    if target.is_dir() or not target.parent.is_dir():
        why = "is a folder" if target.is_dir() else f"there is no folder {target.parent}"
        raise ConfigurationError(f"--out {target}: {why}")
    if target.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                f'--out {target}: writing Parquet needs pyarrow: pip install "dlcore[data]"'
            ) from None


def write(path: str | os.PathLike[str], predictions: Predictions) -> None:
    """Write a file in the format of its suffix; an existing file is replaced atomically.  Raises CheckpointError."""
    target = Path(path)
    form = target.suffix.lower()
    data = (
        predictions.npy()
        if form == ".npy"
        else predictions.parquet()
        if form == ".parquet"
        else predictions.csv().encode()
    )
    try:
        files.write(target, data)
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}") from error
