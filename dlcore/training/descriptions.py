"""Models, losses, optimizers and what they consist of, as JSON values and back.  Nothing read here can execute code."""

from __future__ import annotations

import dataclasses
import os
import reprlib
import sys
import warnings
from collections.abc import Mapping
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
T = TypeVar("T")

DEPTH = 16  # of blocks in blocks: the time to find a block's widths doubles with each level

# what a description that nobody wrote by saving can make Python raise, where it is built
FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)

_CLASSES: dict[str, type[DataclassInstance]] = {
    name: getattr(module, name)
    for module in (layers, losses, optimizers, schedules, initializers)
    for name in module.__all__
    if name not in ("Layer", "Loss", "Optimizer", "Schedule", "Initializer")  # bases: they do nothing themselves
}

short = reprlib.Repr()
short.maxstring = 200


def is_number(value: object) -> TypeGuard[float]:
    """A number of JSON that fits into a float, or NaN or infinite."""
    return isinstance(value, float) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def describe(value: object) -> JSON:
    """A layer, loss, optimizer, schedule or model as JSON values; numbers, text and None as they are."""
    if isinstance(value, (Sequential, layers.Residual)):
        return {"type": type(value).__name__, "layers": [describe(layer) for layer in value.layers]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        if _CLASSES.get(name) is not type(value):
            return {"type": f"{type(value).__module__}.{type(value).__qualname__}"}
        return {"type": name} | {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return [describe(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (Integral, Real)):
        return int(value) if isinstance(value, Integral) else float(value)
    return {"type": f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', type(value).__qualname__)}"}


def build_as(kind: type[T], description: JSON, depth: int = 0) -> T:
    """`build`, for what is to be of this kind.  Raises TypeError where it is not."""
    made = build(description, depth)
    if not isinstance(made, kind):
        raise TypeError(f"the file describes {short.repr(made)}, expected a {kind.__name__}")
    return made


def build(description: JSON, depth: int = 0) -> object:
    """What `describe` described.  Raises CheckpointError for a class that dlcore does not have, and for values it refuses."""
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
    if not isinstance(name, str) or name not in _CLASSES:
        raise CheckpointError(
            f"the file describes a {short.repr(name)}, which is not part of dlcore {__version__}; it cannot be built from the file"
        )
    kind = _CLASSES[name]
    try:
        if issubclass(kind, (Sequential, layers.Residual)):
            inside = fields["layers"]
            if not isinstance(inside, list):
                raise TypeError(f"layers={inside!r}, expected a list")
            return kind(*(build_as(layers.Layer, layer, depth + 1) for layer in inside))
        values = {field: build(value, depth + 1) for field, value in fields.items()}
        for field in dataclasses.fields(kind):
            if field.type == "bool" and not isinstance(values.get(field.name, False), bool):
                raise TypeError(f"{field.name}={values[field.name]!r}, expected true or false")
        if not isinstance(values.get("schedule"), (schedules.Schedule, type(None))):
            raise TypeError(f"schedule={values['schedule']!r}, expected a schedule")
        return kind(**values)
    except CheckpointError:
        raise
    except (DlcoreError, *FAILURES) as error:
        raise CheckpointError(f"the file's description of {name} does not work: {error}") from error


def without_function(description: Description, path: str | os.PathLike[str]) -> Description:
    """The optimizer's description, without a schedule that was a plain function; a warning says so."""
    schedule = description.get("schedule")
    if not isinstance(schedule, dict) or "." not in str(schedule.get("type")):
        return description
    why = f"{path}: the schedule {schedule['type']} is a function and was not stored; the learning rate is constant now"
    warnings.warn(why, stacklevel=4)
    return description | {"schedule": None}
