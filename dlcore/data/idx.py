"""IDX files, the format of MNIST: a magic number with type and dimensions, big-endian sizes, then the values."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_LARGEST = 1 << 36  # bytes; a header that claims more is wrong


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzipped, in native byte order.

    Raises DataError, naming the file, for a missing or torn file, a wrong magic number, or sizes that do not match its length.
    """
    target = Path(path)
    try:
        data = target.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(target) as file:
                header = file.read(4)
                expected = _size(header + file.read(4 * header[3] if len(header) == 4 else 0), target)
                file.seek(0)
                data = file.read(expected + 1)  # one byte more than expected shows that the file is too long
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{target}: cannot be read: {error}") from error
    if len(data) != _size(data, target):
        raise DataError(
            f"{target}: the header asks for {_size(data, target)} bytes, the file has {len(data)}; it is torn"
        )
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4).tolist()
    try:
        values = np.frombuffer(data, _TYPES[data[2]], offset=4 + 4 * dimensions).reshape(shape)
    except ValueError as error:  # more dimensions, or larger empty ones, than NumPy has
        raise DataError(f"{target}: {dimensions} dimensions {shape[:4]}...: {error}") from error
    return values.astype(values.dtype.newbyteorder("="))


def _size(data: bytes, target: Path) -> int:
    """Size of the whole file in bytes, according to its header."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or not data[3] or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{target}: not an IDX file (it begins with {data[:4].hex(' ') or 'nothing'})")
    shape: list[int] = np.frombuffer(data, ">u4", data[3], offset=4).tolist()
    size = 4 + 4 * data[3] + math.prod(shape) * np.dtype(_TYPES[data[2]]).itemsize
    if size > _LARGEST:
        raise DataError(f"{target}: the header asks for {size} bytes, more than dlcore reads at once")
    return size
