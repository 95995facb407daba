"""Models, losses, optimizers and what they consist of, as JSON values and back.  Nothing read here can execute code."""

from __future__ import annotations

import dataclasses
import os
import reprlib
import sys
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, TypeAlias, TypeGuard, TypeVar

import numpy as np

from .. import __version__, layers, losses, optimizers
from ..errors import CheckpointError, DlcoreError
from ..layers import Sequential, initializers
from ..optimizers import schedules

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..files import JSON

Description: TypeAlias = "dict[str, JSON]"
Custom: TypeAlias = Mapping[str, Callable[..., object]]  # classes and functions that are not part of dlcore, by name
T = TypeVar("T")

DEPTH = 16  # of blocks in blocks: models need a few, and a file made on purpose could exhaust the stack

# building an object from a forged description can raise any of these
FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)

_CLASSES: dict[str, type[DataclassInstance]] = {
    name: getattr(module, name)
    for module in (layers, losses, optimizers, schedules, initializers)
    for name in module.__all__
    if name not in ("Layer", "Loss", "Optimizer", "Schedule", "Initializer")  # bases: they do nothing themselves
}

SCHEDULES = frozenset({"schedule", "decay_schedule"})  # fields that hold a function, of an optimizer or a layer

short = reprlib.Repr()
short.maxstring = 200


def is_number(value: object) -> TypeGuard[float]:
    """A number of JSON that fits into a float, or NaN or infinite."""
    return isinstance(value, float) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def describe(value: object, depth: int = 0) -> JSON:
    """A layer, loss, optimizer, schedule or model as JSON values; numbers, text and None as they are.

    Classes and functions that are not part of dlcore are named with their module; `build` needs them as custom objects.
    Raises CheckpointError for layers nested so deep that `build` would refuse them.
    """
    if depth > DEPTH:
        raise CheckpointError(
            f"layers are more than {DEPTH} deep in each other, and a file holds no more; flatten the model"
        )
    if isinstance(value, (Sequential, layers.Residual)):
        return {"type": type(value).__name__, "layers": [describe(layer, depth + 1) for layer in value.layers]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {f.name: describe(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value) if f.init}
        return {"type": _name_of(type(value))} | own
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return [describe(v, depth) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (Integral, Real)):
        return int(value) if isinstance(value, Integral) else float(value)
    return {"type": _name_of(value if hasattr(value, "__qualname__") else type(value))}


def _name_of(kind: object) -> str:
    """The name of a class of dlcore; anything else by its module too."""
    name = getattr(kind, "__name__", "")
    return name if _CLASSES.get(name) is kind else f"{kind.__module__}.{getattr(kind, '__qualname__', name)}"


def foreign(description: JSON) -> set[str]:
    """Names of classes and functions in a description that are not part of dlcore, schedules left out."""
    if isinstance(description, list):
        return {name for each in description for name in foreign(each)}
    if not isinstance(description, dict):
        return set()
    kind = str(description["type"])
    own = {kind} if kind not in _CLASSES else set()
    return own.union(*(foreign(value) for field, value in description.items() if field not in SCHEDULES))


def build_as(kind: type[T], description: JSON, custom: Custom, depth: int = 0) -> T:
    """`build`, for what is to be of this kind.  Raises TypeError where it is not."""
    made = build(description, custom, depth)
    if not isinstance(made, kind):
        raise TypeError(f"the file describes {short.repr(made)}, expected a {kind.__name__}")
    return made


def build(description: JSON, custom: Custom | None = None, depth: int = 0) -> object:
    """What `describe` described.  `custom` has classes and functions that are not part of dlcore, by their names.

    Raises CheckpointError for a class that is neither dlcore's nor in `custom`, and for values that a class refuses.
    """
    custom = custom or {}
    if isinstance(description, list) and all(map(is_number, description)):
        return tuple(description)
    if not isinstance(description, Mapping):
        if description is None or isinstance(description, (bool, str)) or is_number(description):
            return description
        raise CheckpointError(
            f"the file describes a {short.repr(description)}, expected numbers, text or a description"
        )
    if depth > DEPTH:
        raise CheckpointError(f"the file describes parts more than {DEPTH} deep in each other; use another checkpoint")
    fields = dict(description)
    name = fields.pop("type", None)
    kind = _known(name, custom)
    try:
        if not isinstance(kind, type):  # a function
            return kind
        if issubclass(kind, (Sequential, layers.Residual)):
            inside = fields["layers"]
            if not isinstance(inside, list):
                raise TypeError(f"layers={inside!r}, expected a list")
            return kind(*(build_as(layers.Layer, layer, custom, depth + 1) for layer in inside))
        values = {field: build(value, custom, depth + 1) for field, value in fields.items()}
        for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
            if field.type == "bool" and not isinstance(values.get(field.name, False), bool):
                raise TypeError(f"{field.name}={values[field.name]!r}, expected true or false")
        for scheduled in SCHEDULES & values.keys():
            given = values[scheduled]
            if not isinstance(given, (schedules.Schedule, type(None))) and given not in custom.values():
                raise TypeError(f"{scheduled}={given!r}, expected a schedule")
        return kind(**values)
    except CheckpointError:
        raise
    except (DlcoreError, *FAILURES) as error:
        raise CheckpointError(f"the file's description of {name} does not work: {error}") from error


def _known(name: JSON, custom: Custom) -> Callable[..., object]:
    """The class or function of this name: dlcore's, or a custom object, which may be given without its module."""
    if isinstance(name, str):
        for given in (name, name.rpartition(".")[2]):
            if given in custom:
                return custom[given]
        if name in _CLASSES:
            return _CLASSES[name]
    hint = f"; give custom_objects={{{name.rpartition('.')[2]!r}: …}}" if isinstance(name, str) and "." in name else ""
    raise CheckpointError(
        f"the file describes a {short.repr(name)}, which is not part of dlcore {__version__}{hint}; it cannot be built from the file"
    )


def without_functions(description: Description, path: str | os.PathLike[str], custom: Custom) -> Description:
    """A description without schedules that were plain functions and are not in `custom`; a warning tells of each."""
    lost: list[str] = []
    kept = _without_functions(description, custom, lost)
    for what in lost:
        why = f"{path}: the {what} is a function and was not stored; what it multiplied is constant now"
        warnings.warn(why, stacklevel=4)
    return kept


def _without_functions(description: Description, custom: Custom, lost: list[str]) -> Description:
    def part(value: JSON) -> JSON:
        if isinstance(value, list):
            return [part(each) for each in value]
        return _without_functions(value, custom, lost) if isinstance(value, dict) else value

    kept: Description = {}
    for name, value in description.items():
        kind = str(value.get("type")) if name in SCHEDULES and isinstance(value, dict) else ""
        if "." in kind and not {kind, kind.rpartition(".")[2]} & custom.keys():
            lost.append(f"{name} {kind} of {description.get('type')}")
            kept[name] = None
        else:
            kept[name] = part(value)
    return kept
