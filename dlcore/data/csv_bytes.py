"""The bytes of a text file: read from a file or a pipe, unpacked, within bounds, and the encoding they are in."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..errors import DataError

LONGEST_LINE = 1 << 26  # bytes; a line is in memory several times while it is read
_STEP = 1 << 22

_PACKED: dict[bytes, Callable[[IO[bytes]], IO[bytes] | gzip.GzipFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_REFUSED = {  # first bytes of files that are no text
    b"\x28\xb5\x2f\xfd": "is packed by zstd, which is not read; unpack it with zstd -d",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet of an old format; save it as CSV",
    b"\x89HDF": "is an HDF5 file; save its table as CSV or Parquet",
    b"SQLite format 3": "is a database; save a table of it as CSV or Parquet",
    b"%PDF": "is a PDF document, not a table",
}
_BOMS = {  # the longer ones first: UTF-32's begins like UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def unpacked(target: Path, data: bytes | None, largest: int) -> bytes:
    """The bytes of the file, or `data`, unpacked from gz, bz2, xz, or a zip archive of one file.

    Raises DataError if they cannot be read, are more than `largest` or in one line of more than 64 MB, or are no text.
    """
    try:
        if data is None:
            with target.open("rb") as file:
                data = bounded(target, file, largest)
        for mark, why in _REFUSED.items():
            if data.startswith(mark):
                raise DataError(f"{target}: {why}")
        opened = next((make for mark, make in _PACKED.items() if data.startswith(mark)), None)
        if opened:
            with opened(io.BytesIO(data)) as inside:
                data = bounded(target, inside, largest)
        elif data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(_member(target, archive)) as inside:
                data = bounded(target, inside, largest)
        else:
            _check(target, data, largest)
    except DataError:
        raise
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
        ValueError,
    ) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise DataError(f"{target}: cannot be read: {why}") from error
    return data


def _member(target: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise DataError(f"{target}: is a spreadsheet or document; save it as CSV")
    if len(names) != 1:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise DataError(f"{target}: is an archive of {len(names)} files ({shown}); unpack it, and give one of them")
    return names[0]


def bounded(target: Path, file: IO[bytes] | gzip.GzipFile, largest: int) -> bytes:
    """The rest of an open file.  Raises DataError once it is more than `largest` bytes, or one line of more than 64 MB."""
    blocks, size, line = [], 0, 0
    while block := file.read(_STEP):
        size += len(block)
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        line = line + len(block) if end < 0 else len(block) - end
        blocks.append(block)
        _check_bounds(target, size, line, largest)
    return b"".join(blocks)


def _check(target: Path, data: bytes, largest: int) -> None:
    at = 0
    while len(data) - at > LONGEST_LINE:
        end = max(data.rfind(b"\n", at, at + LONGEST_LINE), data.rfind(b"\r", at, at + LONGEST_LINE))
        if end < 0:
            break
        at = end + 1
    _check_bounds(target, len(data), len(data) - at, largest)


def _check_bounds(target: Path, size: int, line: int, largest: int) -> None:
    if size > largest:
        raise too_large(target, largest)
    if line > LONGEST_LINE:
        raise DataError(
            f"{target}: a line of more than {LONGEST_LINE:,} bytes; this is no table of text, save it as Parquet or NPY"
        )


def too_large(target: Path, largest: int, what: str = "text") -> DataError:
    """The error for a file that takes more bytes than are read."""
    hint = ", or save it as Parquet" if what == "text" else ""
    return DataError(
        f"{target}: more than {largest:,} bytes of {what}; give a larger Dialect(max_bytes=...) if it is a table{hint}"
    )


def encoding_of(data: bytes, given: str | None) -> str:
    """The encoding of the bytes: the given one, that of a byte order mark, or UTF-8."""
    return given or next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8")


def as_utf8(target: Path, data: bytes, encoding: str) -> bytes:
    """The text in UTF-8, without a byte order mark.

    Bytes that are not UTF-8 stay as they are: later the row that contains them is refused, with its line.  Raises DataError for
    bytes that another encoding does not have, and for null characters.
    """
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        try:
            data = data.decode(encoding).encode()
        except (UnicodeError, LookupError) as error:
            raise DataError(f"{target}: is not {encoding}: {error}; give another --encoding") from None
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(f"{target}, line {line}: a null character; it is not text, or in utf-16: give --encoding")
    return data.removeprefix(codecs.BOM_UTF8)
