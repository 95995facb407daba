"""Matrix products by cuBLASLt, through NVIDIA's bindings nvmath.bindings.cublasLt.

CuPy refuses its own calls of cuBLAS while a CUDA graph is captured.  A call of cuBLASLt takes its stream and workspace as
arguments, allocates nothing and keeps nothing, so it can be captured.  Everything else is prepared once per shape, in a plan.

    out[M,N] = op(a) op(b)            row-major, as our arrays are
    outᵀ[N,M] = op(b)ᵀ op(a)ᵀ         the same in column-major order, as cuBLASLt computes it: its A is our b, its B our a

`library` is an object with the functions of nvmath.bindings.cublasLt: all their arguments are numbers, and arrays are passed
as addresses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from ...errors import ConfigurationError, DeviceError
from ..contract import dtype_name
from .algorithms import BYTES
from .epilogues import ALIGNMENT, BITS, SUMS_OF_TWO, Probe
from .memory import DeviceArray, Library, Memory

# cudaDataType_t and cublasComputeType_t
_STORED = {"float64": 1, "float32": 0, "float16": 2, "bfloat16": 14}
_COMPUTE_32F, _COMPUTE_32F_FAST_TF32, _COMPUTE_64F = 68, 77, 70
PRECISIONS = {"highest": _COMPUTE_32F, "high": _COMPUTE_32F_FAST_TF32}  # for float32: all 23 bits, or the 10 of TF32

WORKSPACE = 32 * 2**20  # bytes; NVIDIA's advice for Hopper
_SUCCESS = 0
PROPOSALS = 8  # algorithms that are timed
# statuses for a product that the library does not support, on this GPU or at all; older versions call it an invalid value
REFUSALS = ("CUBLAS_STATUS_NOT_SUPPORTED", "CUBLAS_STATUS_ARCH_MISMATCH", "CUBLAS_STATUS_INVALID_VALUE")
RESULT = 96  # bytes of a cublasLtMatmulHeuristicResult_t: the algorithm, size_t workspace, status, float, 4 int

Plan = Callable[[DeviceArray, DeviceArray, DeviceArray], None]  # of (a, b, out)


class Products:
    """`products(a, b, out)` on one device; plans are kept by shape."""

    def __init__(self, library: Library, device: Memory, precision: str = "highest") -> None:
        """`device` is a Device (device.py).  Raises ConfigurationError for a precision that does not exist."""
        if precision not in PRECISIONS:
            raise ConfigurationError(f"matmul_precision={precision!r}: expected one of {', '.join(PRECISIONS)}")
        self._library, self._device, self.precision = library, device, precision
        self._handle = library.create()
        self._workspace = device.zeros(WORKSPACE, "uint8")
        self._plans: dict[tuple[object, ...], Plan | None] = {}
        self._right: dict[tuple[str, str, str], bool] = {}  # epilogue, dtypes of factors and of the result

    def __call__(
        self, a: DeviceArray, b: DeviceArray, out: DeviceArray, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> None:
        """out = op(a) op(b); op(v) is v or vᵀ.  All are C-contiguous; a and b have one dtype, and out has that or a wider one."""
        if 0 in a.shape or 0 in b.shape:
            out.fill(0)
            return
        plan = self._plan(a, b, out, transpose_a, transpose_b, {})
        if plan is None:
            raise DeviceError(f"cuBLASLt has no product of {a.shape} and {b.shape} in {dtype_name(out)}")
        plan(a, b, out)

    def with_epilogue(
        self,
        name: str,
        a: DeviceArray,
        b: DeviceArray,
        out: DeviceArray,
        vector: DeviceArray | None,
        kept: DeviceArray | None = None,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
    ) -> bool:
        """out = epilogue `name` (epilogues.py) of op(a) op(b); `vector` is the bias or receives sums, `kept` serves the gradient.

        Returns False, and does nothing, if the library does not offer the epilogue or its results are wrong.
        """
        if 0 in a.shape or 0 in b.shape:
            return False
        if a.shape[0 if transpose_a else 1] == 1 and name.startswith(SUMS_OF_TWO):
            return False
        right = self.is_right(name, dtype_name(a), dtype_name(out))
        return right and self.tried(name, a, b, out, vector, kept, transpose_a=transpose_a, transpose_b=transpose_b)

    def is_right(self, name: str, dtype: str, dtype_out: str) -> bool:
        """Whether the epilogue is offered for factors and results of these dtypes, is right and keeps NaN; tried once."""
        key = name, dtype, dtype_out
        if key not in self._right:
            verdict = Probe(self, self._device, dtype, dtype_out).verdict(name)
            self._right[key] = bool(verdict["right"] and verdict["keeps_nan"])
        return self._right[key]

    def tried(
        self, name: str, a: DeviceArray, b: DeviceArray, out: DeviceArray, vector: DeviceArray | None, kept: DeviceArray | None = None, *,
        transpose_a: bool = False, transpose_b: bool = False,
    ) -> bool:  # fmt: skip
        """with_epilogue without the check of its results."""
        address, attribute = self._device.address, self._library.MatmulDescAttribute
        settings = {attribute.EPILOGUE: int(self._library.Epilogue[name])}
        if vector is not None:
            settings[attribute.BIAS_POINTER] = address(vector)
        if kept is not None:
            bits = dtype_name(kept) == "uint8"
            leading = kept.shape[1] * (8 if bits else 1)
            if leading % (BITS if bits else 8):
                return False
            settings |= {attribute.EPILOGUE_AUX_POINTER: address(kept), attribute.EPILOGUE_AUX_LD: leading}
        if any(address(array) % ALIGNMENT for array in (vector, kept) if array is not None):
            return False
        plan = self._plan(a, b, out, transpose_a, transpose_b, settings)
        if plan is not None:
            plan(a, b, out)
        return plan is not None

    def _plan(
        self,
        a: DeviceArray,
        b: DeviceArray,
        out: DeviceArray,
        transpose_a: bool,
        transpose_b: bool,
        settings: Mapping[int, int],
    ) -> Plan | None:
        # a plan holds for these alignments, and for these addresses of vectors
        dtypes, aligned = (dtype_name(a), dtype_name(out)), self._alignments(a, b, out)
        key = *dtypes, a.shape, b.shape, transpose_a, transpose_b, aligned, *settings.values()
        if key not in self._plans:
            self._plans[key] = self.prepared(a, b, out, transpose_a, transpose_b, settings)
        return self._plans[key]

    def _alignments(self, *arrays: DeviceArray) -> tuple[int, ...]:
        return tuple(min(256, address & -address) for address in map(self._device.address, arrays))

    def prepared(
        self,
        a: DeviceArray,
        b: DeviceArray,
        out: DeviceArray,
        transpose_a: bool,
        transpose_b: bool,
        settings: Mapping[int, int],
    ) -> Plan | None:
        """A function of (a, b, out) for arrays like these, or None if no algorithm supports this product; `settings` are further
        attributes of it, such as an epilogue and the addresses that it reads and writes."""
        lt, handle, dtype = self._library, self._handle, dtype_name(a)
        (k, m), (n, _) = (a.shape[:: 1 if transpose_a else -1], b.shape[:: 1 if transpose_b else -1])
        layouts = [
            (k, n, k) if transpose_b else (n, k, n),  # b, column by column: rows, columns, leading dimension
            (m, k, m) if transpose_a else (k, m, k),
            (n, m, n),
        ]
        double = dtype == "float64"
        compute = _COMPUTE_64F if double else PRECISIONS[self.precision] if dtype == "float32" else _COMPUTE_32F
        description = lt.matmul_desc_create(compute, _STORED["float64" if double else "float32"])
        attribute = lt.MatmulDescAttribute
        facts = {attribute.TRANSA: int(transpose_b), attribute.TRANSB: int(transpose_a), **settings}
        for name, fact in facts.items():
            value = np.array([fact], lt.get_matmul_desc_attribute_dtype(name))
            lt.matmul_desc_set_attribute(description, name, value.ctypes.data, value.nbytes)
        dtypes = dtype, dtype, dtype_name(out)
        of_b, of_a, of_out = (
            lt.matrix_layout_create(_STORED[each], *layout) for each, layout in zip(dtypes, layouts, strict=True)
        )
        scale = np.array([1, 0], "float64" if double else "float32")  # out = 1 op(a) op(b) + 0 out
        one, zero = scale.ctypes.data, scale.ctypes.data + scale.itemsize
        address, stream, workspace = self._device.address, self._device.stream, self._device.address(self._workspace)

        def start(
            algorithm: np.ndarray, a: DeviceArray, b: DeviceArray, out: DeviceArray, kept: np.ndarray = scale
        ) -> None:  # only addresses are passed on
            d = address(out)
            lt.matmul(
                handle, description, one, address(b), of_b, address(a), of_a, zero, d, of_out, d, of_out,
                algorithm.ctypes.data, workspace, WORKSPACE, stream(),
            )  # fmt: skip

        alignments = self._alignments(a, b, out)
        epilogue = settings.get(attribute.EPILOGUE, int(lt.Epilogue.DEFAULT))
        key = f"{dtype} {dtypes[2]} {compute} {m}x{k}x{n} {int(transpose_a)}{int(transpose_b)} {epilogue} {alignments}"
        described = description, of_b, of_a, of_out
        algorithm = self._checked(described, self._device.algorithms.get(key))
        if algorithm is None:
            proposals = self._proposals(described, alignments)
            if not proposals:
                return None
            algorithm = proposals[0]
            if len(proposals) > 1:
                seconds = [self._seconds(partial(start, proposal, a, b, out)) for proposal in proposals]
                if min(seconds) == math.inf:
                    return None
                algorithm = proposals[int(np.argmin(seconds))]
            self._device.algorithms.choose(key, algorithm)
        return partial(start, algorithm)

    def _seconds(self, work: Callable[[], None]) -> float:
        """The time that an algorithm takes; infinite for one that the library proposed but refuses to run."""
        try:
            return self._device.seconds(work)
        except Exception as error:
            if not _refused(error):
                raise
            return math.inf

    def _checked(self, described: tuple[int, ...], algorithm: np.ndarray | None) -> np.ndarray | None:
        """The remembered algorithm, if the library confirms that it supports this product within the workspace, else None."""
        if algorithm is None:
            return None
        lt, result = self._library, np.zeros(RESULT, np.uint8)
        description, of_b, of_a, of_out = described
        try:
            lt.matmul_algo_check(
                self._handle, description, of_b, of_a, of_out, of_out, algorithm.ctypes.data, result.ctypes.data
            )
        except Exception:  # the algorithm is not used, whatever the reason
            return None
        fits = result[64:72].view(np.uint64)[0] <= WORKSPACE and result[72:76].view(np.int32)[0] == _SUCCESS
        return algorithm if fits else None

    def _proposals(self, described: tuple[int, ...], alignments: tuple[int, ...]) -> list[np.ndarray]:
        """The 64 bytes of each algorithm that the library proposes, with the one it estimates as fastest first."""
        lt, preference = self._library, self._library.matmul_preference_create()
        description, of_b, of_a, of_out = described
        wanted = lt.MatmulPreferenceAttribute
        a, b, out = alignments
        facts = {
            wanted.MAX_WORKSPACE_BYTES: WORKSPACE,
            wanted.MIN_ALIGNMENT_A_BYTES: b,
            wanted.MIN_ALIGNMENT_B_BYTES: a,
            wanted.MIN_ALIGNMENT_C_BYTES: out,
            wanted.MIN_ALIGNMENT_D_BYTES: out,
        }
        for name, fact in facts.items():
            value = np.array([fact], lt.get_matmul_preference_attribute_dtype(name))
            lt.matmul_preference_set_attribute(preference, name, value.ctypes.data, value.nbytes)
        found = np.zeros((PROPOSALS, RESULT), np.uint8)
        count = np.zeros(1, np.int32)
        try:
            lt.matmul_algo_get_heuristic(
                self._handle,
                description,
                of_b,
                of_a,
                of_out,
                of_out,
                preference,
                PROPOSALS,
                found.ctypes.data,
                count.ctypes.data,
            )
        except Exception as error:
            if not _refused(error):
                raise
            return []
        finally:
            lt.matmul_preference_destroy(preference)
        return [result[:BYTES].copy() for result in found[: count[0]] if result[72:76].view(np.int32)[0] == _SUCCESS]


def _refused(error: Exception) -> bool:
    """Whether this error of the bindings means that the library does not support the product; others are real errors."""
    return any(status in str(error) for status in REFUSALS)
