"""Products through cuBLASLt: the calls as the library gets them, made to a mock that honours layouts, and its real names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore.errors import ConfigurationError, DeviceError
from dlcore.kernels import cuda, reference
from dlcore.kernels.cuda import gemm

from . import mock_cublaslt
from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import CublasLtError, Epilogue, MockCublasLt

RANDOM = np.random.default_rng(0)


def matrix(rows: int, columns: int, dtype: str = "float64") -> np.ndarray:
    return RANDOM.standard_normal((rows, columns)).astype(dtype)


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (3, 5, 7), (64, 10, 33)])
def test_products_of_every_layout(m: int, n: int, k: int, dtype: str, transpose_a: bool, transpose_b: bool) -> None:
    """out = op(a) op(b) for every shape that is not square, transposed or not.

    |fl(a b) − a b| <= k u |a| |b| in any order of summation (Higham 2002, 3.13), u = ε/2; 16 bits are summed in 32 and rounded.
    """
    a, b = matrix(*((k, m) if transpose_a else (m, k)), dtype), matrix(*((n, k) if transpose_b else (k, n)), dtype)
    out = np.full((m, n), np.nan, dtype)
    EmulatedDevice().product(a, b, out, transpose_a=transpose_a, transpose_b=transpose_b)
    a, b = (a.T if transpose_a else a).astype("float64"), (b.T if transpose_b else b).astype("float64")
    summed = np.finfo("float32" if dtype == "float16" else dtype).eps
    # ε in place of u: the float64 product beside it is rounded too
    allowed = np.finfo(dtype).eps * np.abs(a @ b) + k * summed * (np.abs(a) @ np.abs(b))
    assert (np.abs(out - a @ b) <= allowed).all()


@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_a_product_over_nothing_is_zero(m: int, n: int, k: int) -> None:
    out = np.full((m, n), np.nan)
    EmulatedDevice().product(matrix(m, k), matrix(k, n), out)
    assert not out.any()


def test_a_plan_is_made_once_for_a_shape() -> None:
    """A second product of the same shape asks the library for nothing but the product."""
    library = MockCublasLt()
    device, a, b, out = EmulatedDevice(library), matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    for _ in range(3):
        device.product(a, b, out)
    assert (library.prepared, library.products) == (1, 3)


def test_an_algorithm_suits_the_addresses() -> None:
    """Arrays of the same shape that begin off a boundary have a plan of their own."""
    library = MockCublasLt()
    device, out = EmulatedDevice(library), np.zeros((4, 8))
    room = np.zeros(100)
    start = (-room.ctypes.data % 256) // 8
    for offset in (0, 1, 2):
        a = room[start + offset : start + offset + 24].reshape(4, 6)
        device.product(a, matrix(6, 8), out)
    assert library.products == 3
    assert library.prepared == 3


def test_siblings_share_no_workspace() -> None:
    library = MockCublasLt()
    device = EmulatedDevice(library)
    assert device.sibling()._products._workspace is not device._products._workspace


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize("refuses", [(), (Epilogue.BGRADA,)], ids=["epilogue", "kernel"])
def test_weight_and_bias_gradient(refuses: tuple[int, ...]) -> None:
    """One product sums the columns too where the library offers it, a kernel of ours does where it does not."""
    library = MockCublasLt(refuses)
    device, x, delta = EmulatedDevice(library), matrix(40, 6), matrix(40, 9)
    dW, db = np.full((6, 9), np.nan), aligned(np.full(9, np.nan))
    launched: list[str] = []
    launch = device.launch
    device.launch = lambda file, kernel, *rest, **more: (launched.append(kernel), launch(file, kernel, *rest, **more))  # type: ignore[method-assign]
    cuda.kernels(device)["dense_grad"](x, delta, out=(dW, db))
    np.testing.assert_allclose(dW, x.T @ delta, atol=1e-12)
    np.testing.assert_allclose(db, delta.sum(axis=0), atol=1e-12)
    assert launched == (["column_sums"] if refuses else [])


def aligned(values: np.ndarray) -> np.ndarray:
    """A copy on a 64-byte boundary, as the arrays of a step are: what an epilogue is told the address of must be."""
    room = np.zeros(values.nbytes + 64, "uint8")
    copy = room[-room.ctypes.data % 64 :][: values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


class ClearsNaN(MockCublasLt):
    """Whatever has an epilogue with these flags, or any at all, has no NaN in it."""

    def __init__(self, refuses: tuple[int, ...] = (), only: int = 0) -> None:
        super().__init__(refuses)
        self._only = only

    def _epilogue(self, settings: Any, left: Any, right: Any, dtype: str) -> np.ndarray:
        result = super()._epilogue(settings, left, right, dtype)
        kind = settings[mock_cublaslt.MatmulDescAttribute.EPILOGUE]
        return result if kind == Epilogue.DEFAULT or kind & self._only != self._only else np.nan_to_num(result)


class Rough(MockCublasLt):
    """The tanh of its GELU has three digits."""

    def _epilogue(self, settings: Any, left: Any, right: Any, dtype: str) -> np.ndarray:
        result = super()._epilogue(settings, left, right, dtype)
        rough = "GELU" in Epilogue(settings[mock_cublaslt.MatmulDescAttribute.EPILOGUE]).name
        return result * (1 + 1e-3) if rough else result


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize(
    ("library", "epilogues"),
    [
        (MockCublasLt, ("BIAS", "RELU_BIAS", "GELU_AUX_BIAS", "DGELU_BGRAD", "BGRADA")),
        (lambda: MockCublasLt(tuple(Epilogue)[1:]), ()),
        (ClearsNaN, ()),
        (Rough, ("BIAS", "RELU_BIAS", "BGRADA")),
    ],
    ids=["all", "none", "loses NaN", "rough"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_epilogues_and_kernels_compute_the_same(library: Any, epilogues: tuple[str, ...], dtype: str) -> None:
    """Right in any case; by an epilogue where the library has it, and has it right."""
    lt = library()
    kernels = cuda.kernels(EmulatedDevice(lt))
    x, W, b, delta = (aligned(matrix(*shape, dtype)) for shape in ((40, 6), (6, 16), (1, 16), (40, 16)))
    b, V, d = b.reshape(16), aligned(matrix(16, 5, dtype)), aligned(matrix(40, 5, dtype))  # of a layer above
    for name, inputs, shapes, epilogue in (
        ("dense", (x, W, b), [(40, 16)], "BIAS"),
        ("dense_relu", (x, W, b), [(40, 16)], "RELU_BIAS"),
        ("dense_gelu_tanh", (x, W, b), [(40, 16), (40, 16)], "GELU_AUX_BIAS"),
        ("input_grad_gelu_tanh", (d, V, delta), [(40, 16), (16,)], "DGELU_BGRAD"),
        ("dense_grad", (x, delta), [(6, 16), (16,)], "BGRADA"),
    ):
        for _ in range(2):  # the first time it is tried on an example
            out = tuple(aligned(np.full(shape, np.nan, dtype)) for shape in shapes)
            lt.used.clear()
            kernels[name](*inputs, out=out if len(out) > 1 else out[0])
        assert set(lt.used) == {epilogue if epilogue in epilogues else "DEFAULT"}
        want = reference.KERNELS[name](np, *(v.astype("float64") for v in inputs))
        for found, expected in zip(out, want if len(out) > 1 else (want,), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=400 * np.finfo(dtype).eps)


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize("width", [6, 8])
def test_what_gelu_keeps_has_rows_of_whole_vectors(width: int) -> None:
    """The library takes rows of 8 entries and of multiples of it; for others it is not asked, as the mock asserts."""
    lt = MockCublasLt()
    dense = cuda.kernels(EmulatedDevice(lt))["dense_gelu_tanh"]
    x, W, b = aligned(matrix(40, 3)), aligned(matrix(3, width)), aligned(matrix(1, width)).reshape(width)
    out = aligned(np.empty((40, width))), aligned(np.empty((40, width)))
    for _ in range(2):  # the first time it is tried on an example
        lt.used.clear()
        dense(x, W, b, out=out)
    assert set(lt.used) == {"GELU_AUX_BIAS" if width == 8 else "DEFAULT"}


def test_an_epilogue_that_loses_nan_is_not_used() -> None:
    """The example that is tried first has a NaN in it."""
    sums, arrays = aligned(np.full(9, 5.0)), (matrix(40, 6), matrix(40, 9), np.zeros((6, 9)))
    assert not EmulatedDevice(ClearsNaN()).product_with("BGRADA", *arrays, sums, transpose_a=True)
    assert (sums == 5).all()
    assert EmulatedDevice().product_with("BGRADA", *arrays, sums, transpose_a=True)


def test_a_product_that_the_library_does_not_have_is_an_error() -> None:
    with pytest.raises(DeviceError, match="no product of"):
        EmulatedDevice(MockCublasLt((Epilogue.DEFAULT,))).product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("status", ["NOT_SUPPORTED", "ARCH_MISMATCH", "INVALID_VALUE"])
def test_what_the_library_refuses_is_done_otherwise(status: str) -> None:
    """An epilogue, however that is said, and an algorithm that was proposed but cannot be started."""
    library = MockCublasLt((Epilogue.BGRADA,), costs=(-1, 2, -1))
    library.status = f"CUBLAS_STATUS_{status}"
    device, (x, delta) = EmulatedDevice(library), (matrix(40, 6), matrix(40, 9))
    dW = np.zeros((6, 9))
    assert not device.product_with("BGRADA", x, delta, dW, aligned(np.zeros(9)), transpose_a=True)
    device.product(x, delta, dW, transpose_a=True)
    np.testing.assert_allclose(dW, x.T @ delta)
    assert chosen(device) == [1]
    library.costs = (-1, -1)
    with pytest.raises(DeviceError, match="no product of"):
        device.product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


def test_gradients_of_a_product_with_one_term_have_no_epilogue() -> None:
    """A network with one output, and a batch of one row: the mock asserts that it is not asked."""
    device, one = EmulatedDevice(), matrix(1, 6)
    assert not device.product_with(
        "BGRADA", one, matrix(1, 9), np.zeros((6, 9)), aligned(np.zeros(9)), transpose_a=True
    )
    arrays = matrix(40, 1), matrix(8, 1), np.zeros((40, 8))
    assert not device.product_with("DGELU", *arrays, None, aligned(matrix(40, 8)), transpose_b=True)
    assert device.product_with("BIAS", one.T.copy(), one, np.zeros((6, 6)), aligned(np.ones(6)))


@pytest.mark.parametrize("status", ["NOT_SUPPORTED", "INTERNAL_ERROR"])
def test_other_errors_of_the_library_are_not_hidden(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NOT_SUPPORTED is an answer; anything else is reported as it is."""

    def fails(*_: Any) -> None:
        raise CublasLtError(f"an error (CUBLAS_STATUS_{status})")

    library = MockCublasLt()
    monkeypatch.setattr(library, "matmul_algo_get_heuristic", fails)
    with pytest.raises(DeviceError if status == "NOT_SUPPORTED" else CublasLtError):
        EmulatedDevice(library).product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


