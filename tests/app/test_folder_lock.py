"""A lock on a folder."""

import pytest

from dlcore.app.folder_lock import NAME, FolderLock, HeldError


def test_it_is_held_once_and_released_without_a_trace(tmp_path):
    lock = FolderLock(tmp_path)
    assert not lock.abandoned
    with pytest.raises(HeldError, match="process "):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    again = FolderLock(tmp_path)
    assert not again.abandoned
    again.release()


def test_a_file_without_a_holder_is_known_as_abandoned(tmp_path):
    (tmp_path / NAME).write_text("process 1 on a-container")
    lock = FolderLock(tmp_path)
    assert lock.abandoned
    lock.release()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("years of work")
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        FolderLock(tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "years of work"
