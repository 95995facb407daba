"""A checkpoint: everything that a file holds of a trainer, as one value, to and from named arrays and JSON facts.

Every fact is checked before it is used, and arrays are compared with the model before memory is taken for it: a file of a few
bytes can describe a model that fills the memory.
"""

from __future__ import annotations

import os
import warnings
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
from .descriptions import (
    FAILURES,
    Custom,
    Description,
    build_as,
    describe,
    foreign,
    is_number,
    short,
    without_functions,
)  # fmt: skip
from .listeners import CallbackState, CallbackStates
from .position import Position

if TYPE_CHECKING:
    from ..files import JSON
    from ..kernels.cuda.algorithms import Facts as Algorithms
    from ..preprocessing import FittedPreprocessing

DTYPES = ("float32", "float64", "bfloat16", "float16")


class Callbacks(TypedDict):
    """CallbackStates, as JSON values: of each callback the fields of a CallbackState."""

    phase: str
    logs: dict[str, float]
    each: list[list[Any]]


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
    feature_names: list[str] | None
    device: str
    executor: str
    blas: str


@dataclass(frozen=True)
class Checkpoint:
    """A trainer as a value.

    recipe, position, learning_rate, history   what is trained, and how far
    arrays     parameters, untrained state, slots, and sums of an unfinished group, by the names that State.arrays gives
    counters   of the state, by name
    callbacks  those of the fit that was going on, or that ended last, or None
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
    callbacks: CallbackStates | None = None
    preprocessing: FittedPreprocessing | None = None
    algorithms: Algorithms | None = None  # chosen for the matrix products of a GPU
    feature_names: tuple[str, ...] | None = None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file, or leave the one of that name as it was and raise CheckpointError.

        A warning names classes of the model, loss or optimizer that are not part of dlcore: `read` needs them.
        """
        arrays, recipe = dict(self.arrays), self.recipe
        parts = {"model": recipe.model, "loss": recipe.loss, "optimizer": recipe.optimizer}
        described = {name: describe(part) for name, part in parts.items()}
        facts = {
            **self.run_by,
            **described,
            "dtype": recipe.dtype,
            "seed": recipe.seed,
            "matmul_precision": self.matmul_precision,
            "learning_rate": self.learning_rate,
            "position": self.position.describe(),
            "counters": self.counters,
            "history": self.history,
            "callbacks": None if self.callbacks is None else _facts_of(self.callbacks, arrays),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.describe(),
            "algorithms": self.algorithms,
            "feature_names": self.feature_names,
        }
        if names := sorted(foreign(list(described.values()))):
            given = ", ".join(f"{name.rpartition('.')[2]!r}: …" for name in names)
            why = f"{path}: {', '.join(names)} is no part of dlcore; Trainer.load will need custom_objects={{{given}}}"
            warnings.warn(why, stacklevel=3)
        store.write(path, arrays, facts)

    @classmethod
    def read(cls, path: str | os.PathLike[str], custom: Custom | None = None) -> Checkpoint:
        """What was written; `custom` has the classes by name that are not part of dlcore.

        Raises CheckpointError for a file that is torn, altered, or whose parts do not fit together.
        """
        arrays, found = store.read(path)
        facts, custom = _checked(path, found), custom or {}
        try:
            model = build_as(Sequential, without_functions(facts["model"], path, custom), custom)
            loss = build_as(Loss, without_functions(facts["loss"], path, custom), custom)
            optimizer = build_as(Optimizer, without_functions(facts["optimizer"], path, custom), custom)
            recipe = Recipe(model, loss, optimizer, facts["dtype"], facts["seed"])
            callbacks = None if facts["callbacks"] is None else _states_of(facts["callbacks"], arrays)
            progress, position = facts["counters"]["progress"], Position.of(facts["position"])
            if position.batch and progress[:2] != [position.order, position.batch]:
                raise _misfit(path, f"its counters say batch {progress[1]}, and its position {position.batch}")
            _check_arrays(path, arrays, recipe, updated=progress[3] > 0)
            run_by = {"device": facts["device"], "executor": facts["executor"], "blas": facts["blas"]}
            return cls(
                recipe, arrays, facts["counters"], position, facts["learning_rate"], facts["history"],
                run_by, facts["matmul_precision"], callbacks,
                _built_preprocessing(facts["preprocessing"]), facts["algorithms"],
                None if facts["feature_names"] is None else tuple(facts["feature_names"]),
            )  # fmt: skip
        except FAILURES as error:
            raise CheckpointError(f"{path}: its parts do not fit together: {error!r}") from error


