"""What tests of the command line share."""

import pytest
from threadpoolctl import threadpool_limits

from dlcore.app.cli import main

from .running import SMALL


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    """Multiplications this small are slower with more, much slower on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _no_wishes_about_terminals(monkeypatch):
    """These tests see a program whose output is not a terminal, whatever the environment says."""
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of 6 epochs."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main([*SMALL, "--epochs", "6", "--learning-rate", "1e-2", "--l2", "1e-4", "--out", str(out)]) == 0
    return out
