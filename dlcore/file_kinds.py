"""What a path leads to, in words, for messages about a file of the wrong kind."""

from __future__ import annotations

import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

_TABLES = {b"PAR1": "a Parquet file", b"ARROW1": "an Arrow file", b"\x93NUMPY": "a NumPy array (NPY)"}
_COMPRESSED = {
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}
_OTHERS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, of Keras or h5py",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"GGUF": "a GGUF model",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x7fELF": "a program",
}
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
PICKLE = "a pickle, of joblib, scikit-learn or old PyTorch"
SAFETENSORS = "a safetensors file"
_MODES = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_of(path: str | os.PathLike[str]) -> str:
    """What there is: "a folder", "a Parquet file", "text, such as CSV"; "data of an unknown kind".

    A pipe or a device is not read.  Raises OSError, such as FileNotFoundError or PermissionError, or ValueError for a name that no
    file can have.
    """
    target = Path(path)
    mode = target.stat().st_mode
    if stat.S_ISDIR(mode):
        return "the folder of a run" if (target / "checkpoints").is_dir() else "a folder"
    for is_one, name in _MODES:
        if is_one(mode):
            return name
    with target.open("rb") as file:
        begin = file.read(512)
    return "an empty file" if not begin else _kind_of_bytes(begin, target)


def _kind_of_bytes(begin: bytes, path: Path) -> str:
    for mark, name in (_TABLES | _COMPRESSED | _OTHERS).items():
        if begin.startswith(mark):
            return name
    if begin.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(path)
    if begin[8:9] == b"{" and int.from_bytes(begin[:8], "little") < 2**32:  # first: the size may begin as a pickle does
        return SAFETENSORS
    if begin.startswith(_PICKLES):
        return PICKLE
    if path.suffix.lower() == ".onnx":
        return "an ONNX model"
    text = _text(begin)
    if text is None:
        return "data of an unknown kind"
    word = text.lstrip("\ufeff \t\r\n")[:1]
    return "JSON" if word == "{" else "HTML or XML" if word == "<" else "text, such as CSV"


def _kind_of_zip(path: Path) -> str:
    names: list[str] = []
    with suppress(OSError, ValueError, zipfile.BadZipFile, NotImplementedError), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file"
    if any(name.endswith(".weights.h5") for name in names):
        return "a Keras model"
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook"
    return "a NumPy archive (NPZ)" if names and all(name.endswith(".npy") for name in names) else "a zip archive"


def _text(begin: bytes) -> str | None:
    """The beginning of a text; None for what is none."""
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return begin.decode("utf-16", "replace")
    return None if b"\x00" in begin else begin.decode("utf-8", "replace")


def can_hold_a_table(kind: str) -> bool:
    """Whether reading rows from a file of this kind is worth a try."""
    models = (PICKLE, SAFETENSORS, "a PyTorch file", "a Keras model", "an ONNX model")
    return "folder" not in kind and kind not in (*_OTHERS.values(), *models)
