"""What all tests share: the option for real data, and with pytest-xdist how many workers there are and what each of them runs."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from dlcore.kernels import reference

from .kernel_contracts import family


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data-dir",
        default=None,
        help="folder with the folders mnist, adult and california, or the one of MNIST itself (tests on them are skipped without it)",
    )


@pytest.fixture(scope="session")
def data_file(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """The path of a file in the folder given with --data-dir; without the folder or the file the test is skipped."""

    def find(name: str) -> Path:
        folder = request.config.getoption("--data-dir")
        if folder is None:
            pytest.skip("real data are not at hand: give their folder with --data-dir")
        if not (Path(folder) / name).exists():
            pytest.skip(f"{name} is not in {folder}")
        return Path(folder) / name

    return find


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest, data_file: Callable[[str], Path]) -> Path:
    """The folder with the four files of MNIST."""
    first = "train-images-idx3-ubyte.gz"
    folder = Path(request.config.getoption("--data-dir") or "")
    return folder if (folder / first).exists() else data_file(f"mnist/{first}").parent


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # shells start background jobs this way
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):  # there is a process per core, whose BLAS threads would wait for each other
        threadpool_limits(1, user_api="blas")


def in_one_file(arguments: Sequence[str]) -> bool:
    """Whether a command line names tests of one file only: the file, or nodes of it."""
    files = {argument.partition("::")[0] for argument in arguments}
    return len(files) == 1 and files.pop().endswith(".py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Of -n auto: tests of one file run in this process, since workers take longer to start than most files; else a worker a core."""
    return 0 if in_one_file(config.args) else None


def group(test: str) -> str:
    """The group of a test, which one process runs: kernels of a family share compiled loops, tests of the cache processes."""
    parameters = re.search(r"\[(.*)\]", test)
    for word in parameters[1].split("-") if parameters else ():
        if word in reference.KERNELS:
            return family(word)
    if "cpu/test_cache.py" in test:
        return "cache"
    return "torch" if "torch" in test else test  # importing torch takes seconds, so one process does it


# xdist's own --dist loadgroup has no effect with pytest 9.2: it uses an attribute of pytest that no longer exists
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFamily(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByFamily(config, log)
