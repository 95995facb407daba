"""What a checkpoint says of a trainer beside its arrays, and what a trainer makes of it that is not what was saved."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backends.backend import Backend
from ..backends.executors import blas_name
from ..kernels.contract import wide
from . import checkpoint, options
from .history import History


def facts_of(trainer: Any) -> dict[str, Any]:
    """As JSON values; checkpoint.py says what each of them must be."""
    device = trainer.backend.device
    return {
        **(trainer._resumed_from or bits_from(trainer)),
        "model": checkpoint.describe(trainer.model),
        "loss": checkpoint.describe(trainer.loss),
        "optimizer": checkpoint.describe(trainer.optimizer),
        "dtype": trainer.dtype,
        "matmul_precision": trainer.matmul_precision,
        "seed": trainer.seed,
        "learning_rate": trainer.learning_rate,
        "epoch": trainer.epoch,
        "next_order": trainer._next_order,
        "progress": trainer.memory.counter("progress").tolist(),
        "scaling": trainer.memory.counter("scaling").tolist(),
        "algorithms": device.algorithms.facts() if device else trainer._algorithms,
        "history": trainer.history.as_dict(),
        "preprocessing": options.described(trainer.preprocessing, trainer.model.input_width),
    }


def restore(trainer: Any, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Give a new trainer what was saved of another one, beside what it was made of."""
    with trainer.backend.context():
        trainer.memory.restore(arrays, trainer.optimizer.slots)
        for name in ("progress", "scaling"):
            if name in facts:  # older files have no scaling
                trainer.memory.set_counter(name, np.array(facts[name]))
    trainer.history = History(facts["history"])
    trainer.learning_rate, trainer.epoch, trainer._next_order = (
        facts[name] for name in ("learning_rate", "epoch", "next_order")
    )
    known = "device", "executor", "blas", "dtype"
    trainer._resumed_from = {name: facts[name] for name in known} if all(name in facts for name in known) else None
    trainer._algorithms = facts.get("algorithms")
    if trainer.backend.device:
        trainer.backend.device.algorithms.hint(trainer._algorithms)
    trainer.preprocessing = checkpoint.built_preprocessing(facts)


def bits_from(trainer: Any) -> dict[str, str]:
    """What the bits of training depend on beside the seed, the dtype and the data."""
    device = trainer.backend.device
    return {
        "device": trainer.backend.name,
        # a network that is frozen throughout has no training step
        "executor": trainer.step.executor.name if trainer.memory.parameters.trainable else "none",
        "blas": device.algorithms.identity if device else blas_name(),
    }


def warn_of_other_bits(trainer: Any) -> None:
    """Once after loading, when the step that goes on is known: where it is not run as the steps before were."""
    before, trainer._resumed_from = trainer._resumed_from, None
    if before is None or not trainer.updates:
        return
    now = bits_from(trainer) | {"dtype": trainer.dtype}
    others = [f"{name} {now[name]!r}, not {before[name]!r}" for name in now if _kind(before[name]) != _kind(now[name])]
    if others:
        warnings.warn(
            f"training is resumed with {', '.join(others)}: its bits may differ from those of a run without the pause",
            stacklevel=3,
        )


def _kind(value: str) -> str:
    """A device without its number."""
    return value.partition(":")[0]


def dtype_for(backend: Backend, dtype: str, path: str | os.PathLike[str]) -> str:
    """The dtype of the file, or that of its parameters where layers cannot compute in it on this device."""
    if dtype in backend.dtypes:
        return dtype
    warnings.warn(f"{path}: {backend.name} does not compute in {dtype}; the trainer has {wide(dtype)}", stacklevel=3)
    return wide(dtype)


def without_function(description: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """The optimizer's description, without a schedule that was a plain function."""
    schedule = description.get("schedule")
    if not isinstance(schedule, dict) or "." not in str(schedule.get("type")):
        return description
    why = f"{path}: the schedule {schedule['type']} is a function and was not stored; the learning rate is constant now"
    warnings.warn(why, stacklevel=3)
    return description | {"schedule": None}
