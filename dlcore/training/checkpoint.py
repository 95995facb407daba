"""A checkpoint: everything that a file holds of a trainer, as one value, to and from named arrays and JSON facts.

Every fact is checked before it is used, and arrays are compared with the model before memory is taken for it: a file of a few
bytes can describe a model that fills the memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np

from ..backends.backend import PRECISIONS
from ..errors import CheckpointError
from ..layers import Sequential
from ..losses import Loss
from ..optimizers import Optimizer
from ..plan.recipe import Recipe
from . import store
from .descriptions import FAILURES, Description, build_as, describe, is_number, short, without_function
from .listeners import Told
from .position import Position

if TYPE_CHECKING:
    from ..files import JSON
    from ..kernels.cuda.algorithms import Facts as Algorithms
    from ..preprocessing import FittedPreprocessing

DTYPES = ("float32", "float64", "bfloat16", "float16")


class Callbacks(TypedDict):
    """Told, as JSON values: [name of the class, state] of each callback."""

    states: list[list[Any]]
    epoch: int | None
    stops: bool


class Facts(TypedDict):
    """What a file says beside its arrays."""

    model: Description
    loss: Description
    optimizer: Description
    dtype: str
    seed: int
    matmul_precision: str
    learning_rate: float
    position: dict[str, object]
    counters: dict[str, list[float]]
    history: dict[str, list[float]]
    callbacks: Callbacks | None
    preprocessing: Description | None
    algorithms: Algorithms | None
    device: str
    executor: str
    blas: str


@dataclass(frozen=True)
class Checkpoint:
    """A trainer as a value.

    recipe, position, learning_rate, history   what is trained, and how far
    arrays     parameters, untrained state, slots, and sums of an unfinished group, by the names that State.arrays gives
    counters   of the state, by name
    told       the callbacks of the fit that was going on, or None
    run_by     what the bits depend on: device, executor, blas
    """

    recipe: Recipe
    arrays: Mapping[str, np.ndarray]
    counters: Mapping[str, Sequence[float]]
    position: Position
    learning_rate: float
    history: Mapping[str, list[float]]
    run_by: Mapping[str, str]
    matmul_precision: str = "highest"
    told: Told | None = None
    preprocessing: FittedPreprocessing | None = None
    algorithms: Algorithms | None = None  # of a GPU's matrix products

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file, or leave the one of that name as it was and raise CheckpointError."""
        arrays, recipe = dict(self.arrays), self.recipe
        facts = {
            **self.run_by,
            "model": describe(recipe.model),
            "loss": describe(recipe.loss),
            "optimizer": describe(recipe.optimizer),
            "dtype": recipe.dtype,
            "seed": recipe.seed,
            "matmul_precision": self.matmul_precision,
            "learning_rate": self.learning_rate,
            "position": self.position.describe(),
            "counters": self.counters,
            "history": self.history,
            "callbacks": None if self.told is None else _facts_of(self.told, arrays),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.describe(),
            "algorithms": self.algorithms,
        }
        store.write(path, arrays, facts)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """What was written.  Raises CheckpointError for a file that is torn, altered, or whose parts do not fit together."""
        arrays, found = store.read(path)
        facts = _checked(path, found)
        try:
            model, loss = build_as(Sequential, facts["model"]), build_as(Loss, facts["loss"])
            optimizer = build_as(Optimizer, without_function(facts["optimizer"], path))
            recipe = Recipe(model, loss, optimizer, facts["dtype"], facts["seed"])
            told = None if facts["callbacks"] is None else _told_of(facts["callbacks"], arrays)
            _check_arrays(path, arrays, recipe, updates=facts["counters"]["progress"][3] > 0)
            return cls(
                recipe, arrays, facts["counters"], Position.of(facts["position"]), facts["learning_rate"], facts["history"],
                {"device": facts["device"], "executor": facts["executor"], "blas": facts["blas"]}, facts["matmul_precision"], told,
                _built_preprocessing(facts["preprocessing"]), facts["algorithms"],
            )  # fmt: skip
        except FAILURES as error:
            raise CheckpointError(f"{path}: its parts do not fit together: {error!r}") from error


# -- what a file must say ----------------------------------------------------------------------------------------------


def _is_count(value: object, limit: int = 2**62) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit


def _is_description(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _is_history(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(column, list) and all(map(is_number, column)) for column in value.values())
        and len({len(column) for column in value.values()}) <= 1
    )


def _are_counters(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"progress", "scaling"}:
        return False
    progress, scaling = value["progress"], value["scaling"]
    return (
        isinstance(progress, list)
        and len(progress) == 4
        and all(map(_is_count, progress))
        and isinstance(scaling, list)
        and len(scaling) == 3
        and all(is_number(x) and 0 <= x < 2**30 for x in scaling)
        and scaling[0] >= 1
    )


def _is_position(value: object) -> bool:
    try:
        return isinstance(value, dict) and Position.of(value) is not None
    except (TypeError, ValueError):
        return False


