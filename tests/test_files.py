"""A file is there as a whole, or as it was before: also when writing fails, is interrupted, or is done by several at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import dlcore as dl
from dlcore import files

OLD, NEW = b"old" * 1000, b"new" * 100_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with old content, alone in its folder."""
    (tmp_path / "file.txt").write_bytes(OLD)
    return tmp_path / "file.txt"


def python(program: str, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], env=environment, stdout=subprocess.PIPE, text=True
    )


def alone(path: Path) -> bool:
    """Nothing unfinished lies beside it."""
    return list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced(path: Path, durable: bool) -> None:
    files.write(path, NEW, durable=durable)
    assert path.read_bytes() == NEW
    assert alone(path)


def test_a_file_has_the_permissions_that_open_gives(path: Path) -> None:
    """Those of the process's umask, not the private ones of a temporary file."""
    (path.parent / "opened").touch()
    files.write(path, NEW)
    assert path.stat().st_mode == (path.parent / "opened").stat().st_mode


def test_the_longest_name_that_a_file_can_have(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    files.write(path, NEW)
    assert path.read_bytes() == NEW


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of resources")
def test_a_write_that_fails_in_the_middle_changes_nothing(path: Path) -> None:
    """The process may write files of 4096 bytes: the system breaks off in the middle of a larger one."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from dlcore import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    files.write(Path(sys.argv[1]), b'new' * 100_000)\nexcept OSError as error:\n    print(error.errno)"
    )
    with python(program, path) as process:
        assert process.communicate()[0].strip() == "27"  # EFBIG
    assert path.read_bytes() == OLD
    assert alone(path)


def test_a_disk_that_fails_to_flush_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(path, NEW)
    assert path.read_bytes() == OLD
    assert alone(path)


def test_an_interrupt_changes_nothing(path: Path) -> None:
    def interrupted() -> None:
        with files.replacing(path) as temporary:
            temporary.write_bytes(NEW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == OLD
    assert alone(path)


def test_a_process_that_is_killed_changes_nothing(path: Path) -> None:
    """What it leaves is removed when it is old enough to be dead, and not before."""
    program = (
        "import sys, time; from pathlib import Path; from dlcore import files\n"
        "with files.replacing(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); print('written', flush=True); time.sleep(60)"
    )
    with python(program, path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    assert path.read_bytes() == OLD
    (left,) = set(path.parent.iterdir()) - {path}
    files.remove_abandoned(path.parent, 3600)
    assert left.exists()
    os.utime(left, (0, 0))
    files.remove_abandoned(path.parent, 3600)
    assert alone(path)


def test_an_error_names_the_file_and_not_its_temporary_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        files.write(tmp_path / "missing" / "file.txt", NEW)
    assert caught.value.filename == str(tmp_path / "missing" / "file.txt")


def test_writers_at_the_same_time_do_not_disturb_each_other(path: Path) -> None:
    """Two processes with four threads each write texts of different lengths; a reader finds one of them, whole, each time."""
    program = (
        "import sys, threading; from pathlib import Path; from dlcore import files\n"
        "def work(letter):\n"
        "    for n in range(20): files.write(Path(sys.argv[1]), letter * (n + 1) * 5000)\n"
        "threads = [threading.Thread(target=work, args=(c,)) for c in (b'a', b'b', b'c', b'd')]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print('all written')"
    )
    with python(program, path) as one, python(program, path) as two:
        while one.poll() is None or two.poll() is None:
            found = path.read_bytes()
            assert found == OLD or (len(set(found)) == 1 and len(found) % 5000 == 0)
            time.sleep(0.001)
        assert one.stdout is not None
        assert two.stdout is not None
        assert (one.stdout.read(), two.stdout.read()) == ("all written\n", "all written\n")
    assert path.read_bytes() in [letter * 100_000 for letter in (b"a", b"b", b"c", b"d")]
    assert alone(path)


def without_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_does_not_replace_another(path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """With hard links or, as on FAT, without."""
    if not links:
        monkeypatch.setattr(os, "link", without_links)
    with pytest.raises(FileExistsError):
        files.create(path, NEW)
    assert path.read_bytes() == OLD
    assert alone(path)
    path.unlink()
    files.create(path, NEW)
    assert path.read_bytes() == NEW
    assert alone(path)


def test_one_process_alone_creates_a_file(tmp_path: Path) -> None:
    """Eight threads create the same file: one of them does, and its text is there."""
    path, made = tmp_path / "file.txt", []

    def work(text: bytes) -> None:
        try:
            files.create(path, text)
            made.append(text)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=work, args=(str(i).encode() * 1000,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [path.read_bytes()]
    assert alone(path)


def test_a_folder_is_moved_with_its_files(path: Path) -> None:
    (path.parent / "below").mkdir()
    files.move(path, path.parent / "below" / "file.txt")
    files.move(path.parent / "below", path.parent / "moved")
    assert [p.name for p in path.parent.iterdir()] == ["moved"]
    assert (path.parent / "moved" / "file.txt").read_bytes() == OLD


@pytest.mark.parametrize(
    ("platform", "given", "expected"),
    [
        ("linux", "", "home/.cache"),
        ("linux", "relative", "home/.cache"),
        ("linux", "/absolute", "/absolute"),
        ("darwin", "/absolute", "home/Library/Caches"),
    ],
)
def test_the_users_cache_follows_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, given: str, expected: str
) -> None:
    """XDG Base Directory Specification: a relative path is ignored."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert files.user_cache() == tmp_path / expected
