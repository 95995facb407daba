"""A run that was stopped after any update, saved, loaded and finished is the run that was not stopped, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, cuda_backend
from dlcore.training import descriptions

from ..examples import Factored
from ..kernels.cuda.emulation import COMPILER, MISSING, EmulatedDevice
from .runs import everything

N, COLUMNS, CLASSES, BATCH, EPOCHS = 22, 5, 3, 4, 4  # the last of 6 batches has 2 rows
RANDOM = np.random.default_rng(7)
X, Y = RANDOM.standard_normal((N, COLUMNS)), RANDOM.integers(0, CLASSES, N)
HELD_OUT = RANDOM.standard_normal((9, COLUMNS)), RANDOM.integers(0, CLASSES, 9)

MODEL = dl.Sequential(
    dl.Dense(COLUMNS, 8), dl.BatchNorm(8), dl.ReLU(), dl.Dropout(0.3), dl.Residual(dl.Dense(8, 8), dl.PReLU()),
    dl.Dense(8, CLASSES),
)  # fmt: skip

# parameters in groups, and schedules of all that has one
SCHEDULED = dl.Sequential(
    Factored(COLUMNS, 8, rates=(0.5, 2.0), decays=(2.0, 1.0)), dl.ReLU(), dl.Dropout(0.5, schedule=dl.schedules.WarmUp(15)),
    dl.Residual(dl.Dense(8, 8), dl.Dropout(0.3, schedule=dl.schedules.CosineDecay(20))), dl.Dense(8, CLASSES),
)  # fmt: skip

OPTIMIZERS = {
    "SGD": dl.SGD(0.1),
    "momentum": dl.SGD(0.1, momentum=0.9, nesterov=True),
    "look ahead": dl.MovingAverageSGD(0.1, nesterov=True),
    "clipped Adam with a schedule": dl.Adam(0.01, clip_norm=0.5, schedule=dl.schedules.CosineDecay(20)),
    "RMSProp": dl.RMSProp(0.01, l2=0.01, max_norm=2.0),
    "AdamW with schedules and groups": dl.AdamW(
        0.01, weight_decay=0.2, schedule=dl.schedules.OneCycle(24), decay_schedule=dl.schedules.InverseTimeDecay(5)
    ),
}
MODELS = {"AdamW with schedules and groups": SCHEDULED}
DEVICES = {
    "worker": lambda: Backend.for_device("cpu"),
    "replay": lambda: Backend.for_device("cpu").eager(),
    "emulated GPU": lambda: cuda_backend("emulated", np, EmulatedDevice(), nullcontext),
    "emulated GPU with a window of rows": lambda: cuda_backend("emulated", np, EmulatedDevice(free=2_000), nullcontext),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "in order": {"shuffle": False},
    "accumulated": {"accumulate": 2},
    "weighted": {"sample_weight": np.arange(N) % 3},
}


def callbacks() -> list[dl.Callback]:
    return [
        dl.EarlyStopping("val_loss", patience=2, min_delta=0.05),
        dl.ReduceOnPlateau("loss", 0.5, patience=1, min_delta=0.2),
    ]


class OneStep(dl.Callback):
    """Keeps chunks as short as they can be."""

    def on_chunk_end(self, trainer: dl.Trainer) -> None:
        trainer.pace.steps = 1


class SaveEachChunk(OneStep):
    """Writes a file after every chunk, and one after every epoch, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, []

    def _save(self, trainer: dl.Trainer) -> None:
        self.files.append(self.folder / f"{len(self.files)}.safetensors")
        trainer.save(self.files[-1])

    def on_chunk_end(self, trainer: dl.Trainer) -> None:
        super().on_chunk_end(trainer)
        self._save(trainer)

    def on_epoch_end(self, trainer: dl.Trainer, logs: Mapping[str, float]) -> None:
        self._save(trainer)


def finish(trainer: dl.Trainer, extra: list[dl.Callback], **options: Any) -> list[dl.Callback]:
    """Train up to EPOCHS in all; the callbacks that decided."""
    deciding = callbacks()
    trainer.pace.steps = 1
    trainer.fit(
        X,
        Y,
        epochs=EPOCHS,
        batch_size=BATCH,
        validation=HELD_OUT,
        callbacks=[*extra, *deciding],
        resume=True,
        **options,
    )
    return deciding


def result(trainer: dl.Trainer, deciding: list[dl.Callback], folder: Path) -> dict[str, Any]:
    decisions = [{k: v for k, v in vars(callback).items() if k != "_weights"} for callback in deciding]
    kept = everything(trainer, folder) | {"decisions": decisions, "rate": trainer.learning_rate}
    kept.pop("algorithms")  # found by timing
    return kept


# each optimizer plainly, and each option with the one that has most to remember, on each device
CASES = [(optimizer, "plain") for optimizer in OPTIMIZERS] + [("look ahead", options) for options in OPTIONS]
CASES.append(("AdamW with schedules and groups", "accumulated"))


