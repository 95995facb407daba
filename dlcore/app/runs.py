"""The folder of a run, the files written during training, and the end of training by a signal.

    config.toml                     the resolved configuration
    data.json                       numbers of rows for training, validation and test, and digests of the files they are from
    metrics.jsonl                   a line for each epoch: epoch, loss, seconds, learning_rate
    checkpoints/step_N.safetensors  the trainer after N updates; the newest two, so that one is left if the other is torn
    checkpoints/best.safetensors    the checkpoint with the lowest loss in its epoch, of validation or of training
    test_predictions.csv            of each test row its position in the file, its target and what the network makes of it
    curves.png                      and confusion_matrix.png or predicted_against_true.png, where matplotlib is installed
    summary.json                    results; it is there only when the run is finished

With several restarts, each has metrics.jsonl and checkpoints in its own folder restart_K; those of the restart that is kept
are moved up when all are finished.

The test rows are for the summary alone.  Training never uses them, and nothing is chosen by them: best.safetensors and the
kept restart are chosen by the loss of the validation rows, or by the training loss if there are none.  best.safetensors is one
of the step files (a hard link), hence never newer than the last of them.  Files are written atomically, except metrics.jsonl,
which grows line by line and is written before the checkpoint of its epoch.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TextIO

from .. import files
from ..errors import CheckpointError, ConfigurationError, DivergenceError
from ..interrupts import DeferredSignals
from ..training.callbacks import Callback
from ..training.trainer import Trainer
from .folder_lock import NAME as LOCK
from .folder_lock import FolderLock, HeldError
from .texts import dumps, utf8

KEPT = 2  # step files that are kept
RESTART = "restart_"
STARTED = (
    "config.toml",
    "data.json",
    "metrics.jsonl",
    "checkpoints",
)  # what a run writes before its first epoch is over


class RunDirectory:
    """The folder of a new run.  Raises ConfigurationError if it is not empty, or cannot be made or written.

    Until `close`, which the end of a `with` calls, no other run can have it.  A folder in which a run has failed before its first
    epoch counts as empty.  Its methods raise CheckpointError if a file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, lock: bool = True) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self._lock: FolderLock | None = None
        self._made = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if lock:
                self._take()
            self.checkpoints.mkdir()
        except FileExistsError:
            self._release()
            raise self._in_use([self.checkpoints.name] if self.path.is_dir() else ["a file of that name"]) from None
        except OSError as error:
            self._release()
            raise ConfigurationError(f"--out {self.path} cannot be written: {error.strerror or error}") from error

    def _take(self) -> None:
        """Lock the folder, and remove what is left of a failed start.  Raises ConfigurationError where it is in use."""
        if used := [name for name in _names(self.path) if not _is_of_a_start(name)]:
            raise self._in_use(used)  # before anything is written into a folder that is not a run's
        try:
            self._lock = FolderLock(self.path)
        except HeldError as error:
            raise ConfigurationError(
                f"--out {self.path} is in use by another run ({error}); name a new or an empty directory"
            ) from None
        if self._lock.abandoned:
            _remove_unfinished_files(self.path)
            if not _has_begun(self.path):
                _remove_start(self.path)
        if used := [name for name in _names(self.path) if name != LOCK]:
            self._release()
            raise self._in_use(used)

    def _in_use(self, names: list[str]) -> ConfigurationError:
        what = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        return ConfigurationError(f"--out {self.path} is in use ({what}); name a new or an empty directory")

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other runs have the folder.  If nothing was trained, it is left as it was found."""
        if not _has_begun(self.path):
            with contextlib.suppress(OSError):
                _remove_start(self.path)
        self._release()
        if self._made:
            with contextlib.suppress(OSError):  # it is not empty
                self.path.rmdir()

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically."""
        try:
            files.write(self.path / name, data)
        except OSError as error:
            raise _unwritten(self.path / name, error) from error

    def write_configuration(self, sections: Mapping[str, object]) -> None:
        """config.toml"""
        import tomli_w

        self.write("config.toml", utf8(tomli_w.dumps(sections), "config.toml"))

    def write_json(self, name: str, value: Mapping[str, object]) -> None:
        """data.json and summary.json"""
        self.write(name, (dumps(value, indent=2) + "\n").encode("utf-8", "surrogateescape"))

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
        return RunDirectory(self.path / f"{RESTART}{number}", lock=False)  # that of the run is enough

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


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _is_of_a_start(name: str) -> bool:
    """Whether a run writes a file or a folder of this name."""
    return name in (*STARTED, LOCK) or name.startswith((RESTART, files.UNFINISHED))


def _has_begun(folder: Path) -> bool:
    """Whether a run has left a checkpoint or figures of an epoch in its folder."""
    if any((folder / "checkpoints").glob("*.safetensors")) or any(folder.glob(f"{RESTART}*/checkpoints/*.safetensors")):
        return True
    return any(
        file.stat().st_size for file in (*folder.glob("metrics.jsonl"), *folder.glob(f"{RESTART}*/metrics.jsonl"))
    )


def _remove_start(folder: Path) -> None:
    """Remove what a run writes before its first epoch, of one that left its lock there."""
    for name in _names(folder):
        if name != LOCK and _is_of_a_start(name):
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _remove_unfinished_files(folder: Path) -> None:
    for inside in (folder, folder / "checkpoints", *folder.glob(f"{RESTART}*/checkpoints")):
        files.remove_abandoned(inside, 0)


def newest_trainer(run: Path, device: str) -> Trainer:
    """The trainer from the newest step file that can be read, or else from best.safetensors; a warning names those that cannot.

    Raises CheckpointError if there is none.
    """
    best = run / "checkpoints" / "best.safetensors"
    found = [*reversed(step_files(run / "checkpoints")), *([best] if best.exists() else [])]
    if not found:
        raise CheckpointError(
            f"{run}: no checkpoint is there, expected checkpoints/step_N.safetensors; is it the folder of a run?"
        )
    for newest in found:
        try:
            return Trainer.load(newest, device=device)
        except CheckpointError as error:
            if newest is found[-1]:
                raise
            following = found[found.index(newest) + 1]
            warnings.warn(f"{error}; {following.name} is used", stacklevel=2)
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
            print(dumps(line), file=self._metrics)
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

    def last_good(self, trainer: Trainer, *, changed: bool) -> str:
        """After training diverged: where the last finite state is, which is saved if the trainer still has it."""
        try:
            self.checkpoint(trainer, changed=changed)
        except DivergenceError:
            if self._saved is None:
                return "no state with finite parameters was saved"
        return f"the last good state is in {self._saved}"

    def _unwritten_metrics(self, error: OSError) -> CheckpointError:
        return _unwritten(self.directory.path / "metrics.jsonl", error)


class Stopped(Exception):
    """Training was stopped by a signal inside an epoch."""


class StopSignals(DeferredSignals, Callback):
    """Inside `with`, SIGINT and SIGTERM end training after the current chunk; a second SIGINT raises KeyboardInterrupt at once.

    At the end of an epoch `fit` returns, inside an epoch it raises Stopped; then `number` is the signal, otherwise 0.
    """

    def __init__(self) -> None:
        super().__init__(signal.SIGINT, signal.SIGTERM)

    def on_chunk_end(self, trainer: Trainer) -> None:
        position = trainer.position
        if self.number and position.batching and position.batch < position.batching.batches:
            raise Stopped

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> bool:
        return self.number != 0


def _unwritten(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be written: {error.strerror or error}")
