"""Files: where things are kept on this machine, and how one is written so that it is whole."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def user_cache() -> Path:
    """The user's cache directory, by the rules of the platform: on Linux XDG_CACHE_HOME where it is absolute, or ~/.cache.

    Raises RuntimeError where there is no home directory.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".cache"


def write(path: Path, data: bytes) -> None:
    """Write a file so that it is there as a whole or as it was before, also after a loss of power.

    It is written beside its place, flushed to the disk and renamed, and the folder is flushed.  Raises OSError, or ValueError
    for a name that no file can have.
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        flush_folder(path.parent)
    finally:
        with suppress(OSError, ValueError):  # still there only where writing failed or was interrupted
            temporary.unlink(missing_ok=True)


def flush_folder(path: Path) -> None:
    """Flush the names in a folder to the disk, where the platform can."""
    if sys.platform == "win32":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(folder)
    finally:
        os.close(folder)
