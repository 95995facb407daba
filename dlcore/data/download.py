"""Files from the network: downloaded once, checked against a digest, kept where the next run finds them.

A file is moved into place when it is complete.  So there is no lock: two processes that need a file at the same time both
download it, and one that is killed leaves a temporary file, which a later download removes.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import logging
import os
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..errors import DataError

TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 18  # bytes read at a time
_LARGEST = 1 << 28  # bytes, also after decompression; none of the files here is half as large
_ABANDONED = 3600.0  # seconds after which the download of a temporary file must be dead
_FAILURES = (OSError, EOFError, zlib.error, http.client.HTTPException, ValueError)


@dataclass(frozen=True)
class PublishedFile:
    """A file and its sha256, which with `unpacked` is that of the content of a gzip file."""

    name: str
    sha256: str
    unpacked: bool = False


def fetch(file: PublishedFile, mirrors: Sequence[str], folder: Path) -> Path:
    """The path of the file in `folder`; unless it is there, it is downloaded from the first mirror that has it.

    Raises DataError, with the answer of each mirror, if none has the file with the right digest, and if the folder cannot be
    written.
    """
    target = folder / file.name
    if target.is_file():
        return target
    answers = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        for mirror in mirrors:
            with _temporary(folder, file.name) as temporary:
                logging.getLogger("dlcore").info("downloading %s%s to %s", mirror, file.name, folder)
                answer = _download(mirror + file.name, temporary) or _difference(temporary, file)
                if answer is None:
                    os.replace(temporary, target)
                    return target
                answers.append(f"{mirror}: {answer}")
    except OSError as error:  # of the file system: errors of the network are in `answers`
        raise DataError(f"{folder}: {file.name} cannot be written: {error.strerror or error}") from error
    raise DataError(f"{file.name} could not be downloaded ({'; '.join(answers)})")


@contextlib.contextmanager
def _temporary(folder: Path, name: str) -> Iterator[Path]:
    """A new file, which is deleted at the end unless it was moved."""
    handle, path = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
    os.close(handle)
    try:
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def _download(url: str, path: Path) -> str | None:
    """Download to `path`; None, or the reason of a failure.  Raises OSError if writing fails."""
    request = urllib.request.Request(url, headers={"User-Agent": f"dlcore/{__version__}"})
    with path.open("wb") as out:
        size = 0
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
            promised = response.headers.get("Content-Length")
        except _FAILURES as error:
            return _reason(error)
        with response:
            while True:
                try:
                    block = response.read(_BLOCK)
                except _FAILURES as error:
                    return f"after {size:,} bytes: {_reason(error)}"
                if not block:
                    break
                size += len(block)
                if size > _LARGEST:
                    return f"more than {_LARGEST:,} bytes"
                out.write(block)
        out.flush()
        os.fsync(out.fileno())
    if promised is not None and promised.isdigit() and size != int(promised):
        return f"ended after {size:,} of {int(promised):,} bytes"
    return None


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", None)
    if not isinstance(error, urllib.error.HTTPError) and isinstance(cause, BaseException):
        error = cause
    return str(getattr(error, "strerror", None) or error)


def _difference(path: Path, file: PublishedFile) -> str | None:
    """What is wrong with the file, or None if it has the right digest."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) if file.unpacked else path.open("rb") as content:
            while block := content.read(_BLOCK):
                size += len(block)
                if size > _LARGEST:
                    return f"more than {_LARGEST:,} bytes when unpacked"
                digest.update(block)
    except (OSError, EOFError, zlib.error) as error:
        return f"a damaged gzip file: {error}"
    if digest.hexdigest() != file.sha256:
        return f"its sha256 is {digest.hexdigest()[:12]}..., expected {file.sha256[:12]}..."
    return None
