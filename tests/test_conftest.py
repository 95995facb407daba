"""How many processes run the tests: those of one file take none besides pytest's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist")

from .conftest import in_one_file

HERE = Path(__file__)


@pytest.mark.parametrize(
    ("arguments", "one"),
    [
        (["tests/a.py"], True),
        (["tests/a.py::test_a"], True),
        (["tests/a.py::Kind::test_a[x::y.py]", "tests/a.py::test_b"], True),
        (["tests/a.py", "tests/b.py"], False),
        (["tests/a.py::test_a", "tests/b.py::test_b"], False),
        (["tests"], False),
        ([], False),
    ],
)
def test_a_command_line_names_one_file(arguments: list[str], one: bool) -> None:
    assert in_one_file(arguments) == one


@pytest.mark.parametrize(("files", "workers"), [([HERE.name], False), ([HERE.name, "test_docs.py"], True)])
def test_tests_of_one_file_start_no_worker(files: list[str], workers: bool) -> None:
    """As the terminal shows it; the suite has -n auto among its options."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "names_one_file", *files],
        cwd=HERE.parent, env=os.environ | {"PYTEST_XDIST_AUTO_NUM_WORKERS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "7 passed" in done.stdout
    assert ("created: 1/1 worker" in done.stdout) == workers
