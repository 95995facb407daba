"""Only the matrix products of a step, on a GPU: a replayed CUDA graph of cuBLASLt calls, without launches by Python.

CuPy refuses cuBLAS while a stream is captured; cuBLASLt takes stream and workspace as arguments and can be captured.  Each
product uses the fastest of the algorithms that cuBLASLt proposes.  The variant is float32, tf32 or bf16.  Not run on a GPU yet;
see README.md in the folder above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from clocks import events
from tasks import Data, Task

from .peer import Peer, Unavailable

FLOAT32, BFLOAT16, COMPUTE_FLOAT32, COMPUTE_TF32 = 0, 14, 68, 77  # of cudaDataType_t and cublasComputeType_t
WORKSPACE = 32 << 20
PROPOSALS = 8
ALGORITHM_BYTES = 96  # of cublasLtMatmulHeuristicResult_t, whose first member is the algorithm
STEPS_OF_A_GRAPH = 8


class Layout(NamedTuple):
    """A product of row-major arrays, D = op(A) op(B), as cuBLASLt's product of column-major arrays, Dᵀ = op(B)ᵀ op(A)ᵀ.

    Its first operand is our B, its second our A.  Each shape is (rows, columns) of the array in memory, read as column-major;
    the leading dimension is the number of rows.
    """

    first: tuple[int, int]
    second: tuple[int, int]
    result: tuple[int, int]
    transpose_first: bool
    transpose_second: bool


def layout(kind: str, m: int, k: int, n: int) -> Layout:
    """The layout of a product of `Task.products`: x W; xᵀ δ with x stored k × m; δ Wᵀ with W stored n × k."""
    transposed_a, transposed_b = kind == "weights", kind == "inputs"
    a = (m, k) if transposed_a else (k, m)
    b = (k, n) if transposed_b else (n, k)
    return Layout(b, a, (n, m), transposed_b, transposed_a)


class _Product:
    """One planned product: all attributes are set before the capture.  `kinds` are the dtypes of first, second and result."""

    def __init__(
        self, lt: Any, handle: int, shape: Layout, arrays: tuple[Any, Any, Any], kinds: tuple[int, int, int],
        workspace: Any, compute: int,
    ) -> None:  # fmt: skip
        self._lt, self._handle, self._arrays, self._workspace = lt, handle, arrays, workspace
        self._one, self._zero = np.ones(1, np.float32), np.zeros(1, np.float32)
        self._operation = lt.matmul_desc_create(compute, FLOAT32)
        for attribute, transpose in (
            (lt.MatmulDescAttribute.TRANSA, shape.transpose_first),
            (lt.MatmulDescAttribute.TRANSB, shape.transpose_second),
        ):
            value = np.array([int(transpose)], lt.get_matmul_desc_attribute_dtype(attribute))
            lt.matmul_desc_set_attribute(self._operation, attribute, value.ctypes.data, value.nbytes)
        self._layouts = [
            lt.matrix_layout_create(kind, rows, columns, rows)
            for kind, (rows, columns) in zip(kinds, (shape.first, shape.second, shape.result), strict=True)
        ]
        preference = lt.matmul_preference_create()
        most = lt.MatmulPreferenceAttribute.MAX_WORKSPACE_BYTES
        value = np.array([WORKSPACE], lt.get_matmul_preference_attribute_dtype(most))
        lt.matmul_preference_set_attribute(preference, most, value.ctypes.data, value.nbytes)
        self._proposals = lt.MatmulHeuristicResult(PROPOSALS)
        found = np.zeros(1, np.int32)
        first, second, result = self._layouts
        lt.matmul_algo_get_heuristic(
            handle, self._operation, first, second, result, result, preference, PROPOSALS, self._proposals.ptr,
            found.ctypes.data,
        )  # fmt: skip
        lt.matmul_preference_destroy(preference)
        if not found[0]:
            raise Unavailable(f"cuBLASLt has no algorithm for {shape}")
        self._algorithm = self._proposals.ptr
        self.proposals = [self._proposals.ptr + i * ALGORITHM_BYTES for i in range(int(found[0]))]

    def __call__(self, stream: int) -> None:
        b, a, d = self._arrays
        first, second, result = self._layouts
        self._lt.matmul(
            self._handle, self._operation, self._one.ctypes.data, b.data.ptr, first, a.data.ptr, second,
            self._zero.ctypes.data, d.data.ptr, result, d.data.ptr, result, self._algorithm,
            self._workspace.data.ptr, WORKSPACE, stream,
        )  # fmt: skip

    def choose(self, stream: Any) -> None:
        """Choose the fastest proposal, by events around 20 calls of each."""
        times = {}
        for algorithm in self.proposals:
            self._algorithm = algorithm
            self(stream.ptr)
            times[algorithm] = events(lambda: self(stream.ptr), 20)
        self._algorithm = min(times, key=lambda algorithm: times[algorithm])


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        if not device.startswith("cuda"):
            raise Unavailable("cuBLASLt works on a GPU")
        import cupy
        from nvmath.bindings import cublasLt

        self._cupy, self._lt = cupy, cublasLt
        cupy.cuda.Device(int(device.partition(":")[2] or 0)).use()
        self._handle = cublasLt.create()
        self._stream = cupy.cuda.Stream(non_blocking=True)

    def start(self, seed: int) -> None:
        xp = self._cupy
        compute = COMPUTE_TF32 if self.variant == "tf32" else COMPUTE_FLOAT32
        with self._stream:
            random = xp.random.RandomState(seed)
            workspace = xp.empty(WORKSPACE, xp.uint8)
            self._products = []
            for kind, m, k, n in self.task.products():
                shape = layout(kind, m, k, n)
                arrays = [random.standard_normal(r * c).astype(xp.float32) for r, c in (shape.first, shape.second)]
                d, kinds = xp.empty(m * n, xp.float32), (FLOAT32, FLOAT32, FLOAT32)
                if self.variant == "bf16":  # gradients of weights are sums and stay in float32
                    arrays = [(array.view(xp.uint32) >> 16).astype(xp.uint16) for array in arrays]
                    kinds = BFLOAT16, BFLOAT16, FLOAT32 if kind == "weights" else BFLOAT16
                product = _Product(self._lt, self._handle, shape, (*arrays, d), kinds, workspace, compute)
                self._products.append(product)
            for product in self._products:
                product.choose(self._stream)
            self._stream.synchronize()
            self._stream.begin_capture()
            try:
                for _ in range(STEPS_OF_A_GRAPH):
                    for product in self._products:
                        product(self._stream.ptr)
            finally:  # otherwise the stream would stay in capture
                self._graph = self._stream.end_capture()
            self._graph.upload(self._stream)
            self._stream.synchronize()

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        """Run whole graphs: the number of steps is rounded up; `steps` below is this number."""
        launches = range(-(-self.task.steps // STEPS_OF_A_GRAPH))
        begin()
        for _ in range(epochs):
            for _ in launches:
                self._graph.launch(self._stream)
            self._stream.synchronize()
            if after_epoch(float("nan")):
                return

    @property
    def steps(self) -> int:
        return -(-self.task.steps // STEPS_OF_A_GRAPH) * STEPS_OF_A_GRAPH

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        raise NotImplementedError("bare products classify nothing")

    def facts(self) -> dict[str, str]:
        return {"version": str(self._lt.get_version())}