@pytest.mark.parametrize(("optimizer", "options"), dict.fromkeys(CASES))
@pytest.mark.parametrize("device", DEVICES)
def test_a_resumed_run_is_the_same_run(
    device: str, optimizer: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters, slots, counters, history and what the callbacks decided, from a file written after any of the updates."""
    if "emulated" in device and COMPILER is None:
        pytest.skip(MISSING)
    monkeypatch.setitem(descriptions._CLASSES, "Factored", Factored)  # a layer that files can name
    backend, model = DEVICES[device](), MODELS.get(optimizer, MODEL)
    whole = dl.Trainer(model, dl.SoftmaxCrossEntropy(), OPTIMIZERS[optimizer], device=backend, seed=3)
    saving = SaveEachChunk(tmp_path)
    expected = result(whole, finish(whole, [saving], **OPTIONS[options]), tmp_path)
    assert len(saving.files) > 10
    step = 1 if (device, options) == ("worker", "plain") else 5  # every file, and for the rest one of five
    for file in saving.files[::step]:
        trainer = dl.Trainer.load(file, device=backend)
        found = result(trainer, finish(trainer, [OneStep()], **OPTIONS[options]), tmp_path)
        assert found == expected, file.name


def test_a_file_written_before_another_callback_decided(tmp_path: Path) -> None:
    """It was written at the end of an epoch, before the callbacks after it were told: they are told when the run goes on."""
    told: list[int] = []

    class Listens(dl.Callback):
        def on_epoch_end(self, trainer: dl.Trainer, logs: Mapping[str, float]) -> bool:
            told.append(trainer.epoch)
            return trainer.epoch == 2

    class Saves(dl.Callback):
        def on_epoch_end(self, trainer: dl.Trainer, logs: Mapping[str, float]) -> None:
            trainer.save(tmp_path / f"{trainer.epoch}.safetensors")

    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    trainer.fit(X, Y, epochs=4, callbacks=[Saves(), Listens()])
    assert told == [1, 2]
    resumed = dl.Trainer.load(tmp_path / "2.safetensors")
    resumed.fit(X, Y, epochs=4, callbacks=[Saves(), Listens()], resume=True)
    assert told == [1, 2, 2]
    assert resumed.epoch == 2


_PROGRAM = """
import sys
from pathlib import Path
import dlcore as dl
from tests.training.test_resume import finish, result
file, folder = sys.argv[1:]
trainer = dl.Trainer.load(file)
found = result(trainer, finish(trainer, []), Path(folder))
print(sorted((name, repr(value)) for name, value in found.items()))
"""


def test_a_new_process_finishes_the_run(tmp_path: Path) -> None:
    """From a file written in the middle of an epoch."""
    whole = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), OPTIMIZERS["momentum"], seed=3)
    saving = SaveEachChunk(tmp_path)
    expected = result(whole, finish(whole, [saving]), tmp_path)
    root = Path(dl.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(saving.files[9]), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parents[2]}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(sorted((name, repr(value)) for name, value in expected.items()))


def test_epochs_are_the_total(tmp_path: Path) -> None:
    """With resume; a finished run has nothing to do."""
    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    trainer.fit(X, Y, epochs=2)
    assert trainer.fit(X, Y, epochs=3, resume=True).epochs == 1
    before = everything(trainer, tmp_path)
    assert trainer.fit(X, Y, epochs=3, resume=True).epochs == 0
    assert everything(trainer, tmp_path) == before


def interrupted(tmp_path: Path) -> dl.Trainer:
    whole = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    saving = SaveEachChunk(tmp_path)
    whole.pace.steps = 1
    whole.fit(X, Y, epochs=1, batch_size=BATCH, callbacks=[saving])
    return dl.Trainer.load(saving.files[2])


@pytest.mark.parametrize(
    "options", [{"batch_size": 5}, {"batch_size": BATCH, "shuffle": False}, {"batch_size": BATCH, "accumulate": 2}]
)
def test_an_epoch_goes_on_as_it_was_begun(options: dict[str, Any], tmp_path: Path) -> None:
    """Other batches would be other rows: the error says how it was begun."""
    trainer = interrupted(tmp_path)
    with pytest.raises(dl.ConfigurationError, match="begun with n=22, size=4, shuffle=True, accumulate=1"):
        trainer.fit(X, Y, epochs=1, resume=True, **options)
    with pytest.raises(dl.ConfigurationError, match="n=20"):
        trainer.fit(X[:-2], Y[:-2], epochs=1, batch_size=BATCH, resume=True)


def test_without_resume_the_unfinished_epoch_is_left(tmp_path: Path) -> None:
    """Its order is used up: the next epoch has one of its own."""
    trainer = interrupted(tmp_path)
    assert (trainer.position.order, trainer.position.batch) == (0, 3)
    trainer.fit(X, Y, epochs=1, batch_size=BATCH)
    assert (trainer.epoch, trainer.position.order, trainer.position.batch) == (1, 2, 0)
    assert trainer.updates == 3 + 6


def test_a_callback_that_is_missing_is_named(tmp_path: Path) -> None:
    """What it had decided so far is lost, and other decisions may follow."""

    class Saves(dl.Callback):
        def on_epoch_end(self, trainer: dl.Trainer, logs: Mapping[str, float]) -> None:
            trainer.save(tmp_path / "run.safetensors")

    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    trainer.fit(X, Y, epochs=1, callbacks=[dl.EarlyStopping("loss"), Saves()])
    with pytest.warns(UserWarning, match="without EarlyStopping, whose state was saved"):
        dl.Trainer.load(tmp_path / "run.safetensors").fit(X, Y, epochs=2, resume=True)