def _are_callbacks(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and value.keys() == {"states", "epoch", "stops"}
        and isinstance(value["states"], list)
        and all(isinstance(s, list) and len(s) == 2 and isinstance(s[0], str) and isinstance(s[1], dict) for s in value["states"])
        and (value["epoch"] is None or _is_count(value["epoch"], len(value["states"]) + 1))
        and isinstance(value["stops"], bool)
    )  # fmt: skip


def _are_algorithms(value: object) -> bool:
    from ..kernels.cuda.algorithms import are_facts  # here: few files have them

    return value is None or are_facts(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# what is expected, and whether a value is that
_FACTS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "model": ("a description with a type", _is_description),
    "loss": ("a description with a type", _is_description),
    "optimizer": ("a description with a type", _is_description),
    "dtype": ("'float32', 'float64', 'bfloat16' or 'float16'", lambda v: v in DTYPES),
    "seed": ("an integer from 0 to 2**64 - 1", lambda v: _is_count(v, 2**64)),
    "matmul_precision": (" or ".join(map(repr, PRECISIONS)), lambda v: v in PRECISIONS),
    "learning_rate": ("a positive number", lambda v: is_number(v) and 0 < v < float("inf")),
    "position": ("a place in an epoch", _is_position),
    "counters": ("4 integers from 0 to 2**62 - 1, and 3 numbers >= 0, the first >= 1", _are_counters),
    "history": ("lists of numbers by name, all of one length", _is_history),
    "callbacks": ("the states of callbacks, or null", _are_callbacks),
    "preprocessing": ("a description, or null", lambda v: v is None or isinstance(v, dict)),
    "algorithms": ("algorithms of a GPU, or null", _are_algorithms),
    **dict.fromkeys(("device", "executor", "blas"), ("a text", _is_text)),
}


def _checked(path: str | os.PathLike[str], facts: Mapping[str, JSON]) -> Facts:
    """The facts, each as is expected of it.  Raises CheckpointError where one is not."""
    for name, (expected, holds) in _FACTS.items():
        if name not in facts or not holds(facts[name]):
            came = short.repr(facts[name]) if name in facts else "missing"
            raise CheckpointError(f"{path}: {name} is {came}, expected {expected}; use another checkpoint")
    return cast("Facts", facts)


def _check_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], recipe: Recipe, *, updates: bool
) -> None:
    """Raise CheckpointError unless these are the arrays of a trainer of the recipe, by name, dtype and shape."""
    parameters = recipe.model.parameters()
    trained = {name: p.shape for name, p in parameters.items() if p.trainable}
    expected = {f"theta/{name}": p.shape for name, p in parameters.items()}
    expected |= {f"state/{name}": p.shape for name, p in recipe.model.state().items()}
    for slot in recipe.optimizer.slots:
        own = {f"slot/{slot}/{name}": shape for name, shape in trained.items()}
        if updates or own.keys() & arrays.keys():  # before the first update there may be none
            expected |= own
    if "sums" in arrays:
        expected |= {"sums": (2,)} | {f"sum/{name}": shape for name, shape in trained.items()}
    for name in arrays:
        if name not in expected:
            raise _misfit(path, f"array {short.repr(name)} is not part of the model")
    for name, shape in expected.items():
        if name not in arrays:
            raise _misfit(path, f"array {name!r} is missing, expected {recipe.wide} {shape}")
        came = arrays[name].dtype.name, arrays[name].shape
        if came != (recipe.wide, shape):
            raise _misfit(path, f"array {name!r} is {came[0]} {came[1]}, expected {recipe.wide} {shape}")


def _misfit(path: str | os.PathLike[str], why: str) -> CheckpointError:
    return CheckpointError(f"{path}: its parts do not fit together: {why}; use another checkpoint")


def _built_preprocessing(description: Description | None) -> FittedPreprocessing | None:
    """The FittedPreprocessing that was saved with a trainer, or None.  Raises DataError where the description is not of one."""
    from ..preprocessing.fitted import build as built  # here: few trainers have one

    return None if description is None else built(description)


# -- callbacks: JSON facts, and arrays beside them ---------------------------------------------------------------------


def _facts_of(told: Told, arrays: dict[str, np.ndarray]) -> Callbacks:
    """As JSON values; the NumPy arrays of a state go to `arrays`."""

    def split(value: Any, name: str) -> Any:
        if isinstance(value, np.ndarray):
            arrays[name] = value
            return {"array": name}
        if isinstance(value, Mapping):
            return {key: split(each, f"{name}/{key}") for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [split(each, f"{name}/{i}") for i, each in enumerate(value)]
        return value

    states = [[name, split(state, f"callback/{i}")] for i, (name, state) in enumerate(told.states)]
    return {"states": states, "epoch": told.epoch, "stops": told.stops}


def _told_of(facts: Callbacks, arrays: dict[str, np.ndarray]) -> Told:
    """What `_facts_of` gave; its arrays are taken out of `arrays`.  Raises KeyError where one is missing."""

    def joined(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"array"}:
                return arrays.pop(value["array"])
            return {key: joined(each) for key, each in value.items()}
        return [joined(each) for each in value] if isinstance(value, list) else value

    return Told([(name, joined(state)) for name, state in facts["states"]], facts["epoch"], facts["stops"])
