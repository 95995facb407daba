"""Compiled kernels on disk, for later processes: object files, each named by function, argument types and a digest.

They lie in a folder named by a digest of all kernel sources, the versions of numba and NumPy, and the processor, so that
every change is noticed.  Nothing depends on the files: a torn one is compiled again, and a full disk is ignored.

The files are executed.  So folders and files that another user owns, or that others may write, are not used; one hint says so.
"""

import hashlib
import os
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np

from ...files import replacing, user_cache


@cache
def folder() -> Path | None:
    """Where compiled kernels are kept; None where nothing can be written (they are then compiled in each process)."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        if source.parent.name != "cuda":
            digest.update(source.name.encode() + source.read_bytes())
    processor = llvm.get_host_cpu_name(), sorted(llvm.get_host_cpu_features().items())
    settings = numba.config.CPU_NAME, numba.config.CPU_FEATURES, numba.config.OPT, numba.config.USING_SVML
    digest.update(repr((numba.__version__, np.__version__, sys.version, processor, settings)).encode())
    try:
        kernels = user_cache() / "dlcore" / "kernels"
        path = kernels / digest.hexdigest()[:16]
        kernels.parent.mkdir(parents=True, exist_ok=True)
        for each in (kernels, path):
            each.mkdir(exist_ok=True, mode=0o700)  # by itself: with parents=True only the last one would have this mode
            if why := _unsafe(each.lstat()):
                _hint(
                    f"the compiled kernels in {each} are not used, because it {why}", f"chmod go-w {each}, or remove it"
                )
                return None
    except (OSError, RuntimeError):  # read-only or missing home
        return None
    return path if os.access(path, os.W_OK) else None


def _unsafe(found: os.stat_result) -> str:
    """Why another user may decide what is in a file or a folder; "" if none may."""
    if stat.S_ISLNK(found.st_mode):
        return "is a link"
    if not hasattr(os, "geteuid"):  # Windows: the folder is in the user's profile
        return ""
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    return "may be written by others" if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


@cache
def _hint(what: str, remedy: str) -> None:
    """One line, once."""
    import logging

    logging.getLogger("dlcore").warning("%s: they are compiled in each process; %s", what, remedy)


def _path(home: Path, name: str) -> Path:
    function, _, _ = name.partition(" ")
    return home / f"{function.rpartition('.')[2]}-{hashlib.sha256(name.encode()).hexdigest()[:24]}.o"


def _seal(code: bytes) -> bytes:
    """The digest at the end of a file, by which a truncated file is noticed: LLVM would crash on it."""
    return hashlib.sha256(code).digest()


def load(name: str) -> bytes | None:
    """The object code kept under this name, if there is any."""
    home = folder()
    if home is None:
        return None
    path = _path(home, name)
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            if why := _unsafe(os.fstat(file.fileno())):
                _hint(f"compiled kernels in {home} are not used, because one {why}", "remove that folder")
                return None
            data = file.read()
    except OSError:
        return None
    code, seal = data[:-32], data[-32:]
    return code if _seal(code) == seal else None


def save(name: str, code: bytes) -> None:
    """Keep object code for later processes; atomic: a reader sees all of it or nothing."""
    home = folder()
    if home is None:
        return
    # not durable: compiling waits for no disk, and the seal shows a damaged file
    with suppress(OSError), replacing(_path(home, name), durable=False) as temporary:
        temporary.touch(mode=0o600, exist_ok=False)  # whatever the umask is
        temporary.write_bytes(code + _seal(code))
