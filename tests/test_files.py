"""Where things are kept, and files that are whole or as they were before."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from dlcore.files import user_cache, write


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "home/.cache"),
        ("linux", {"XDG_CACHE_HOME": "ROOT/elsewhere"}, "elsewhere"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache"),  # the specification: ignore paths that are relative
        ("darwin", {"XDG_CACHE_HOME": "ROOT/elsewhere"}, "home/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "ROOT/local"}, "local"),
        ("win32", {}, "home/AppData/Local"),
    ],
)
def test_the_cache_lies_where_the_platform_says(
    platform: str, variables: dict[str, str], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("ROOT", str(tmp_path)))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(sys, "platform", platform)
    assert user_cache() == tmp_path / folder


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    """Nothing else is left in the folder."""
    path = tmp_path / "a"
    for data in (b"one", b"", b"three"):
        write(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_alone(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a rename that is refused: the error comes through, and no part of the new file stays."""

    def fails(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a"
    write(path, b"old")
    monkeypatch.setattr(os, step, fails)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "missing" / "a", b"")
    with pytest.raises(ValueError, match="null"):
        write(tmp_path / "a\0b", b"")