def test_precision_is_one_of_two() -> None:
    with pytest.raises(ConfigurationError, match="highest, high"):
        EmulatedDevice(precision="medium")


def test_high_precision_is_tf32_for_float32_only() -> None:
    """The number of the compute type, as cublasComputeType_t has it."""
    for dtype, compute in (("float32", 77), ("float64", 70), ("float16", 68)):
        library = MockCublasLt()
        EmulatedDevice(library, "high").product(matrix(2, 3, dtype), matrix(3, 2, dtype), np.zeros((2, 2), dtype))
        described = [thing for thing in library._things.values() if isinstance(thing, dict) and "compute" in thing]
        assert [thing["compute"] for thing in described] == [compute]


# -- algorithms ------------------------------------------------------------------------------------------------------


def chosen(device: EmulatedDevice) -> list[int]:
    """Which proposal was taken for each product."""
    return [
        int(np.frombuffer(bytes.fromhex(value), "uint64")[6]) for value in device.algorithms.facts()["chosen"].values()
    ]


def test_the_fastest_algorithm_is_found_once() -> None:
    """Each of three proposals is tried once; then the product is one call."""
    library = MockCublasLt(costs=(3, 1, 2))
    device, a, b, out = EmulatedDevice(library), matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    device.product(a, b, out)
    assert (chosen(device), library.products) == ([1], 4)
    np.testing.assert_allclose(out, a @ b, atol=1e-12)
    device.product(a, b, out)
    assert (library.prepared, library.products, library.cost) == (1, 5, 1)
    device.sibling().product(a, b, out)  # a second stream has plans of its own, and the same algorithms
    assert (library.prepared, library.products) == (1, 6)


