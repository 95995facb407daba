"""Every .cu file is compiled for the GPUs in use, without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlcore.kernels.cuda import launch

from .nvrtc import MISSING, compile_cuda, library, usage

pytestmark = pytest.mark.skipif(library() is None, reason=MISSING)

FILES = sorted(path.stem for path in Path(launch.__file__).parent.glob("*.cu"))
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
SECOND = {
    "data": "uint8",
    "updates": "bfloat16",
    "adaptive": "bfloat16",
}  # dtype of users' data, of the parameters' copy
REGISTERS = 128  # of 65536: at 256 threads a block, two blocks on every multiprocessor at least


def check(file: str, dtype: str, arch: str, data: str = "") -> None:
    kernels = usage(launch.source(file, dtype, data), arch)
    assert kernels
    assert {name: facts for name, facts in kernels.items() if facts["spilled"]} == {}
    assert {name: facts for name, facts in kernels.items() if facts["registers"] > REGISTERS} == {}


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("file", FILES)
def test_kernels_compile_without_spills(file: str, arch: str) -> None:
    """NVRTC takes the source, and no kernel spills registers to memory."""
    check(file, "float32", arch, SECOND.get(file, ""))


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("dtype", [dtype for dtype in launch.DTYPES if dtype != "float32"])
@pytest.mark.parametrize("file", FILES)
def test_kernels_compile_in_every_dtype(file: str, dtype: str, arch: str) -> None:
    """The other dtypes of arithmetic and storage too."""
    check(file, dtype, arch, dtype if file == "data" else "")


@pytest.mark.slow
@pytest.mark.parametrize("data", ["bool", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16"])
def test_data_of_every_dtype_compile(data: str) -> None:
    """Users' data are read in the dtype that they come in."""
    check("data", "float32", "sm_90", data)


ARITHMETIC = r"^\s*(?:@%p\d+ )?((?:add|sub|mul|fma|div|rcp|sqrt|min|max|abs|neg|setp)\.[\w.]*)"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float32_is_flushed_and_stays_correctly_rounded(dtype: str) -> None:
    """Every instruction on float32 has .ftz; a GPU has none on float64.  Division and root are rounded (.rn), not approximated."""
    _, ptx = compile_cuda(launch.source("updates", dtype), "compute_80", added=())
    found = set(re.findall(ARITHMETIC, ptx, re.MULTILINE))
    single = {name for name in found if name.endswith(".f32")}
    double = {name for name in found if name.endswith(".f64")}
    assert bool(single) == (dtype == "float32")
    assert double
    assert {name for name in single if ".ftz" not in name} == set()
    assert {name for name in double if ".ftz" in name} == set()
    assert {name.split(".")[1] for name in single | double if name.startswith(("div", "sqrt"))} == {"rn"}


def test_an_error_in_a_kernel_is_reported() -> None:
    with pytest.raises(RuntimeError, match="undeclared_word"):
        usage(launch.source("dense", "float32") + "KERNEL(wrong, int n) { undeclared_word; }", "sm_90")
