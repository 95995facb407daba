"""What all tests share: the option for MNIST, and with pytest-xdist the threads of a worker and which tests it runs."""

from __future__ import annotations

import re
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
        help="folder with the four files of MNIST, train-images-idx3-ubyte.gz and so on (tests on MNIST are skipped without it)",
    )


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest) -> Path:
    """The folder given with --data-dir; without one the test is skipped."""
    folder = request.config.getoption("--data-dir")
    if folder is None:
        pytest.skip("MNIST is not at hand: give its folder with --data-dir")
    return Path(folder)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one process for each core: their BLAS threads would wait for each other
        threadpool_limits(1, user_api="blas")


def group(test: str) -> str:
    """Tests of one family of kernels share compiled loops, those of the cache share processes; all others are free."""
    parameters = re.search(r"\[(.*)\]", test)
    for word in parameters[1].split("-") if parameters else ():
        if word in reference.KERNELS:
            return family(word)
    if "test_compiled.py" in test:
        return "cache"
    return "torch" if "torch" in test else test  # imported once: it takes seconds


# xdist's own --dist loadgroup has no effect with pytest 9.2: it renames tests by an attribute that is gone
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFamily(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByFamily(config, log)