def test_a_choice_is_kept_in_a_file(tmp_path: Path) -> None:
    """The next process takes it without trying, though it would choose otherwise; a torn file is none."""
    file, a, b, out = tmp_path / "cache" / "algorithms.json", matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    EmulatedDevice(MockCublasLt(costs=(3, 1, 2)), cache=file).product(a, b, out)
    library = MockCublasLt(costs=(1, 2, 3))
    device = EmulatedDevice(library, cache=file)
    device.product(a, b, out)
    assert (chosen(device), library.prepared, library.products) == ([1], 0, 1)
    file.write_text(file.read_text()[:-9])
    again = EmulatedDevice(MockCublasLt(costs=(1, 2, 3)), cache=file)
    again.product(a, b, out)
    assert chosen(again) == [0]


def test_a_file_keeps_what_others_have_chosen(tmp_path: Path) -> None:
    """Two devices of one process, one for each precision, and another GPU: none loses the choice of another one."""
    file, b, out = tmp_path / "algorithms.json", matrix(6, 8), np.zeros((4, 8))

    class Other(EmulatedDevice):
        def identity(self) -> str:
            return "another GPU"

    devices = [kind(MockCublasLt(costs=(3, 1)), cache=file) for kind in (EmulatedDevice, EmulatedDevice, Other)]
    for rows, device in zip((4, 3, 4), devices, strict=True):
        device.product(matrix(rows, 6), b, out[:rows])
    assert [len(kind(cache=file).algorithms.facts()["chosen"]) for kind in (EmulatedDevice, Other)] == [2, 1]
    file.write_text('{"a mock of cuBLASLt": 3}')  # a file of something else is none
    EmulatedDevice(MockCublasLt(costs=(3, 1)), cache=file).product(matrix(4, 6), b, out)
    assert len(EmulatedDevice(cache=file).algorithms.facts()["chosen"]) == 1


