"""A mock of cuBLASLt in host memory, with the functions of nvmath.bindings.cublasLt that dlcore calls.

It obeys the layouts that were set, column-major with a leading dimension, and gets only the address of an array.
Algorithms are numbers that must come back unchanged: a mark, the alignments and the shape that they are for, and the index of
their cost in `costs`; an algorithm with a negative cost cannot be started.  `refuses` are epilogues without any algorithm;
`status` is the error for them.
"""

from __future__ import annotations

import ctypes
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import count
from typing import Any

import numpy as np

from .stream import STREAM


class Epilogue(IntEnum):
    DEFAULT = 1
    BIAS = 4
    RELU_BIAS = 6
    RELU_AUX_BIAS = 134
    DRELU = 136
    DRELU_BGRAD = 152
    GELU_BIAS = 36
    GELU_AUX_BIAS = 164
    DGELU = 192
    DGELU_BGRAD = 208
    BGRADA = 256
    BGRADB = 512


class MatmulDescAttribute(IntEnum):
    TRANSA = 3
    TRANSB = 4
    EPILOGUE = 7
    BIAS_POINTER = 8
    EPILOGUE_AUX_POINTER = 11
    EPILOGUE_AUX_LD = 12


class MatmulPreferenceAttribute(IntEnum):
    MAX_WORKSPACE_BYTES = 1
    MIN_ALIGNMENT_A_BYTES = 5
    MIN_ALIGNMENT_B_BYTES = 6
    MIN_ALIGNMENT_C_BYTES = 7
    MIN_ALIGNMENT_D_BYTES = 8


GELU = np.sqrt(2 / np.pi)
DTYPES = {0: "float32", 1: "float64", 2: "float16", 14: "bfloat16"}
DESCRIPTION_DTYPES = {
    MatmulDescAttribute.TRANSA: np.int32,
    MatmulDescAttribute.TRANSB: np.int32,
    MatmulDescAttribute.EPILOGUE: np.uint32,
    MatmulDescAttribute.BIAS_POINTER: np.int64,
    MatmulDescAttribute.EPILOGUE_AUX_POINTER: np.int64,
    MatmulDescAttribute.EPILOGUE_AUX_LD: np.int64,
}


def preference_dtype(attribute: int) -> Any:
    return np.uint64 if attribute == MatmulPreferenceAttribute.MAX_WORKSPACE_BYTES else np.uint32


class CublasLtError(Exception):
    """Like cuBLASLtError, with the name of the status in the message."""


def at(address: int, count: int, dtype: str) -> np.ndarray:
    """The array in memory that begins at an address."""
    size = count * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype)


