"""Descriptions and arrays to and from a safetensors file.  Nothing read here can execute code.

The file holds named arrays, and in its metadata one JSON text: format, description of model, loss and optimizer, counters,
history, and the sha256 of every array, so that a flipped bit is found.  It is written beside its place and then renamed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import initializers, layers, losses, optimizers, schedules
from .errors import CheckpointError, DlcoreError
from .sequential import Sequential

FORMAT = 1

_CLASSES: dict[str, type] = {
    name: getattr(module, name)
    for module in (layers, losses, optimizers, schedules, initializers)
    for name in module.__all__
} | {"Sequential": Sequential}


def describe(value: Any) -> Any:
    """A layer, loss, optimizer, schedule or model as JSON values; numbers, text and None as they are."""
    if isinstance(value, (Sequential, layers.Residual)):
        return {"type": type(value).__name__, "layers": [describe(layer) for layer in value.layers]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        if _CLASSES.get(name) is not type(value):
            return {"type": f"{type(value).__module__}.{type(value).__qualname__}"}
        return {"type": name} | {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    return {"type": f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', type(value).__qualname__)}"}


def build(description: Any) -> Any:
    """What `describe` described.  Raises CheckpointError for a class that dlcore does not have."""
    if not isinstance(description, Mapping):
        return description
    fields = dict(description)
    name = fields.pop("type", None)
    if name not in _CLASSES:
        raise CheckpointError(
            f"the file describes a {name!r}, which is not part of dlcore {_version()}; it cannot be built from the file"
        )
    try:
        if "layers" in fields:
            return _CLASSES[name](*(build(layer) for layer in fields["layers"]))
        return _CLASSES[name](**{field: build(value) for field, value in fields.items()})
    except (DlcoreError, TypeError) as error:
        raise CheckpointError(f"the file's description of {name} does not work: {error}") from error


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint; a file of that name is replaced in one move, or stays as it was."""
    from safetensors.numpy import save

    # contiguous: safetensors 0.8 stores the bytes of a transposed array in the wrong order
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digests = {name: _digest(array.tobytes()) for name, array in arrays.items()}
    metadata = {"dlcore": json.dumps({"format": FORMAT, "version": _version(), "sha256": digests, **facts})}
    metadata["sha256"] = _digest(metadata["dlcore"].encode())
    data = save(arrays, metadata)
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        why = error.strerror or error
        raise CheckpointError(f"{target}: {len(data)} bytes could not be written: {why}") from error
    finally:
        with contextlib.suppress(OSError):  # still there only where writing failed or was interrupted
            temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and facts of a checkpoint.  Raises CheckpointError for a file that is missing, torn, altered or not dlcore's."""
    from safetensors import SafetensorError, safe_open

    target = Path(path)
    try:
        with safe_open(str(target), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{target}: cannot be read as a checkpoint: {error}") from error
    text = metadata.get("dlcore")
    if text is None:
        raise CheckpointError(f"{target}: a safetensors file, but not written by dlcore")
    if _digest(text.encode()) != metadata.get("sha256"):
        raise CheckpointError(f"{target}: its description was altered; use another checkpoint")
    facts = json.loads(text)
    if facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{target}: format {facts.get('format')!r}, this is dlcore {_version()}, which reads format {FORMAT}"
        )
    for name, digest in facts["sha256"].items():
        if name not in arrays or _digest(np.ascontiguousarray(arrays[name]).tobytes()) != digest:
            raise CheckpointError(f"{target}: array {name!r} is missing or was altered; use another checkpoint")
    return arrays, facts


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _version() -> str:
    from . import __version__

    return __version__
