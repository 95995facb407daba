"""data.json in the folder of a run: how many rows were used for what, and the digests of the files that they came from.

By it the test rows are found again, from the configuration and the files as they were, and training rows are recognized.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.dataset import DataSet
from ..errors import ConfigurationError, DataError
from .assembly import load
from .configuration import NAMED_DATA, Configuration, configure, read_toml

NAME = "data.json"


@dataclass(frozen=True)
class RunData:
    """Numbers of rows, and for the files with tables their sizes and SHA-256; no digest for what is no regular file."""

    training: int
    validation: int
    test: int
    files: Mapping[str, Mapping[str, object]]

    @classmethod
    def of(cls, run: Configuration, data: DataSet, validation: tuple[np.ndarray, np.ndarray] | None) -> RunData:
        """What a run on these data records."""
        paths = [] if run.data in NAMED_DATA else [path for path in (run.data, run.test) if path]
        held_out = len(validation[0]) if validation else 0
        return cls(len(data.X), held_out, len(data.X_test), {path: _facts(path) for path in paths})

    @classmethod
    def read(cls, folder: Path) -> RunData | None:
        """What a run has recorded; None for the folder of a run without a record."""
        try:
            found = json.loads((folder / NAME).read_text(encoding="utf-8"))
            rows = found["rows"]
            return cls(int(rows["training"]), int(rows["validation"]), int(rows["test"]), dict(found["files"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder / NAME}: cannot be read: {error}") from error

    def describe(self) -> dict[str, object]:
        rows = {"training": self.training, "validation": self.validation, "test": self.test}
        return {"rows": rows, "files": {path: dict(facts) for path, facts in self.files.items()}}

    def trained_on(self, path: str) -> str:
        """What to say before rows of this file are measured; "" if none of them was trained on, as far as is known."""
        training = next(iter(self.files), None)
        if training is None:
            return ""
        name, counts = os.path.basename(path), f"{self.training:,} of its rows were trained on"
        if self.validation:
            counts += f", and {self.validation:,} validated with"
        if _is_same(path, self.files[training]):
            return f"{name} is the file of this run: {counts}; without FILE, evaluate measures the {self.test:,} test rows alone"
        if os.path.realpath(path) == os.path.realpath(training):
            return f"{name} has changed since this run, in which {counts}"
        return ""

    def check(self) -> None:
        """Raise DataError where a file is not as it was, so that other rows would be drawn."""
        for path, facts in self.files.items():
            if not facts:
                raise DataError(
                    f"{path} was no regular file in training: its test rows are in test_predictions.csv alone"
                )
            if not _is_same(path, facts):
                why = "has changed since this run" if os.path.exists(path) else "is not there any more"
                raise DataError(
                    f"{path} {why}: its test rows cannot be drawn again; test_predictions.csv has what came of them in training"
                )


def data_of(folder: Path) -> tuple[Configuration, DataSet]:
    """The configuration of a run, and its data as they were in training.

    Raises ConfigurationError or DataError where they cannot be had again.
    """
    file = folder / "config.toml"
    if not file.is_file():
        raise ConfigurationError(
            f"{folder} has no config.toml, so that its test rows are not known; give a FILE with rows"
        )
    run = configure(read_toml(file))
    recorded = RunData.read(folder)
    if recorded is not None:
        recorded.check()
    data = load(run)
    if recorded is not None and len(data.X_test) != recorded.test:
        raise DataError(f"{run.data}: {len(data.X_test):,} test rows were found, and {recorded.test:,} in training")
    return run, data


def _facts(path: str) -> dict[str, object]:
    if not os.path.isfile(path):  # a pipe can be read only once
        return {}
    return {"bytes": os.path.getsize(path), "sha256": _digest(path)}


def _is_same(path: str, facts: Mapping[str, object]) -> bool:
    try:
        return bool(facts) and os.path.getsize(path) == facts["bytes"] and _digest(path) == facts["sha256"]
    except OSError:
        return False


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
