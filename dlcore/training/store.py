"""Named arrays and JSON facts in one safetensors file, with digests that find damage.  Nothing read here can execute code.

The metadata hold one JSON text: format, version, facts, and the sha256 of every array with its dtype and shape; beside the text
lies its own sha256.  A file that was made on purpose can have digests that fit, so facts are checked again where they are used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .. import __version__
from ..errors import CheckpointError
from .descriptions import short

if TYPE_CHECKING:
    from pathlib import Path

    from ..files import JSON

FORMAT = 2


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> None:
    """Write a checkpoint; a file of that name is replaced in one move, or stays as it was."""
    import json  # json and pathlib, which brings urllib along, are a tenth of the time that `import dlcore` may take
    from pathlib import Path

    from safetensors.numpy import save

    from .. import files

    # contiguous: safetensors 0.8 stores the bytes of a transposed array in the wrong order
    arrays = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    digests = {name: _array_digest(array) for name, array in arrays.items()}
    metadata = {"dlcore": json.dumps({"format": FORMAT, "version": __version__, "sha256": digests, **facts})}
    metadata["sha256"] = _digest(metadata["dlcore"].encode())
    data = save(arrays, metadata)
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            raise OSError("it is no regular file; name a file")
        files.write(target, data)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise CheckpointError(f"{target}: {len(data)} bytes could not be written: {why}") from error


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, JSON]]:
    """Arrays and facts of a checkpoint.  Raises CheckpointError for a file that is missing, torn, altered or not dlcore's."""
    from pathlib import Path

    from safetensors import safe_open

    target = Path(path)
    _check_kind(target)
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
    facts, digests = _checked(target, text)
    if digests.keys() != arrays.keys():
        name = min(digests.keys() ^ arrays.keys())
        why = "has no digest" if name in arrays else "is missing"
        raise CheckpointError(f"{target}: array {short.repr(name)} {why}: the file was altered; use another checkpoint")
    for name, digest in digests.items():
        if _array_digest(arrays[name]) != digest:
            raise CheckpointError(f"{target}: array {short.repr(name)} was altered; use another checkpoint")
    return arrays, facts


def _check_kind(path: Path) -> None:
    """Raise CheckpointError, saying what is there, unless it is a file that may be a checkpoint."""
    from .. import file_kinds

    try:
        kind = file_kinds.kind_of(path)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise CheckpointError(f"{path}: cannot be read as a checkpoint: {why}") from error
    if kind not in (file_kinds.SAFETENSORS, "data of an unknown kind"):
        raise CheckpointError(f"{path}: cannot be read as a checkpoint: it is {kind}")


def _checked(path: Path, text: str) -> tuple[dict[str, JSON], dict[str, str]]:
    """The facts of the metadata, and the digest of each array.  Raises CheckpointError unless they are facts of this format."""
    import json

    try:
        facts = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{path}: its description is not JSON: {error}; use another checkpoint") from error
    if not isinstance(facts, dict):
        raise CheckpointError(
            f"{path}: its description is {short.repr(facts)}, expected facts by name; use another checkpoint"
        )
    if facts.get("format") != FORMAT:
        came = short.repr(facts.get("format"))
        raise CheckpointError(f"{path}: format {came}, this is dlcore {__version__}, which reads format {FORMAT}")
    found = facts.get("sha256")
    digests = (
        {name: digest for name, digest in found.items() if isinstance(digest, str)} if isinstance(found, dict) else {}
    )
    if digests != found:
        came = short.repr(found) if "sha256" in facts else "missing"
        raise CheckpointError(f"{path}: sha256 is {came}, expected a digest for each array; use another checkpoint")
    return facts, digests


def _array_digest(array: np.ndarray) -> str:
    """Digest of bytes, dtype and shape: the same bytes as integers, or in another shape, are another array."""
    return _digest(f"{array.dtype.name} {array.shape} ".encode() + array.tobytes())


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
