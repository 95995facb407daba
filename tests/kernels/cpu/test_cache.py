"""The cache of compiled kernels: used by the next process, never stale, and not needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dlcore

PACKAGE = Path(dlcore.__file__).parent


# relu(−1, 2) and the number of kernels found in the cache and compiled
PROGRAM = """
import numpy as np
from dlcore.backends.backend import Backend
from dlcore.kernels.cpu.entry import counts
z = np.array([[-1.0, 2.0]])
Backend.for_device("cpu").kernels.relu(z, out=z)
print(*z[0], counts["found"], counts["compiled"])
"""


def run(package: Path, cache: Path, program: str = PROGRAM) -> list[float]:
    """Numbers that the program prints, in a process with its own user cache directory."""
    environment = os.environ | {
        "PYTHONPATH": str(package.parent),
        "XDG_CACHE_HOME": str(cache),
        "LOCALAPPDATA": str(cache),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=cache.parent, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [float(v) for v in done.stdout.split()]


def copy_of_package(folder: Path) -> Path:
    shutil.copytree(PACKAGE, folder / "dlcore", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "dlcore"


def edit(package: Path, file: str, old: str, new: str) -> None:
    path = package / "kernels" / "cpu" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1
    path.write_text(source.replace(old, new), encoding="utf-8")


pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="the user cache directory is not set by a variable")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """What processes print that share one cache, while the package changes between them."""
    folder = tmp_path_factory.mktemp("life")
    package, cache = copy_of_package(folder), folder / "cache"
    program = PROGRAM.replace("relu", "silu")
    right, wrong = "(e if z < like(z, 0) else like(z, 1)) / (like(z, 1) + e)", "z + like(e, 8)"
    printed = {"first": run(package, cache, program), "second": run(package, cache, program)}
    edit(package, "special.py", right, wrong)  # two calls below the loop
    printed["edited"] = run(package, cache, program)
    edit(package, "special.py", wrong, right)
    printed["undone"] = run(package, cache, program)
    files = list(cache.rglob("*.o"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:-100])
    printed["torn"] = run(package, cache, program)
    return printed


SILU = [pytest.approx(-0.2689414213699951, rel=1e-14), pytest.approx(1.7615941559557649, rel=1e-14)]


@pytest.mark.slow  # processes that compile from nothing
def test_the_first_process_compiles(life: dict[str, list[float]]) -> None:
    """An empty cache: silu(−1) = −1/(1 + e) and silu(2) = 2/(1 + e⁻²), by a loop compiled once, beside the worker's."""
    assert life["first"] == [*SILU, 0, 2]


@pytest.mark.slow  # processes that compile from nothing
def test_the_second_process_compiles_nothing(life: dict[str, list[float]]) -> None:
    """It finds the machine code of the first."""
    assert life["second"] == [*SILU, 2, 0]


@pytest.mark.slow  # processes that compile from nothing
def test_an_edited_callee_gives_the_new_result(life: dict[str, list[float]]) -> None:
    """A formula changed two calls below a loop, z (z + 8) for silu, is compiled anew though the loop is the same."""
    assert life["edited"] == [-7, 20, 0, 2]


@pytest.mark.slow  # processes that compile from nothing
def test_undoing_an_edit_finds_the_old_machine_code(life: dict[str, list[float]]) -> None:
    """The folder is named by what the sources say, not by when they were written."""
    assert life["undone"] == [*SILU, 2, 0]


@pytest.mark.slow  # processes that compile from nothing
def test_a_torn_cache_file_is_compiled_again(life: dict[str, list[float]]) -> None:
    """Files cut short by a full disk or a power failure are no obstacle."""
    assert life["torn"] == [*SILU, 0, 2]


@pytest.mark.slow  # processes that compile from nothing
def test_without_a_cache_directory_kernels_work(tmp_path: Path) -> None:
    """Where the user's cache cannot be written each process compiles for itself."""
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("a file, not a directory")
    assert run(PACKAGE, in_the_way)[:3] == [0, 2, 0]
    assert in_the_way.read_text() == "a file, not a directory"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_directory_is_no_obstacle(tmp_path: Path) -> None:
    """A cache without permission to write is as good as none."""
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o500)
    assert run(PACKAGE, cache)[:3] == [0, 2, 0]


@pytest.mark.slow
def test_two_processes_at_once_share_a_cache(tmp_path: Path) -> None:
    """Both get the right result while both write the same files."""
    cache = tmp_path / "cache"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "XDG_CACHE_HOME": str(cache)}
    both = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [p.communicate(timeout=120)[0].split()[:2] for p in both] == [["0.0", "2.0"]] * 2


@pytest.mark.slow
def test_two_processes_that_compile_different_loops_do_not_mix_them_up(tmp_path: Path) -> None:
    """Loops of one family, each compiled by a process of its own at the same time; a third finds the right code of each."""
    cache = tmp_path / "cache"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "XDG_CACHE_HOME": str(cache)}
    names = ("relu", "identity", "binary_step")
    programs = [subprocess.Popen([sys.executable, "-c", BY_TABLE, name], env=environment) for name in names]
    assert [program.wait(timeout=120) for program in programs] == [0, 0, 0]
    done = subprocess.run(
        [sys.executable, "-c", BY_TABLE, *names],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["0.0", "2.0", "-1.0", "2.0", "0.0", "1.0"]


# g(−1, 2) by the worker's table, for each name given
BY_TABLE = """
import sys
import numpy as np
from dlcore.backends.backend import Backend
from dlcore.kernels.cpu import lowering, worker
from dlcore.kernels.table import BoundCall
for name in sys.argv[1:]:
    z, a = np.array([[-1.0, 2.0]]), np.zeros((1, 2))
    call = BoundCall(Backend.for_device("cpu").kernels[name], (z,), (a,))
    worker.Worker(lowering.rows_of(call)).run(1, 1)
    print(*a[0])
"""
