"""The diagnosis of a CUDA set-up: the first thing that is wrong, and the command that mends it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dlcore.kernels.cuda import diagnosis

GOOD = {
    "driver": "13.0", "runtime": "13.0", "nvrtc": "13.0", "headers": "/usr/include", "nvmath": "1.0", "cublaslt": "130100", "gpu": "H200",
}  # fmt: skip
COMMAND = r'pip install "cupy-cuda13x\[ctk\]" nvmath-python "cuda-bindings==13\.\*"$'


@pytest.mark.parametrize(
    ("missing", "wheels", "words"),
    [
        ({"driver": None}, ["cupy-cuda13x"], "no NVIDIA driver.*device='cpu'"),
        ({}, [], f"CuPy is not installed; {COMMAND}"),
        ({"driver": "12.4"}, [], r'"cupy-cuda12x\[ctk\]"'),
        ({}, ["cupy-cuda13x", "cupy"], f"installed at once; pip uninstall cupy-cuda13x cupy, then {COMMAND}"),
        (
            {"driver": "12.4"},
            ["cupy-cuda13x"],
            r"needs a driver for CUDA 13, this one is for 12; pip uninstall.*cuda12x",
        ),
        ({"nvrtc": None}, ["cupy-cuda13x"], f"NVRTC.*; {COMMAND}"),
        ({"headers": None}, ["cupy-cuda13x"], f"headers.*; {COMMAND}"),
        ({"nvmath": None, "cublaslt": None}, ["cupy-cuda13x"], f"nvmath-python is not installed.*; {COMMAND}"),
        ({"cublaslt": None}, ["cupy-cuda13x"], f"cuBLASLt cannot be loaded.*; {COMMAND}"),
        ({"gpu": None}, ["cupy-cuda13x"], "finds no GPU"),
        ({}, ["cupy-cuda12x"], None),  # an older wheel on a newer driver
        ({}, ["cupy"], None),  # built by hand
        ({}, ["cupy-cuda13x"], None),
    ],
)
def test_the_first_thing_that_is_wrong(missing: dict[str, Any], wheels: list[str], words: str | None) -> None:
    advice = diagnosis.advice(GOOD | missing, dict.fromkeys(wheels, "14.2.0"))
    if words is None:
        assert advice is None
    else:
        assert advice is not None
        assert re.search(words, advice)


def test_facts_are_complete_on_any_machine() -> None:
    """Every piece is there, known or None; without a driver the advice says so."""
    facts = diagnosis.facts()
    assert set(facts) == {*GOOD, "memory", "advice"}
    if facts["driver"] is None:
        assert "no NVIDIA driver" in facts["advice"]


@pytest.mark.parametrize(("number", "text"), [(13000, "13.0"), (12080, "12.8"), (11040, "11.4"), (None, None)])
def test_versions_as_nvidia_counts_them(number: int | None, text: str | None) -> None:
    assert diagnosis._dotted(number) == text
