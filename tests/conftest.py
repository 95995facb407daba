"""Options of the test run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data-dir",
        type=Path,
        default=None,
        help="folder with the four files of MNIST, train-images-idx3-ubyte.gz and so on (tests on MNIST are skipped without it)",
    )


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest) -> Path:
    """The folder given with --data-dir; without one the test is skipped."""
    folder: Path | None = request.config.getoption("--data-dir")
    if folder is None:
        pytest.skip("MNIST is not at hand: give its folder with --data-dir")
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread() -> Iterator[None]:
    """The networks are tiny, and test workers share the cores: more threads would wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield
