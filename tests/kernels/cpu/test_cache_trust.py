"""Compiled kernels on disk are executed only where no other user can have written them."""

import os
import stat

import pytest

pytest.importorskip("numba")

from dlcore.kernels.cpu import cache

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners of this kind here")


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An empty cache of this user, whose umask lets the group write."""
    monkeypatch.setattr(cache, "user_cache", lambda: tmp_path / "user")
    before = os.umask(0o002)
    cache.folder.cache_clear()
    cache._hint.cache_clear()
    yield tmp_path / "user"
    os.umask(before)
    cache.folder.cache_clear()


def again():
    """As another process would find it."""
    cache.folder.cache_clear()
    return cache.load("module.loop (float32)")


def test_what_is_written_may_be_written_by_no_other_user(home, caplog):
    cache.save("module.loop (float32)", b"code")
    assert again() == b"code"
    for path in (home / "dlcore" / "kernels").rglob("*"):
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    assert caplog.messages == []


@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("what", ["kernels", "kernels/*", "kernels/*/*.o"])
def test_what_others_may_write_is_not_executed(home, caplog, mode, what):
    cache.save("module.loop (float32)", b"code")
    (path,) = (home / "dlcore").glob(what)
    path.chmod(path.stat().st_mode | mode)
    assert again() is None
    assert again() is None
    (line,) = caplog.messages
    assert "may be written by others" in line
    assert str(path if path.is_dir() else path.parent) in line


@pytest.mark.parametrize("what", ["kernels", "kernels/*", "kernels/*/*.o"])
def test_what_another_user_owns_is_not_executed(home, caplog, monkeypatch, what):
    cache.save("module.loop (float32)", b"code")
    (path,) = (home / "dlcore").glob(what)
    owned = path.stat().st_ino
    real = cache._unsafe

    def seen(found):  # the tests may not give a file to another user
        if found.st_ino == owned:
            found = os.stat_result((*found[:4], os.geteuid() + 1, *found[5:10]))
        return real(found)

    monkeypatch.setattr(cache, "_unsafe", seen)
    assert again() is None
    assert ["belongs to another user" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize("what", ["kernels", "kernels/*", "kernels/*/*.o"])
def test_no_link_is_followed(home, what):
    cache.save("module.loop (float32)", b"code")
    (path,) = (home / "dlcore").glob(what)
    path.rename(home / "elsewhere")
    path.symlink_to(home / "elsewhere")
    assert again() is None


def test_a_file_that_is_refused_is_written_again(home):
    cache.save("module.loop (float32)", b"code")
    (path,) = (home / "dlcore").glob("kernels/*/*.o")
    path.chmod(0o666)
    assert again() is None
    cache.save("module.loop (float32)", b"code")
    assert again() == b"code"
