"""Files from the network: downloaded once, checked against a digest, kept where the next run finds them.

A file is moved into place when it is complete.  So there is no lock: two processes that need a file at the same time both
download it, and one that is killed leaves a temporary file, which a later download removes.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__, files
from ..errors import DataError

TIMEOUT = 30.0  # seconds without a byte
TOTAL = 900.0  # seconds for a file from one mirror: a server that sends a byte at a time would never end
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

    A file that is there is checked too, and replaced if it has another digest: disks fail, and the folder may be shared.  Raises
    DataError, with the answer of each mirror, if none has the file with the right digest, and if the folder cannot be written.
    """
    target = folder / file.name
    answers = []
    try:
        if target.is_file():
            try:
                _check(target, file)
                return target
            except _Unusable as answer:
                logging.getLogger("dlcore").warning("%s: %s; it is downloaded again", target, answer)
                answers.append(f"{target}: {answer}")
        folder.mkdir(parents=True, exist_ok=True)
        files.remove_abandoned(folder, _ABANDONED)
        for mirror in mirrors:
            logging.getLogger("dlcore").info("downloading %s%s to %s", mirror, file.name, folder)
            try:
                with files.replacing(target) as temporary:
                    _download(mirror + file.name, temporary)
                    _check(temporary, file)
                return target
            except _Unusable as answer:
                answers.append(f"{mirror}: {answer}")
    except OSError as error:  # the file system failed; `answers` handles errors of the network
        raise DataError(f"{folder}: {file.name} cannot be written: {error.strerror or error}") from error
    raise DataError(f"{file.name} could not be downloaded ({'; '.join(answers)})")


class _Unusable(Exception):
    """A mirror does not have the file; the message says what it answered."""


def _download(url: str, path: Path) -> None:
    """Download to `path`.  Raises _Unusable if the mirror fails, and OSError if writing fails."""
    request = urllib.request.Request(url, headers={"User-Agent": f"dlcore/{__version__}"})
    with path.open("wb") as out:
        size, end = 0, time.monotonic() + TOTAL
        try:
            response = _opener().open(request, timeout=TIMEOUT)
            promised = response.headers.get("Content-Length")
        except _FAILURES as error:
            raise _Unusable(_reason(error)) from error
        with response:
            while True:
                try:
                    block = response.read1(_BLOCK)  # read would wait for a whole block
                except _FAILURES as error:
                    raise _Unusable(f"after {size:,} bytes: {_reason(error)}") from error
                if not block:
                    break
                size += len(block)
                if size > _LARGEST:
                    raise _Unusable(f"more than {_LARGEST:,} bytes")
                if time.monotonic() > end:
                    raise _Unusable(f"only {size:,} bytes in {TOTAL:g} seconds")
                out.write(block)
    if promised is not None and promised.isdigit() and size != int(promised):
        raise _Unusable(f"ended after {size:,} of {int(promised):,} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https, and to http from http alone: not to ftp or files, and never from https to plain text."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urllib.parse.urlsplit(newurl).scheme.lower()
        if scheme != "https" and not (scheme == "http" and req.type == "http"):
            raise urllib.error.URLError(f"it redirects to {newurl[:200]}, expected https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()  # build_opener would add ftp, files and data
    handlers = (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, _Redirects)
    for handler in (*handlers, urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor):
        opener.add_handler(handler())
    opener.add_handler(urllib.request.UnknownHandler())
    return opener


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", None)
    if not isinstance(error, urllib.error.HTTPError) and isinstance(cause, BaseException):
        error = cause
    return str(getattr(error, "strerror", None) or error)


def _check(path: Path, file: PublishedFile) -> None:
    """Raises _Unusable unless the file has the right digest."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) if file.unpacked else path.open("rb") as content:
            while block := content.read(_BLOCK):
                size += len(block)
                if size > _LARGEST:
                    raise _Unusable(f"more than {_LARGEST:,} bytes when unpacked")
                digest.update(block)
    except (OSError, EOFError, zlib.error) as error:
        raise _Unusable(f"a damaged gzip file: {error}") from error
    if digest.hexdigest() != file.sha256:
        raise _Unusable(f"its sha256 is {digest.hexdigest()[:12]}..., expected {file.sha256[:12]}...")