def test_a_hint_is_checked_before_it_is_used() -> None:
    """One for another GPU is left aside, and one that the library refuses, or that is for another shape."""
    a, b, out = matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    first = EmulatedDevice(MockCublasLt(costs=(3, 2, 1)))
    first.product(a, b, out)
    facts = first.algorithms.facts()
    ((key, value),) = facts["chosen"].items()
    other_shape = EmulatedDevice(MockCublasLt())
    other_shape.product(matrix(5, 6), b, np.zeros((5, 8)))
    wrong = next(iter(other_shape.algorithms.facts()["chosen"].values()))
    for hint, want in (
        (facts, 2),
        (facts | {"identity": "another GPU"}, 0),
        (facts | {"chosen": {key: wrong}}, 0),
        (facts | {"chosen": {key: "00" * 64}}, 0),
        (facts | {"chosen": {key: value[:-1]}}, 0),
        (None, 0),
    ):
        device = EmulatedDevice(MockCublasLt(costs=(1, 2, 3)))
        device.algorithms.hint(hint)
        device.product(a, b, out)
        assert chosen(device) == [want]


@pytest.mark.parametrize(("needs", "want"), [(gemm.WORKSPACE, 2), (gemm.WORKSPACE + 1, 0)])
def test_a_hint_that_needs_more_workspace_is_left_aside(needs: int, want: int) -> None:
    """It was chosen where there was more."""
    a, b, out = matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    first = EmulatedDevice(MockCublasLt(costs=(3, 2, 1)))
    first.product(a, b, out)
    library = MockCublasLt(costs=(1, 2, 3))
    library.needs = needs
    device = EmulatedDevice(library)
    device.algorithms.hint(first.algorithms.facts())
    device.product(a, b, out)
    assert chosen(device) == [want]


