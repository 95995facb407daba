"""Every .cu file is compiled for the GPUs in use, without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcore.kernels.cuda import launch

from .nvrtc import MISSING, library, usage

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


def test_an_error_in_a_kernel_is_reported() -> None:
    with pytest.raises(RuntimeError, match="undeclared_word"):
        usage(launch.source("dense", "float32") + "KERNEL(wrong, int n) { undeclared_word; }", "sm_90")
