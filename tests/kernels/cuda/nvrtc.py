"""NVIDIA's runtime compiler on a machine without a GPU: what ptxas says about each kernel of a source.

CuPy would ask the device for its architecture, so the library of the wheel nvidia-cuda-nvrtc is called directly.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from dlcore.kernels.cuda.launch import OPTIONS

from .emulation import cache_folder

MISSING = "NVRTC is not installed: CUDA kernels are not compiled for a GPU (pip install 'nvidia-cuda-nvrtc==13.0.*')"
ADDED = ("-ftz=true", "-default-device")  # by CuPy
VERBOSE = ("-Xptxas", "-v")  # a line of ptxas for each kernel


@cache
def library() -> Any:
    """The NVRTC of the wheel, or None."""
    for folder in map(Path, sys.path):
        for path in sorted(folder.glob("nvidia/cu*/lib/libnvrtc.so.*")):
            if "alt" in path.name:
                continue
            for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
                ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)  # NVRTC does not look beside itself
            found = ctypes.CDLL(str(path))
            found.nvrtcGetErrorString.restype = ctypes.c_char_p
            return found
    return None


def compile_cuda(source: str, arch: str, added: tuple[str, ...] = ADDED) -> tuple[str, str]:
    """ptxas's messages about the kernels, and their PTX.  Raises RuntimeError with the compiler's messages if it refuses the source."""
    nvrtc, program, size = library(), ctypes.c_void_p(), ctypes.c_size_t()
    options = [option.encode() for option in (*OPTIONS, *added, *VERBOSE, f"-arch={arch}")]
    status = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
    assert status == 0, nvrtc.nvrtcGetErrorString(status)
    try:
        status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        if status:
            raise RuntimeError(log.value.decode()[:4000])
        nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
        ptx = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetPTX(program, ptx)
        return log.value.decode(), ptx.value.decode()
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def usage(source: str, arch: str) -> dict[str, dict[str, int]]:
    """For each kernel: registers, and bytes of spilled registers.  Cached by source."""
    words = (source, arch, *OPTIONS, *ADDED, *VERBOSE, str(library()._name))
    path = cache_folder() / f"{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:24]}.json"
    if not path.exists():
        found = re.findall(
            r"Function properties for (\w+)\n.*?(\d+) bytes spill stores, (\d+) bytes spill loads\n.*?Used (\d+) registers",
            compile_cuda(source, arch)[0],
        )
        facts = {name: {"spilled": int(out) + int(back), "registers": int(used)} for name, out, back, used in found}
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(facts))
        unfinished.rename(path)
    return json.loads(path.read_text())