def test_the_choice_of_a_checkpoint_counts_more_than_that_of_the_cache(tmp_path: Path) -> None:
    """A run that is resumed where another algorithm is remembered keeps its own, and so its bits."""
    a, b, out, file = matrix(4, 6), matrix(6, 8), np.zeros((4, 8)), tmp_path / "algorithms.json"
    run, local = EmulatedDevice(MockCublasLt(costs=(3, 1))), EmulatedDevice(MockCublasLt(costs=(1, 3)), cache=file)
    run.product(a, b, out)
    local.product(a, b, out)
    resumed = EmulatedDevice(MockCublasLt(costs=(1, 3)), cache=file)
    assert chosen(resumed) == [0]
    resumed.algorithms.hint(run.algorithms.facts())
    resumed.product(a, b, out)
    assert chosen(resumed) == [1]


# -- the real library ------------------------------------------------------------------------------------------------


def test_the_mock_has_the_names_and_numbers_of_the_library() -> None:
    """Functions, their arguments and enumerations are those of nvmath.bindings.cublasLt; no GPU is needed to look."""
    real = pytest.importorskip("nvmath.bindings.cublasLt")
    for kind in (mock_cublaslt.Epilogue, mock_cublaslt.MatmulDescAttribute, mock_cublaslt.MatmulPreferenceAttribute):
        for member in kind:
            assert int(getattr(real, kind.__name__)[member.name]) == member
    for name, function in vars(MockCublasLt).items():
        if not name.startswith("_"):
            assert callable(getattr(real, name)) == callable(function)
    for attribute, dtype in mock_cublaslt.DESCRIPTION_DTYPES.items():
        assert real.get_matmul_desc_attribute_dtype(attribute) is dtype
    for wish in mock_cublaslt.MatmulPreferenceAttribute:
        assert real.get_matmul_preference_attribute_dtype(wish) is mock_cublaslt.preference_dtype(wish)
    result = real.MatmulHeuristicResult(1)
    assert result.algo.itemsize == 64


def test_the_numbers_of_types_are_nvidias() -> None:
    nvmath = pytest.importorskip("nvmath")
    cublas = pytest.importorskip("nvmath.bindings.cublas")
    kinds = {"float64": "CUDA_R_64F", "float32": "CUDA_R_32F", "float16": "CUDA_R_16F", "bfloat16": "CUDA_R_16BF"}
    assert {name: int(nvmath.CudaDataType[kind]) for name, kind in kinds.items()} == gemm._STORED
    assert int(cublas.ComputeType.COMPUTE_32F) == gemm._COMPUTE_32F
    assert int(cublas.ComputeType.COMPUTE_32F_FAST_TF32) == gemm._COMPUTE_32F_FAST_TF32
    assert int(cublas.ComputeType.COMPUTE_64F) == gemm._COMPUTE_64F


def test_no_cuda_library_is_imported_with_the_kernels() -> None:
    """Sources that import CuPy or nvmath do so where a device is made."""
    for path in Path(gemm.__file__).parent.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.startswith(("import cupy", "from cupy", "import nvmath", "from nvmath")), path