def file_of(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The file to load: in the folder of a run, the best checkpoint, or where none is called best the newest.

    Raises CheckpointError for a folder without checkpoints.
    """
    if not os.path.isdir(path):
        return path
    from pathlib import Path

    for folder in (Path(path) / "checkpoints", Path(path)):
        if (best := folder / "best.safetensors").is_file():
            return best
        steps = [file for file in folder.glob("step_*.safetensors") if file.stem.removeprefix("step_").isdecimal()]
        if steps:
            return max(steps, key=lambda file: int(file.stem.removeprefix("step_")))
    raise CheckpointError(f"{path}: a folder without checkpoints/*.safetensors; name the folder of a run, or a file")


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
        and value.keys() == {"phase", "logs", "each"}
        and value["phase"] in ("", "chunk", "epoch")
        and isinstance(value["logs"], dict)
        and all(map(is_number, value["logs"].values()))
        and isinstance(value["each"], list)
        and all(map(_is_callback, value["each"]))
    )


def _is_callback(value: object) -> bool:
    kinds = str, dict, bool, bool
    return (
        isinstance(value, list) and len(value) == 4 and all(isinstance(v, k) for v, k in zip(value, kinds, strict=True))
    )


def _are_algorithms(value: object) -> bool:
    from ..kernels.cuda.algorithms import are_facts  # here: few files have them

    return value is None or are_facts(value)


def _are_names(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_text, value)))


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
    "feature_names": ("names of columns, or null", _are_names),
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
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], recipe: Recipe, *, updated: bool
) -> None:
    """Raise CheckpointError unless these are the arrays of a trainer of the recipe, by name, dtype and shape."""
    parameters = recipe.model.parameters()
    trained = {name: p.shape for name, p in parameters.items() if p.trainable}
    expected = {f"theta/{name}": p.shape for name, p in parameters.items()}
    expected |= {f"state/{name}": p.shape for name, p in recipe.model.state().items()}
    for slot in recipe.optimizer.slots:
        own = {f"slot/{slot}/{name}": shape for name, shape in trained.items()}
        if updated or own.keys() & arrays.keys():  # before the first update there may be none
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


def _facts_of(callbacks: CallbackStates, arrays: dict[str, np.ndarray]) -> Callbacks:
    """As JSON values; the NumPy arrays of states go to `arrays`, by running numbers.

    Raises CheckpointError for a state that holds anything else: such a file could not be loaded.
    """

    def packed(value: Any, owner: str) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            number = len(arrays)
            arrays[f"callback/{number}"] = value
            return {"$array": number}
        if isinstance(value, Mapping) and all(isinstance(key, str) and key != "$array" for key in value):
            return {key: packed(each, owner) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [packed(each, owner) for each in value]
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            return value.item()
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise CheckpointError(
            f"{owner}.state() holds a {type(value).__name__}, expected JSON values by text, NumPy arrays of numbers, and lists of them"
        )

    each = []
    for callback in callbacks.each:
        if not isinstance(callback.state, Mapping):
            raise CheckpointError(f"{callback.name}.state() gave {short.repr(callback.state)}, expected a dictionary")
        each.append([callback.name, packed(callback.state, callback.name), callback.informed, callback.stops])
    return {"phase": callbacks.phase, "logs": dict(callbacks.logs), "each": each}


def _states_of(facts: Callbacks, arrays: dict[str, np.ndarray]) -> CallbackStates:
    """What `_facts_of` gave; its arrays are taken out of `arrays`.  Raises KeyError where one is missing."""

    def unpacked(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"$array"}:
                return arrays.pop(f"callback/{value['$array']}")
            return {key: unpacked(each) for key, each in value.items()}
        return [unpacked(each) for each in value] if isinstance(value, list) else value

    each = [CallbackState(name, unpacked(state), informed, stops) for name, state, informed, stops in facts["each"]]
    return CallbackStates(each, facts["phase"], facts["logs"])
