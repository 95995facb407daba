"""Common to `predict` and `evaluate`: the network of a run, and the rows of a file as input of that network."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...arrays import ArrayLike
from ...data.dataset import DataSet
from ...data.table_files import read_table
from ...data.tables import Numbers, Table
from ...errors import CheckpointError, ConfigurationError, DataError, ShapeError
from ...preprocessing import FittedPreprocessing
from ...preprocessing.columns import Classes, Values
from ...training.trainer import Trainer
from ..assembly import check_table_file, load
from ..configuration import NAMED_DATA, Settings, configure, read_toml
from ..predictions import Predictions
from ..raw_data import dialect_of, report_skipped, report_unmatched, without_missing_targets
from ..run_data import RunData, data_of
from ..runs import newest_trainer
from .arguments import READING, flag
from .messages import say

OF_THE_RUN = ("data_dir", "quote", "missing")  # settings of the training run that also apply to new rows


@dataclass(frozen=True)
class Rows:
    """Rows of a file as input of a network: X, y if it was asked for, and their positions among all `count` rows."""

    X: np.ndarray
    y: np.ndarray | None
    classes: tuple[str, ...]
    places: np.ndarray
    count: int
    target: Values | None = None

    @classmethod
    def of_test(cls, data: DataSet) -> Rows:
        """The test rows of a run."""
        fitted, count = data.preprocessing, len(data.X_test)
        target = fitted.target if fitted is not None and isinstance(fitted.target, Values) else None
        places = np.arange(count) if data.test_places is None else data.test_places
        return cls(data.X_test, data.y_test, data.classes, places, count, target)

    def predict(self, trainer: Trainer) -> Predictions:
        """Probabilities, or values in units of the target."""
        a = trainer.predict(self.X)
        if not self.classes:
            a = self.in_units(a)  # float64: float32 has steps of 128 at 1.7e9
            a = a[:, 0] if a.shape[1] == 1 else a
        return Predictions(a, self.classes, self.places, self.count)

    def in_units(self, a: ArrayLike) -> np.ndarray:
        """Outputs or targets of a regression in units of the target."""
        return self.target.restore(a) if self.target else np.asarray(a, np.float64)


def network(arguments: argparse.Namespace) -> tuple[Trainer, Settings]:
    """The network of RUN, a folder or a checkpoint file, and the run's settings for reading files."""
    given, device = Path(arguments.run_dir), getattr(arguments, "device", "auto")
    if not given.exists():
        raise CheckpointError(
            f"RUN {given}: there is no such file or folder; expected the folder of a run, or a checkpoint"
        )
    if not given.is_dir():
        return Trainer.load(given, device=device), {}
    trainer = newest_trainer(given, device)
    file = given / "config.toml"
    settings = read_toml(file) if file.is_file() else {}
    return trainer, {name: settings[name] for name in OF_THE_RUN if name in settings}


def _test_rows(trainer: Trainer, arguments: argparse.Namespace) -> Rows:
    """The test rows of RUN, drawn again.  Raises ConfigurationError or DataError where that cannot be done."""
    folder = folder_of(arguments.run_dir)
    if folder is None:
        raise ConfigurationError(
            f"FILE is missing: {arguments.run_dir} is not in the folder of a run, whose test rows are known"
        )
    for name in READING:
        if name in vars(arguments):
            raise ConfigurationError(f"{flag(name)} is for FILE; the test rows of a run are read as in training")
    run, data = data_of(folder)
    made, now = (None if each is None else each.describe() for each in (trainer.preprocessing, data.preprocessing))
    if made != now:
        raise DataError(
            f"{run.data}: the preprocessing of these rows is not that of the network; give a FILE with rows"
        )
    say(
        f"the {len(data.X_test):,} test rows of this run, of {os.path.basename(run.test or run.data)}; none was trained on"
    )
    return Rows.of_test(data)


def folder_of(run: str) -> Path | None:
    """The folder of a run, given by its path or by that of a checkpoint in it."""
    path = Path(run)
    if path.is_dir():
        return path
    inside = path.resolve().parent
    return inside.parent if inside.name == "checkpoints" and (inside.parent / "config.toml").is_file() else None


def rows_of(trainer: Trainer, arguments: argparse.Namespace, settings: Settings, *, targets: bool) -> Rows:
    """The rows of FILE: the test rows of a named data set, or all rows of a file; without FILE the test rows of the run."""
    if arguments.data is None:
        return _test_rows(trainer, arguments)
    given = {name: value for name, value in vars(arguments).items() if name in READING}
    run = configure({**settings, **given, "data": arguments.data})
    if arguments.data in NAMED_DATA:
        data = load(run)
        if data.X_test.shape[1] != trainer.model.input_width:
            raise ShapeError(
                f"{run.data} has {data.X_test.shape[1]} columns, the network takes {trainer.model.input_width}"
            )
        return Rows(data.X_test, data.y_test, data.classes, np.arange(len(data.X_test)), len(data.X_test))
    check_table_file(run.data)
    folder = folder_of(arguments.run_dir) if targets else None
    if folder is not None and (recorded := RunData.read(folder)) and (note := recorded.trained_on(run.data)):
        say(note)
    fitted = trainer.preprocessing
    names = () if fitted is None else [column.name for column in fitted.columns]
    table = read_table(run.data, dialect_of(run), names)
    if fitted is None:
        return _as_they_are(trainer, table, getattr(arguments, "target", None) if targets else None, targets)
    if targets and fitted.target is None:
        raise ConfigurationError("the preprocessing of this network was fitted without a target; use predict")
    if targets and fitted.target is not None:
        table.column(fitted.target.name)
        table = without_missing_targets(table, fitted.target, run.bad_rows)
    if run.bad_rows == "skip":
        table = fitted.clean(table, target=targets)
    dtype = "float64" if trainer.dtype == "float64" else "float32"
    X = fitted.features(table, dtype, unknown_categories=run.unknown_categories)
    y = fitted.targets(table) if targets else None
    report_skipped(table)
    report_unmatched(table)
    for note in fitted.notes(table):
        say(note)
    places, count = table.places()
    labels = fitted.target.labels if isinstance(fitted.target, Classes) else ()
    return Rows(X, y, labels, places, count, fitted.target if isinstance(fitted.target, Values) else None)


def _as_they_are(trainer: Trainer, table: Table, target: str | None, targets: bool) -> Rows:
    """The numbers of a file, unchanged, for a network that was saved without preprocessing."""
    if targets and target is None:
        raise ConfigurationError(
            "this network was saved without preprocessing: name the column of the targets with --target"
        )
    name = None if target is None else table.name(target)
    inputs = {n: column for n, column in table.columns.items() if n != name}
    numbers = [column.values for column in inputs.values() if isinstance(column, Numbers)]
    width = trainer.model.input_width
    if len(numbers) < len(inputs) or len(numbers) != width:
        raise DataError(
            f"{table.source}: this network was saved without preprocessing, and takes {width} columns of numbers from an "
            f"array or Parquet file; the file has {len(numbers)} of {len(inputs)} columns"
        )
    say("this network was saved without preprocessing: its inputs are taken as they are")
    y = None
    if name is not None:
        y = FittedPreprocessing((), Values(name, 0.0, 1.0)).targets(table)
    outputs = trainer.model.output_width
    labels = tuple(map(str, range(outputs))) if trainer.loss.output == "softmax" else ()
    return Rows(np.stack(numbers, axis=1), y, labels, *table.places())
