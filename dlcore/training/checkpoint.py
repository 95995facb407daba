"""Descriptions and arrays to and from a safetensors file.  Nothing read here can execute code.

The file holds named arrays, and in its metadata one JSON text: format, description of model, loss and optimizer, counters,
history, and the sha256 of every array with its dtype and shape; beside the text lies its own sha256.  So damage is found;
whoever makes a file on purpose can make the digests too, and so every fact is checked before it is used, and arrays are
compared with the model before memory is taken for it.  The file is written beside its place and then renamed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import reprlib
import sys
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import layers, losses, optimizers
from ..backends.backend import PRECISIONS
from ..errors import CheckpointError, DlcoreError
from ..kernels.contract import wide
from ..layers import initializers
from ..layers.sequential import Sequential
from ..optimizers import schedules

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
DEPTH = 16  # of blocks in blocks: the time to find a block's widths doubles with each level

# what a description that nobody wrote by saving can make Python raise, where it is built
FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)

DTYPES = ("float32", "float64", "bfloat16", "float16")

_CLASSES: dict[str, type] = {
    name: getattr(module, name)
    for module in (layers, losses, optimizers, schedules, initializers)
    for name in module.__all__
    if name not in ("Layer", "Loss", "Optimizer", "Schedule", "Initializer")  # bases: they do nothing themselves
} | {"Sequential": Sequential}

_short = reprlib.Repr()
_short.maxstring = 200


def _is_number(value: Any) -> bool:
    """A number of JSON that fits into a float, or NaN or infinite."""
    return isinstance(value, float) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def _is_count(value: Any, limit: int = 2**62) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit


def _is_description(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _is_history(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(column, list) and all(map(_is_number, column)) for column in value.values())
        and len({len(column) for column in value.values()}) <= 1
    )


def _are_algorithms(value: Any) -> bool:
    from ..kernels.cuda.algorithms import are_facts  # here: few files have them

    return are_facts(value)


# what a trainer writes: what is expected, and whether a value is that
_FACTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "sha256": (
        "a digest for each array",
        lambda v: isinstance(v, dict) and all(isinstance(d, str) for d in v.values()),
    ),
    "model": ("a description with a type", _is_description),
    "loss": ("a description with a type", _is_description),
    "optimizer": ("a description with a type", _is_description),
    "dtype": ("'float32', 'float64', 'bfloat16' or 'float16'", lambda v: v in DTYPES),
    "seed": ("an integer from 0 to 2**64 - 1", lambda v: _is_count(v, 2**64)),
    "learning_rate": ("a positive number", lambda v: _is_number(v) and 0 < v < float("inf")),
    "epoch": ("an integer from 0 to 2**62 - 1", _is_count),
    "next_order": ("an integer from 0 to 2**62 - 1", _is_count),
    "progress": (
        "4 integers from 0 to 2**62 - 1",
        lambda v: isinstance(v, list) and len(v) == 4 and all(map(_is_count, v)),
    ),
    "history": ("lists of numbers by name, all of one length", _is_history),
}

# what older files do not have
_LATER_FACTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "scaling": (
        "3 numbers >= 0, the first >= 1",
        lambda v: (
            isinstance(v, list) and len(v) == 3 and all(_is_number(x) and 0 <= x < 2**30 for x in v) and v[0] >= 1
        ),
    ),
    "algorithms": ("algorithms of a GPU, or null", lambda v: v is None or _are_algorithms(v)),
    **{name: ("a text", lambda v: isinstance(v, str)) for name in ("device", "executor", "blas")},
    "matmul_precision": (" or ".join(map(repr, PRECISIONS)), lambda v: v in PRECISIONS),
}


def describe(value: Any) -> Any:
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


def build(description: Any, depth: int = 0) -> Any:
    """What `describe` described.  Raises CheckpointError for a class that dlcore does not have, and for values it refuses."""
    if isinstance(description, list) and all(map(_is_number, description)):
        return tuple(description)
    if not isinstance(description, Mapping):
        if description is None or isinstance(description, (bool, str)) or _is_number(description):
            return description
        raise CheckpointError(
            f"the file describes a {_short.repr(description)}, expected numbers, text or a description"
        )
    if depth > DEPTH:
        raise CheckpointError(f"the file describes parts more than {DEPTH} deep in each other; use another checkpoint")
    fields = dict(description)
    name = fields.pop("type", None)
    if not isinstance(name, str) or name not in _CLASSES:
        raise CheckpointError(
            f"the file describes a {_short.repr(name)}, which is not part of dlcore {_version()}; it cannot be built from the file"
        )
    kind: Any = _CLASSES[name]
    try:
        if issubclass(kind, (Sequential, layers.Residual)):
            return kind(*(build(layer, depth + 1) for layer in fields["layers"]))
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


def built_preprocessing(facts: Mapping[str, Any]) -> Any:
    """The FittedPreprocessing that was saved with a trainer, or None.  Raises DataError where the description is not of one."""
    from ..preprocessing.fitted import build as built  # here: few trainers have one

    description = facts.get("preprocessing")  # older files do not have it
    return None if description is None else built(description)


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint; a file of that name is replaced in one move, or stays as it was."""
    import json  # json and pathlib, which brings urllib along, are a tenth of the time that `import dlcore` may take
    from pathlib import Path

    from safetensors.numpy import save

    # contiguous: safetensors 0.8 stores the bytes of a transposed array in the wrong order
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digests = {name: _array_digest(array) for name, array in arrays.items()}
    metadata = {"dlcore": json.dumps({"format": FORMAT, "version": _version(), "sha256": digests, **facts})}
    metadata["sha256"] = _digest(metadata["dlcore"].encode())
    data = save(arrays, metadata)
    target = Path(path)
    temporary = target.parent / f".{target.name}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise CheckpointError(f"{target}: {len(data)} bytes could not be written: {why}") from error
    finally:
        with contextlib.suppress(OSError, ValueError):  # still there only where writing failed or was interrupted
            temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and facts of a checkpoint.  Raises CheckpointError for a file that is missing, torn, altered or not dlcore's."""
    from pathlib import Path

    from safetensors import safe_open

    target = Path(path)
    try:
        with safe_open(str(target), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except Exception as error:  # of safetensors, and whatever NumPy raises for dtypes and shapes that it does not have
        raise CheckpointError(f"{target}: cannot be read as a checkpoint: {error}") from error
    text = metadata.get("dlcore")
    if text is None:
        raise CheckpointError(f"{target}: a safetensors file, but not written by dlcore")
    if _digest(text.encode()) != metadata.get("sha256"):
        raise CheckpointError(f"{target}: its description was altered; use another checkpoint")
    facts = _checked_facts(target, text)
    if facts["sha256"].keys() != arrays.keys():
        name = min(facts["sha256"].keys() ^ arrays.keys())
        why = "has no digest" if name in arrays else "is missing"
        raise CheckpointError(
            f"{target}: array {_short.repr(name)} {why}: the file was altered; use another checkpoint"
        )
    for name, digest in facts["sha256"].items():
        if _array_digest(arrays[name]) != digest:
            raise CheckpointError(f"{target}: array {_short.repr(name)} was altered; use another checkpoint")
    return arrays, facts


def check_arrays(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    model: Sequential,
    slots: tuple[str, ...],
) -> None:
    """Raise CheckpointError unless these are the arrays of a trainer of the model, by name, dtype and shape.

    Allocates nothing: a file of a few bytes can describe a model that fills the memory.
    """
    parameters, dtype = model.parameters(), wide(facts["dtype"])
    expected = {f"parameter {name}": p.shape for name, p in parameters.items()}
    expected |= {f"state {name}": p.shape for name, p in model.state().items()}
    for name in arrays:
        if name.startswith(("parameter ", "state ")) and name not in expected:
            raise _misfit(path, f"array {_short.repr(name)} is not part of the model")
    for slot in slots:
        own = {f"slot {slot} {name}": p.shape for name, p in parameters.items() if p.trainable}
        if facts["progress"][3] > 0 or own.keys() & arrays.keys():  # before the first update there may be none
            expected |= own
    for name, shape in expected.items():
        if name not in arrays:
            raise _misfit(path, f"array {name!r} is missing, expected {dtype} {shape}")
        came = arrays[name].dtype.name, arrays[name].shape
        if came != (dtype, shape):
            raise _misfit(path, f"array {name!r} is {came[0]} {came[1]}, expected {dtype} {shape}")


def _misfit(path: str | os.PathLike[str], why: str) -> CheckpointError:
    return CheckpointError(f"{path}: its parts do not fit together: {why}; use another checkpoint")


def _checked_facts(path: Path, text: str) -> dict[str, Any]:
    """The facts of the metadata.  Raises CheckpointError unless each is there and of its kind."""
    import json

    try:
        facts = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{path}: its description is not JSON: {error}; use another checkpoint") from error
    if not isinstance(facts, dict):
        raise CheckpointError(
            f"{path}: its description is {_short.repr(facts)}, expected facts by name; use another checkpoint"
        )
    if facts.get("format") != FORMAT:
        came = _short.repr(facts.get("format"))
        raise CheckpointError(f"{path}: format {came}, this is dlcore {_version()}, which reads format {FORMAT}")
    present = {name: fact for name, fact in _LATER_FACTS.items() if name in facts}
    for name, (expected, holds) in (_FACTS | present).items():
        if name not in facts or not holds(facts[name]):
            came = _short.repr(facts[name]) if name in facts else "missing"
            raise CheckpointError(f"{path}: {name} is {came}, expected {expected}; use another checkpoint")
    return facts


def _array_digest(array: np.ndarray) -> str:
    """Of the bytes and of what they are: the same bytes as integers, or in another shape, are another array."""
    return _digest(f"{array.dtype.name} {array.shape} ".encode() + array.tobytes())


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _version() -> str:
    from .. import __version__

    return __version__
