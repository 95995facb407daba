"""The folder of a run, the files written during training, and the end of training by a signal.

    config.toml                     the resolved configuration
    metrics.jsonl                   a line for each epoch: epoch, loss, seconds, learning_rate
    checkpoints/step_N.safetensors  the trainer after N updates; the newest two, so that one is left if the other is torn
    checkpoints/best.safetensors    the checkpoint with the lowest loss in its epoch, of validation or of training
    summary.json                    results; it is there only when the run is finished
    curves.png                      and confusion_matrix.png or predicted_against_true.png, where matplotlib is installed

With several restarts, each has metrics.jsonl and checkpoints in its own folder restart_K; those of the restart that is kept
are moved up when all are finished.

The test rows are for the summary alone.  Training never uses them, and nothing is chosen by them: best.safetensors and the
kept restart are chosen by the loss of the validation rows, or by the training loss if there are none.  best.safetensors is one
of the step files (a hard link), hence never newer than the last of them.  Files are written atomically, except metrics.jsonl,
which grows line by line and is written before the checkpoint of its epoch.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from .. import files
from ..errors import CheckpointError, ConfigurationError
from ..training.callbacks import Callback
from ..training.interrupts import DeferredSignals
from ..training.trainer import Trainer

KEPT = 2  # step files that are kept


class RunDirectory:
    """The folder of a new run.  Raises ConfigurationError if it is not empty, or cannot be made or written.

    Its methods raise CheckpointError if a file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            used = sorted(entry.name for entry in self.path.iterdir())
            if not used:
                self.checkpoints.mkdir()  # if two runs begin at the same time, one of them fails here
        except FileExistsError:
            used = [self.checkpoints.name] if self.path.is_dir() else ["a file of that name"]
        except OSError as error:
            raise ConfigurationError(f"--out {self.path} cannot be written: {error.strerror or error}") from error
        if used:
            what = ", ".join(used[:3]) + (", ..." if len(used) > 3 else "")
            raise ConfigurationError(f"--out {self.path} is in use ({what}); name a new or an empty directory")

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically."""
        try:
            files.write(self.path / name, data)
        except OSError as error:
            raise _unwritten(self.path / name, error) from error

    def write_configuration(self, sections: Mapping[str, object]) -> None:
        """config.toml"""
        import tomli_w

        self.write("config.toml", tomli_w.dumps(sections).encode())

    def write_summary(self, summary: Mapping[str, object]) -> None:
        """summary.json"""
        self.write("summary.json", (json.dumps(summary, indent=2) + "\n").encode())

    def open_metrics(self) -> TextIO:
        """metrics.jsonl, opened for appending and line-buffered."""
        try:
            return (self.path / "metrics.jsonl").open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise _unwritten(self.path / "metrics.jsonl", error) from error

    def save(self, trainer: Trainer) -> Path:
        """Write checkpoints/step_N.safetensors, remove the oldest step files, and return the new path."""
        target = self.checkpoints / f"step_{trainer.updates}.safetensors"
        trainer.save(target)
        for old in self.steps()[:-KEPT]:
            old.unlink(missing_ok=True)
        return target

    def steps(self) -> list[Path]:
        """The step files, oldest first."""
        return step_files(self.checkpoints)

    def for_restart(self, number: int) -> RunDirectory:
        """The folder of a restart."""
        return RunDirectory(self.path / f"restart_{number}")

    def keep(self, restart: RunDirectory) -> None:
        """Move the files of a restart into this folder."""
        try:
            self.checkpoints.rmdir()  # it is empty
            for path in (restart.checkpoints, restart.path / "metrics.jsonl"):
                files.move(path, self.path / path.name)
            restart.path.rmdir()
        except OSError as error:
            raise _unwritten(self.path, error) from error

    def mark_best(self, step: Path) -> None:
        """Make best.safetensors a second name of this step file."""
        best = self.checkpoints / "best.safetensors"
        try:
            with files.replacing(best) as temporary:
                try:
                    os.link(step, temporary)
                except OSError:  # a file system without hard links
                    shutil.copyfile(step, temporary)
        except OSError as error:
            raise _unwritten(best, error) from error


def step_files(folder: Path) -> list[Path]:
    """The step files in a folder of checkpoints, oldest first."""
    found = (path for path in folder.glob("step_*.safetensors") if path.stem.removeprefix("step_").isdecimal())
    return sorted(found, key=lambda path: int(path.stem.removeprefix("step_")))


def newest_trainer(run: Path, device: str) -> Trainer:
    """The trainer from the newest step file that can be read; a warning names those that cannot.

    Raises CheckpointError if there is none.
    """
    steps = step_files(run / "checkpoints")
    if not steps:
        raise CheckpointError(
            f"{run}: no checkpoint is there, expected checkpoints/step_N.safetensors; is it the folder of a run?"
        )
    for newest in reversed(steps):
        try:
            return Trainer.load(newest, device=device)
        except CheckpointError as error:
            if newest is steps[0]:
                raise
            warnings.warn(f"{error}; the one before it is used", stacklevel=2)
    raise AssertionError  # the loop returns or raises


def monitored(logs: Mapping[str, float]) -> float:
    """The loss that checkpoints are compared by."""
    return logs["val_loss"] if "val_loss" in logs else logs["loss"]


class Recording(Callback):
    """Writes metrics.jsonl and the checkpoints of a run; a checkpoint after every `every` epochs."""

    def __init__(self, directory: RunDirectory, every: int = 1) -> None:
        self.directory, self.every = directory, every
        self.best = math.inf
        self._saved: Path | None = None
        self._saved_updates = -1
        self._metrics: TextIO | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._metrics = self.directory.open_metrics()

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        line = {"epoch": trainer.epoch, **logs, "learning_rate": trainer.learning_rate}
        try:
            print(json.dumps(line), file=self._metrics)
        except OSError as error:
            raise self._unwritten_metrics(error) from error
        if trainer.epoch % self.every == 0:
            self.checkpoint(trainer, monitored(logs))

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._metrics is None:
            return
        try:
            self._metrics.close()
        except OSError as error:
            raise self._unwritten_metrics(error) from error

    def checkpoint(self, trainer: Trainer, loss: float = math.inf, *, changed: bool = False) -> Path:
        """Save the trainer, unless this state is saved already; `loss` is that of the epoch just finished.

        `changed`: the weights may differ from those after the last update.
        """
        if changed or self._saved is None or self._saved_updates != trainer.updates:
            self._saved, self._saved_updates = self.directory.save(trainer), trainer.updates
        if loss < self.best:
            self.directory.mark_best(self._saved)
            self.best = loss
        return self._saved

    def _unwritten_metrics(self, error: OSError) -> CheckpointError:
        return _unwritten(self.directory.path / "metrics.jsonl", error)


class Stopped(Exception):
    """Training was stopped by a signal inside an epoch."""


class StopSignals(DeferredSignals, Callback):
    """Inside `with`, SIGINT and SIGTERM end training after the current chunk; a second SIGINT raises KeyboardInterrupt at once.

    At the end of an epoch `fit` returns, inside an epoch it raises Stopped; then `number` is the signal, otherwise 0.
    `epoch` is the number of updates in an epoch, by which the last chunk of an epoch is recognized: that epoch is finished.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__(signal.SIGINT, signal.SIGTERM)
        self.epoch, self._first = epoch, 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._first = trainer.updates

    def on_chunk_end(self, trainer: Trainer) -> None:
        if self.number and (trainer.updates - self._first) % self.epoch:
            raise Stopped

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> bool:
        return self.number != 0


def _unwritten(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be written: {error.strerror or error}")
