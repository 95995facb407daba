"""Files: where things are kept on this machine, and how one is written so that it is whole."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

# what a JSON text holds
JSON: TypeAlias = dict[str, "JSON"] | list["JSON"] | str | float | int | bool | None

UNFINISHED = ".dlcore-"  # how the names of files begin that are still being written


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


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file so that it is there as a whole or as it was before, also after a loss of power.

    `durable=False` waits for no disk: then a loss of power may leave a damaged file, which its reader must notice.
    Raises OSError, or ValueError for a name that no file can have.
    """
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def create(path: Path, data: bytes) -> None:
    """`write` for a file that must not exist.  Raises FileExistsError if it does, also where it was written meanwhile."""
    with _beside(path) as temporary:
        temporary.write_bytes(data)
        _flush(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            path.open("xb").close()
            os.replace(temporary, path)
        flush_folder(path.parent)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A path beside `path` at which the body makes a file; it then takes the place of `path`.

    The file is flushed to the disk and renamed, and the folder is flushed.  If the body raises, its file is removed and `path`
    stays as it was.  Each caller has a path of its own, so that several may replace a file at the same time; the last one wins.
    """
    with _beside(path) as temporary:
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable:
            flush_folder(path.parent)


def move(path: Path, target: Path) -> None:
    """Rename a file or a folder within a file system, and flush the folder that it comes into.  Raises OSError."""
    os.replace(path, target)
    flush_folder(target.parent)


def remove_abandoned(folder: Path, seconds: float) -> None:
    """Remove what killed processes left unfinished in a folder; `seconds` is the age from which a process must be dead."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > seconds:
                path.unlink()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An unused path in the folder of `path`; a file there is removed at the end.  Errors of it are told of `path`."""
    # the end of the name is kept, because some formats are known by it; the whole might be too long
    temporary = path.parent / f"{UNFINISHED}{os.urandom(8).hex()}-{path.name[-50:]}"
    try:
        yield temporary
    except OSError as error:
        if error.filename in (temporary, os.fspath(temporary)):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        with suppress(OSError, ValueError):  # still there only where writing failed or was interrupted
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Flush a file to the disk."""
    with path.open("rb+") as file:  # for writing: Windows flushes no other
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Flush the names in a folder to the disk, where the platform can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some file systems cannot, and some folders may be written but not read
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
