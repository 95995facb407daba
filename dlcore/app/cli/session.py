"""The training of a run: one network, or several from different initial weights, of which the best is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ...data.dataset import DataSet
from ...errors import DivergenceError
from ...interrupts import DeferredInterrupt
from ...training.callbacks import Callback, EarlyStopping
from ...training.figures import shown
from ...training.trainer import Trainer
from ..assembly import make_trainer
from ..configuration import Configuration
from ..runs import Recording, RunDirectory, Stopped, StopSignals, monitored
from .messages import say


class Interrupted(Exception):
    """A signal ended the run; the message says where its state was saved."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True)
class Session:
    """Configuration and data of a training, and the folder for its records, if any: a checkpoint every `every` epochs.

    weights   of the training rows, or None
    """

    configuration: Configuration
    data: DataSet
    validation: tuple[np.ndarray, np.ndarray] | None
    weights: np.ndarray | None
    directory: RunDirectory | None
    every: int
    progress: bool

    def train(self, first: Trainer) -> tuple[Trainer, dict[str, object]]:
        """The trained network, and for several restarts their entry in the summary; `first` is the trainer of the first one.

        Restart k uses the seed of the run plus k - 1.  Raises Interrupted, and DivergenceError if all restarts diverged.
        """
        restarts = self.configuration.restarts
        if restarts == 1:
            return self._fit(first, self.directory), {}
        training = self.data.X, self.data.y, self.weights
        rows, kind = (self.validation, "validation") if self.validation else (training, "training")
        losses: list[float | None] = []
        best: tuple[float, int, Trainer, RunDirectory | None] | None = None
        for k in range(1, restarts + 1):
            run = replace(self.configuration, seed=self.configuration.seed + k - 1)
            directory = self.directory.for_restart(k) if self.directory else None
            try:
                trainer = first if k == 1 else make_trainer(run, self.data)
                self._fit(trainer, directory, f"restart {k} of {restarts} ")
            except DivergenceError as error:
                if k == restarts and best is None:
                    raise
                say(f"restart {k} of {restarts}: {error}")
                losses.append(None)
                continue
            loss = trainer.evaluate(*rows)["loss"]
            losses.append(loss if math.isfinite(loss) else None)
            say(f"restart {k} of {restarts}, seed {run.seed}: {kind} loss {shown('loss', loss)}")
            if best is None or loss < best[0] or math.isnan(best[0]):
                best = loss, k, trainer, directory
        assert best is not None  # otherwise the last restart has raised
        _, kept, trainer, directory = best
        say(f"restart {kept} is kept: it has the lowest {kind} loss")
        if self.directory and directory:
            self.directory.keep(directory)
        return trainer, {"restarts": restarts, "kept": kept, "kept_by": f"{kind} loss", "losses": losses}

    def _fit(self, trainer: Trainer, directory: RunDirectory | None, which: str = "") -> Trainer:
        """Train to the end.  The last state is saved, however training ends.

        Raises Interrupted or DivergenceError, which name the checkpoint of the last good state.
        """
        run, X = self.configuration, self.data.X
        recording = Recording(directory, self.every) if directory else None
        stopping = EarlyStopping("val_loss" if self.validation else "loss", run.patience) if run.patience else None
        loss = math.inf  # replaced by that of the last epoch, if training ended with a whole one
        with StopSignals() as signals:
            callbacks: list[Callback] = [each for each in (recording, signals, stopping) if each]
            try:
                trainer.fit(
                    X, self.data.y, epochs=run.epochs, batch_size=run.batch_size, validation=self.validation,
                    sample_weight=self.weights, callbacks=callbacks, progress=self.progress,
                )  # fmt: skip
                loss = monitored({name: values[-1] for name, values in trainer.history.items()})
            except (Stopped, DeferredInterrupt):
                pass
            except DivergenceError as error:
                if recording is None:
                    raise
                kept = recording.last_good(trainer, changed=stopping is not None)
                raise DivergenceError(f"{error}; {kept}") from error
            if stopping and stopping.best_epoch >= 0:
                loss = stopping.best  # EarlyStopping has restored these weights
            saved = None
            if recording and (trainer.updates or not signals.number):
                saved = recording.checkpoint(trainer, loss, changed=stopping is not None)
        if signals.number:
            nothing = "nothing is kept without --out" if trainer.updates else "nothing was trained"
            where = f"the state is in {saved}" if saved else nothing
            raise Interrupted(
                signals.number, f"{which}interrupted after {trainer.epoch} of {run.epochs} epochs; {where}"
            )
        if stopping and stopping.best_epoch < trainer.epoch:
            say(f"{which}stopped after epoch {trainer.epoch}; the weights of epoch {stopping.best_epoch} are back")
        return trainer
