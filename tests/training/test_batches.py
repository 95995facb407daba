"""Steps through an epoch: groups of batches, interruptions in the middle of one, and what is asked wrongly."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, cuda_backend, from_namespace
from dlcore.kernels.table import KernelTable
from dlcore.training.batches import BatchSession

from ..kernels.cuda.emulation import COMPILER, MISSING, EmulatedDevice
from .runs import everything, same_bits
from .test_listeners import At, Stop, stop

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.standard_normal((22, 4)), RANDOM.standard_normal((22, 2))
MODEL = dl.Sequential(dl.Dense(4, 6), dl.Tanh(), dl.Dropout(0.2), dl.Dense(6, 2))
LOOKS_AHEAD = dl.MovingAverageSGD(0.1, nesterov=True)


def make(optimizer: dl.Optimizer, **options: Any) -> dl.Trainer:
    trainer = dl.Trainer(MODEL, dl.SquaredError(), optimizer, **{"dtype": "float64", "seed": 2, **options})
    trainer.pace.steps = 1
    return trainer


def fit(trainer: dl.Trainer, *callbacks: dl.Callback, **options: Any) -> None:
    trainer.fit(X, Y, **{"epochs": 2, "batch_size": 4, "accumulate": 3, "callbacks": callbacks, **options})


def test_nothing_sees_parameters_that_look_ahead() -> None:
    """At the end of each chunk, also where many batches make an update, they are where an update has put them."""
    trainer, seen = make(LOOKS_AHEAD), []

    class See(dl.Callback):
        def on_chunk_end(self, trainer: dl.Trainer) -> None:
            trainer.pace.steps = 1
            seen.append((trainer.updates, trainer.get_weights()))

    fit(trainer, See())
    alone = make(LOOKS_AHEAD)
    expected = {}
    fit(alone, At(lambda t: None, chunk=0), epochs=1)
    expected[alone.updates] = alone.get_weights()
    assert [updates for updates, _ in seen] == [1, 2, 3, 4]
    assert same_bits(dict(seen)[2], expected[2])


@pytest.mark.parametrize("first", [dl.SGD(0.1), LOOKS_AHEAD], ids=["SGD", "look ahead"])
@pytest.mark.parametrize("second", [dl.SGD(0.1), LOOKS_AHEAD], ids=["SGD", "look ahead"])
def test_another_optimizer_after_an_interrupted_group(first: dl.Optimizer, second: dl.Optimizer) -> None:
    """It begins an epoch of its own: the group that the other one has begun is not finished by its rule."""
    trainer = make(first)
    with pytest.raises(Stop):
        fit(trainer, At(stop, chunk=1))
    before = trainer.get_weights()
    trainer.optimizer = second
    assert trainer.position.batch == 0
    fit(trainer, epochs=1)
    moved = max(float(np.abs(a - b).max()) for a, b in zip(before, trainer.get_weights(), strict=True))
    assert 0 < moved < 0.5


def test_the_printed_step_is_that_of_the_new_optimizer() -> None:
    trainer = make(dl.SGD(0.1))
    fit(trainer)
    trainer.optimizer = dl.Adam(0.1)
    assert "adam" in str(trainer.step)


class Once(Exception):
    """A host call failed."""


def failing(at: int) -> tuple[Backend, list[int]]:
    """The CPU with a tanh that Python computes, and that fails once, at this call."""
    cpu, reference = Backend.for_device("cpu"), from_namespace(np, "numpy").kernels
    calls: list[int] = []

    def tanh(z: Any, *, out: Any) -> None:
        calls.append(1)
        if len(calls) == at:
            raise Once
        reference["tanh"].run(z, out=out)

    own = {name: reference[name] for name in ("dense_tanh", "dense_tanh_dropout")}
    own["tanh"] = dataclasses.replace(reference["tanh"], run=tanh)
    table = cpu.kernels
    return dataclasses.replace(cpu, kernels=KernelTable({**table, **own}, "cpu", table.executor)), calls


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("optimizer", [dl.Adam(0.1), LOOKS_AHEAD], ids=["Adam", "look ahead"])
@pytest.mark.parametrize("steps", [1, 6])
def test_a_host_call_that_failed_is_made_again(
    steps: int, optimizer: dl.Optimizer, accumulate: int, tmp_path: Path
) -> None:
    """Resumed, the run is that in which it did not fail: parameters, masks, and the loss of the epoch."""
    whole, _ = failing(0)
    backend, calls = failing(5)
    one, two = make(optimizer, device=whole), make(optimizer, device=backend)
    two.pace.steps = steps
    fit(one, accumulate=accumulate)
    with pytest.raises(Once):
        fit(two, accumulate=accumulate)
    assert len(calls) == 5
    fit(two, accumulate=accumulate, resume=True)
    assert everything(two, tmp_path) == everything(one, tmp_path)


def test_accumulated_gradients_of_float16_are_not_scaled_elsewhere(tmp_path: Path) -> None:
    """Saved inside a group in float16 on a GPU, gone on with on a CPU in float32."""
    if COMPILER is None:
        pytest.skip(MISSING)
    gpu = cuda_backend("emulated", np, EmulatedDevice(), nullcontext)
    path = tmp_path / "run.safetensors"
    whole = make(dl.SGD(0.05), dtype="float32")
    fit(whole, epochs=1)
    with pytest.raises(Stop):
        fit(make(dl.SGD(0.05), dtype="float16", device=gpu), At(lambda t: (t.save(path), stop(t)), chunk=2))
    with pytest.warns(UserWarning, match="does not compute in float16"):
        loaded = dl.Trainer.load(path)
    fit(loaded, epochs=1, resume=True)
    for ours, theirs in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-3)  # two batches were computed in 11 bits


def session(**options: Any) -> BatchSession:
    return make(dl.SGD(0.1)).session(X, Y, **options)


def test_steps_that_are_not_there_are_refused() -> None:
    """More batches than are left, or than the schedule has rows for: compiled code would write past its tables."""
    run = session()
    with pytest.raises(dl.ConfigurationError, match="1 batches are left"):
        run.steps(2)
    assert run.steps(1) is None
    with pytest.raises(dl.ConfigurationError, match="0 batches are left"):
        run.steps(1)
    run.seek(dataclasses.replace(run.position, batch=0, batching=None))
    with pytest.raises(dl.ConfigurationError, match="the schedule was set for 0 updates"):
        run.steps(1)


def test_no_epochs_change_nothing(tmp_path: Path) -> None:
    trainer = make(dl.SGD(0.1))
    with pytest.raises(Stop):
        fit(trainer, At(stop, chunk=2))
    before = everything(trainer, tmp_path)
    trainer.fit(X, Y, epochs=0)
    assert everything(trainer, tmp_path) == before
