"""A lock on a folder, which the system takes back from a process however it ends."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import weakref
from pathlib import Path

NAME = "run.lock"


class HeldError(Exception):
    """Another process holds the lock; the message says which."""


class FolderLock:
    """Held by one process at a time, from construction to `release`.

    abandoned   a process held it before and ended without releasing it: what it was writing may be unfinished

    Raises HeldError, and OSError where the folder cannot be written.  A file system without locks excludes no process.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
            try:
                exclusive = _lock(self._file)
            except BlockingIOError:
                owner = _read(self._file)
                os.close(self._file)
                raise HeldError(owner or "another process") from None
            if self._is_in_place():
                break
            os.close(self._file)  # its holder has removed it just before this process got it
        self.abandoned = exclusive and bool(_read(self._file))  # without locks its writer may be alive
        self._close = weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, f"process {os.getpid()} on {platform.node()}".encode())

    def release(self) -> None:
        """Remove the file and let others have the lock; a second call does nothing."""
        if self._close.alive:
            if sys.platform == "win32":  # an open file cannot be removed
                self._close()
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._close()

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False


def _read(file: int) -> str:
    try:
        os.lseek(file, 0, os.SEEK_SET)
        return os.read(file, 200).decode("utf-8", "replace")
    except OSError:  # Windows lets no other process read what is locked
        return ""


def _lock(file: int) -> bool:
    """Whether the file system has locks.  Raises BlockingIOError where another process has this one."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