class MockCublasLt:
    """The library; its functions take and return numbers."""

    Epilogue, MatmulDescAttribute, MatmulPreferenceAttribute = Epilogue, MatmulDescAttribute, MatmulPreferenceAttribute

    def __init__(self, refuses: tuple[int, ...] = (), costs: tuple[int, ...] = (1,)) -> None:
        self.refuses, self.costs, self.cost = refuses, costs, 0
        self.needs = 0  # bytes of workspace that a remembered algorithm needs
        self.used: Counter[str] = Counter()  # epilogues, by name
        self.workspaces: set[int] = set()  # their addresses
        self._stream: Callable[[], int] = lambda: 0  # the current stream
        self.status = "CUBLAS_STATUS_NOT_SUPPORTED"
        self._numbers: Iterator[int] = count(1000)
        self._things: dict[int, Any] = {}

    def _new(self, thing: Any) -> int:
        number = next(self._numbers)
        self._things[number] = thing
        return number

    def get_version(self) -> int:
        return 130100

    def create(self) -> int:
        return self._new("handle")

    def matmul_desc_create(self, compute: int, scale: int) -> int:
        return self._new({"compute": compute, "scale": scale, MatmulDescAttribute.EPILOGUE: Epilogue.DEFAULT})

    def get_matmul_desc_attribute_dtype(self, attribute: int) -> Any:
        return DESCRIPTION_DTYPES[MatmulDescAttribute(attribute)]

    def matmul_desc_set_attribute(self, description: int, attribute: int, buffer: int, size: int) -> None:
        dtype = np.dtype(DESCRIPTION_DTYPES[MatmulDescAttribute(attribute)])
        assert size == dtype.itemsize
        self._things[description][attribute] = int(at(buffer, 1, dtype.name)[0])

    def matrix_layout_create(self, dtype: int, rows: int, columns: int, leading: int) -> int:
        if not (rows > 0 and columns > 0 and leading >= rows):
            raise CublasLtError("an unsupported value was passed (CUBLAS_STATUS_INVALID_VALUE)")
        return self._new((DTYPES[dtype], rows, columns, leading))

    def matmul_preference_create(self) -> int:
        return self._new({})

    def get_matmul_preference_attribute_dtype(self, attribute: int) -> Any:
        return preference_dtype(attribute)

    def matmul_preference_set_attribute(self, preference: int, attribute: int, buffer: int, size: int) -> None:
        dtype = np.dtype(preference_dtype(attribute))
        assert size == dtype.itemsize
        self._things[preference][attribute] = int(at(buffer, 1, dtype.name)[0])

    def matmul_preference_destroy(self, preference: int) -> None:
        del self._things[preference]

    def matmul_algo_get_heuristic(
        self,
        handle: int,
        description: int,
        A: int,
        B: int,
        C: int,
        D: int,
        preference: int,
        wanted: int,
        results: int,
        found: int,
    ) -> None:
        STREAM.refuse("the search for an algorithm")
        assert self._things[handle] == "handle"
        assert C == D
        wishes, settings = self._things[preference], self._things[description]
        if settings[MatmulDescAttribute.EPILOGUE] in self.refuses:
            raise CublasLtError(f"this is not supported ({self.status})")
        kind, (_, rows, columns, _) = settings[MatmulDescAttribute.EPILOGUE], self._things[A]
        one = (rows if settings[MatmulDescAttribute.TRANSA] else columns) == 1
        assert not (one and Epilogue(kind).name.startswith(("DRELU", "DGELU", "BGRAD"))), "not of a product with K = 1"
        count = at(found, 1, "int32")[0] = min(wanted, len(self.costs))
        for i, result in enumerate(at(results, 96 * count, "uint8").reshape(count, 96)):
            result[:] = 0
            # documented: without a wish an algorithm may assume 256 bytes
            alignments = (wishes.get(a, 256) for a in MatmulPreferenceAttribute if "ALIGNMENT" in a.name)
            result[:64].view("uint64")[:] = (0xA190, *alignments, self._shape(description, A, B, D), i, 0)

    def _shape(self, description: int, *layouts: int) -> int:
        settings = self._things[description]
        words = [
            settings[a] for a in (MatmulDescAttribute.EPILOGUE, MatmulDescAttribute.TRANSA, MatmulDescAttribute.TRANSB)
        ]
        return zlib.crc32(repr([words, *(self._things[layout] for layout in layouts)]).encode())

    def matmul_algo_check(
        self, handle: int, description: int, A: int, B: int, C: int, D: int, algorithm: int, result: int
    ) -> None:
        chosen = at(algorithm, 8, "uint64")
        if chosen[0] != 0xA190 or chosen[5] != self._shape(description, A, B, D) or chosen[6] >= len(self.costs):
            raise CublasLtError("an unsupported value was passed (CUBLAS_STATUS_INVALID_VALUE)")
        facts = at(result, 96, "uint8")
        facts[:] = 0
        facts[64:72].view("uint64")[0] = self.needs

    def matmul(
        self, handle: int, description: int, alpha: int, a: int, A: int, b: int, B: int, beta: int, c: int, C: int, d: int, D: int,
        algorithm: int, workspace: int, workspace_size: int, stream: int,
    ) -> None:  # fmt: skip
        settings, chosen = self._things[description], at(algorithm, 8, "uint64")
        assert chosen[0] == 0xA190
        assert chosen[5] == self._shape(description, A, B, D)
        self.cost = self.costs[int(chosen[6])]
        if self.cost < 0:
            raise CublasLtError(f"this is not supported ({self.status})")
        assert (workspace != 0, workspace_size > 0, stream) == (True, True, self._stream())
        self.workspaces.add(workspace)
        for address, alignment in zip((a, b, c, d), chosen[1:5], strict=True):
            assert address % int(alignment) == 0, "an algorithm for better aligned arrays"
        assert DTYPES[settings["scale"]] == ("float64" if self._things[D][0] == "float64" else "float32")
        assert (at(alpha, 1, DTYPES[settings["scale"]])[0], at(beta, 1, DTYPES[settings["scale"]])[0]) == (1, 0)
        STREAM.start(lambda: self._multiply(dict(settings), a, A, b, B, d, D))

    def _multiply(self, settings: dict[Any, Any], a: int, A: int, b: int, B: int, d: int, D: int) -> None:
        real = DTYPES[settings["scale"]]
        left, right = self._matrix(a, A), self._matrix(b, B)
        left = (left.T if settings[MatmulDescAttribute.TRANSA] else left).astype(real)
        right = (right.T if settings[MatmulDescAttribute.TRANSB] else right).astype(real)
        result = self._matrix(d, D)
        with np.errstate(all="ignore"):  # a GPU does not warn
            result[...] = self._epilogue(settings, left, right, result.dtype.name)

    def _epilogue(self, settings: dict[Any, Any], left: np.ndarray, right: np.ndarray, dtype: str) -> np.ndarray:
        """The product after its epilogue, column-major; an epilogue is a sum of flags.  ReLU keeps a bit for each entry."""
        kind, product = settings[MatmulDescAttribute.EPILOGUE], left @ right
        self.used[Epilogue(kind).name] += 1
        for pointer in (MatmulDescAttribute.BIAS_POINTER, MatmulDescAttribute.EPILOGUE_AUX_POINTER):
            assert settings.get(pointer, 0) % 16 == 0
        rows, columns = product.shape
        relu, bias, relu_grad, sums, gelu, gelu_grad, aux = (kind & flag for flag in (2, 4, 8, 16, 32, 64, 128))
        if bias:
            product = product + at(settings[MatmulDescAttribute.BIAS_POINTER], rows, dtype).astype(float)[:, None]
        if aux:
            leading, where = (
                settings[getattr(MatmulDescAttribute, f"EPILOGUE_AUX_{word}")] for word in ("LD", "POINTER")
            )
            assert leading >= rows
            assert leading % (128 if relu or relu_grad else 8) == 0
            if relu or relu_grad:
                bits = at(where, leading // 8 * columns, "uint8").reshape(columns, leading // 8)
                if relu:
                    bits[:, : -(-rows // 8)] = np.packbits(product.T > 0, axis=1, bitorder="little")
                kept = np.unpackbits(bits, axis=1, bitorder="little")[:, :rows].T
            else:
                values = at(where, leading * columns, dtype).reshape(columns, leading)
                if gelu:
                    values[:, :rows] = product.T
                kept = values[:, :rows].T.astype(float)
        if relu:
            product = np.maximum(product, 0)
        if gelu:
            product = 0.5 * product * (1 + np.tanh(GELU * (product + 0.044715 * product**3)))
        if relu_grad:
            product = np.where(kept, product, 0)
        if gelu_grad:
            t, inner = np.tanh(GELU * (kept + 0.044715 * kept**3)), GELU * (1 + 3 * 0.044715 * kept**2)
            product = product * (0.5 * (1 + t) + 0.5 * kept * (1 - t * t) * inner)
        for flag, summed in ((sums, product), (kind & Epilogue.BGRADA, left), (kind & Epilogue.BGRADB, right.T)):
            if flag:
                at(settings[MatmulDescAttribute.BIAS_POINTER], len(summed), dtype)[:] = summed.sum(axis=1).astype(dtype)
        return product.astype(dtype)

    def _matrix(self, address: int, layout: int) -> np.ndarray:
        dtype, rows, columns, leading = self._things[layout]
        flat = at(address, leading * (columns - 1) + rows, dtype)
        return np.lib.stride_tricks.as_strided(flat, (rows, columns), (flat.itemsize, flat.itemsize * leading))
