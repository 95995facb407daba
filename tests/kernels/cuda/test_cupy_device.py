"""device="cuda" from end to end with a stand-in for CuPy and cuBLASLt: every line that calls them is run."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends import backend
from dlcore.backends.backend import cuda_backend

from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import MockCublasLt
from .stand_in_cupy import CURRENT, USED, Array, Event, Stream, stand_in
from .stream import STREAM
from .test_training import DIGITS, TABLE

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Any]:
    """A function that puts the stand-ins in place; afterwards they are gone."""

    def install(**options: Any) -> None:
        nvmath, bindings = ModuleType("nvmath"), ModuleType("nvmath.bindings")
        bindings.cublasLt = library = MockCublasLt(costs=(2, 1))  # type: ignore[attr-defined]
        library._stream = lambda: CURRENT[-1].ptr
        for name, module in {**stand_in(**options), "nvmath": nvmath, "nvmath.bindings": bindings}.items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(backend, "_algorithm_file", lambda: tmp_path / "dlcore" / "matrix_products.json")
        backend._cuda.cache_clear()

    yield install
    backend._cuda.cache_clear()


def trained(device: Any, **options: Any) -> dl.Trainer:
    model = dl.Sequential(dl.Dense(12, 7), dl.Tanh(), dl.Dropout(0.3), dl.Dense(7, 3))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), device=device, seed=2, **options)
    trainer.pace.steps = 40
    trainer.fit(TABLE, DIGITS[:300] % 3, epochs=2, batch_size=8, validation=(TABLE[:20], DIGITS[:20] % 3))
    return trainer


def bits(trainer: dl.Trainer) -> bytes:
    return np.concatenate([w.ravel() for w in trainer.get_weights()]).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_is_that_of_the_emulated_device(dtype: str, installed: Any, tmp_path: Any) -> None:
    """By graphs on two streams; the same bits, and the algorithms are in the user's cache."""
    pytest.importorskip("ml_dtypes")
    installed()
    graphs = STREAM.graphs
    ours = trained("cuda", dtype=dtype)
    assert STREAM.graphs > graphs
    assert ours.step.executor.name == "graph"
    assert bits(ours) == bits(trained(cuda_backend("emulated", np, EmulatedDevice(), nullcontext), dtype=dtype))
    assert "a stand-in" in (tmp_path / "dlcore" / "matrix_products.json").read_text()
    assert len(CURRENT) == 1  # every stream that was entered was left


def test_epilogues_and_masks_are_those_of_the_emulated_device(installed: Any) -> None:
    """ReLU and GELU forward and backward: the same bits, by a graph."""
    installed()
    runs = []
    for device in ("cuda", cuda_backend("emulated", np, EmulatedDevice(), nullcontext)):
        layers = dl.Dense(12, 8), dl.ReLU(), dl.Dense(8, 8), dl.GELU("tanh"), dl.Dense(8, 3)
        run = dl.Trainer(dl.Sequential(*layers), dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), device=device)
        run.fit(TABLE[:100], DIGITS[:100] % 3, epochs=2, batch_size=20)
        runs.append(bits(run))
    assert runs[0] == runs[1]
    used = sys.modules["nvmath.bindings"].cublasLt.used
    assert {"RELU_AUX_BIAS", "DRELU_BGRAD", "GELU_AUX_BIAS", "DGELU_BGRAD"} < set(used)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (dl.SoftmaxCrossEntropy(), DIGITS[:300] % 3),
        (dl.SoftmaxCrossEntropy(), np.eye(3)[DIGITS[:300] % 3]),
        (dl.BinaryCrossEntropy(), TABLE[:, :3] > 0),
    ],
    ids=["labels", "distributions", "binary"],
)
def test_evaluation_brings_three_numbers_back(
    loss: dl.Loss, y: np.ndarray, installed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are counted right where they are predicted: as many as predict_labels gets right."""
    installed()
    run = dl.Trainer(dl.Sequential(dl.Dense(12, 3)), loss, dl.SGD(0.1), device="cuda")
    labels = run.predict_labels(TABLE)
    right = labels == (y.argmax(axis=1) if y.dtype == float else y)
    assert run.evaluate(TABLE, y)["accuracy"] == right.reshape(300, -1).all(axis=1).mean()
    brought: list[int] = []
    get = Array.get
    monkeypatch.setattr(Array, "get", lambda array: (brought.append(array.size), get(array))[1])
    run.evaluate(TABLE, y)  # by plans and epilogues that are there already
    assert brought == [3]


def test_rows_go_through_pinned_memory(installed: Any) -> None:
    """Where the data have no room: the bits of a run where they have."""
    installed()
    roomy = bits(trained("cuda"))
    installed(free=20_000)
    assert bits(trained("cuda", matmul_precision="high")) == roomy  # a stand-in of precision too


def test_without_pinned_memory_rows_go_all_the_same(installed: Any) -> None:
    """CuPy's error there is no MemoryError; the printed step says what is lost."""
    installed(free=20_000)
    with_it = bits(trained("cuda"))
    installed(free=20_000, pinned=False)
    run = trained("cuda")
    assert bits(run) == with_it
    assert "ordinary memory (page-locked memory: cudaErrorMemoryAllocation: out of memory)" in str(run.step)


@pytest.mark.parametrize("free", [2**40, 20_000], ids=["resident", "window"])
def test_everything_is_done_on_the_device_that_was_named(free: int, installed: Any, tmp_path: Any) -> None:
    """cuda:1 of two: every allocation, copy, stream, event, kernel, and what is asked of the memory."""
    installed(free=free, devices=2)
    USED.clear()
    run = trained("cuda:1")
    run.set_weights(run.get_weights())
    run.predict(TABLE)
    run.evaluate(TABLE, DIGITS[:300] % 3)
    dl.gradients(run, TABLE, DIGITS[:300] % 3)
    dl.layer_outputs(run, TABLE[:5])
    assert run.updates == 76
    assert (run.loss_scale, run.skipped_updates) == (1.0, 0)
    run.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors", device="cuda:1")
    assert bits(loaded) == bits(run)
    loaded.fit(TABLE, DIGITS[:300] % 3, epochs=1, batch_size=8)
    loaded.reset()
    assert {device for device, _ in USED} == {1}, sorted(USED)
    assert len(USED) > 6
    assert run.backend.device.algorithms.identity.endswith("no. 1")
    with pytest.raises(dl.DeviceError, match="this machine has 2 CUDA device"):
        trained("cuda:2")


@pytest.mark.parametrize("broken", ["RawModule", "zeros"])
def test_a_set_up_that_does_not_work_is_found_at_once(
    broken: str, installed: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A kernel is started before anything is trained: one error that says what mends it, and "auto" is the CPU."""

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("Failed to find CUDA headers")

    installed()
    monkeypatch.setattr(sys.modules["cupy"], broken, fails)
    with pytest.raises(dl.DeviceError, match="cannot be used: RuntimeError: Failed to find CUDA headers; "):
        dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1), device="cuda")
    assert (
        dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1), device="auto").device == "cpu"
    )
    assert "Failed to find CUDA headers" in caplog.text


def test_without_the_library_of_products_cupys_are_used(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """nvmath is there, and finds no cuBLASLt: it says so by an error of its own, which is no ImportError."""
    installed()

    def not_found() -> int:
        raise RuntimeError("DynamicLibNotFoundError: cublasLt")

    monkeypatch.setattr(sys.modules["nvmath.bindings"].cublasLt, "get_version", not_found)
    run = trained("cuda")
    assert run.step.executor.name == "replay"
    assert "cuBLASLt cannot be loaded (DynamicLibNotFoundError: cublasLt)" in str(run.step)
    np.testing.assert_allclose(run.history["loss"], trained("cpu").history["loss"], rtol=1e-4)


def test_arrays_come_back_where_they_came_from(installed: Any) -> None:
    installed()
    run = trained("cuda:0")
    there = run.predict(TABLE.astype("float32").view(Array))
    assert isinstance(there, Array)
    np.testing.assert_array_equal(there.get(), run.predict(TABLE.astype("float32")))


def test_rows_on_the_device_may_lie_in_any_order(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Column by column, or every other one: CuPy gives a kernel the address alone.  What are no numbers is refused."""
    installed()
    monkeypatch.setattr("dlcore.training.sources.FEW_BYTES", 0)  # otherwise they are copied anyway
    X, runs = np.repeat(TABLE.astype("float32"), 2, axis=1), []
    for rows in (X[:, ::2].copy(), X[:, ::2].copy(order="F").view(Array), X.view(Array)[:, ::2]):
        model = dl.Sequential(dl.Dense(12, 3))
        run = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.1), device="cuda", seed=2)
        run.fit(rows, DIGITS[:300] % 3, epochs=1, batch_size=64)
        runs.append(bits(run))
    assert runs[0] == runs[1] == runs[2]
    with pytest.raises(dl.DataError, match="X is complex64, expected numbers"):
        run.predict(X[:, ::2].astype("complex64").view(Array))


def test_a_capture_that_fails_is_ended(installed: Any) -> None:
    """An allocation is refused, and the stream is as it was."""
    installed()
    from dlcore.kernels.cuda import CupyDevice

    device = CupyDevice()
    with backend.Backend.for_device("cuda").context():
        with pytest.raises(RuntimeError, match="3072 bytes were asked for while a CUDA graph was captured"):
            device.captured(lambda: device.zeros(768, "float32"))
        started: list[int] = []
        device.captured(lambda: STREAM.start(lambda: started.append(1)))()
        assert started == [1]


def test_a_second_stream_that_is_not_waited_for_ends_in_an_error(installed: Any) -> None:
    """By the stand-in, as by CUDA; the next capture is none the worse."""
    installed()
    from dlcore.kernels.cuda import CupyDevice

    device = CupyDevice()
    with backend.Backend.for_device("cuda").context():
        with pytest.raises(RuntimeError, match="Unjoined"):
            device.captured(lambda: device.fork(lambda: None))
        device.captured(lambda: (device.fork(lambda: None), device.join()))  # type: ignore[arg-type, return-value]


def words_of(function: Any) -> set[str]:
    """Names of the arguments; of a method of a class in C, the words of the line that Cython writes into its docstring."""
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        return set(re.findall(r"\w+", function.__doc__.partition("\n")[0]))


def test_the_stand_in_has_the_names_of_cupy() -> None:
    """Classes, functions and their arguments; no GPU is needed to look."""
    cupy, cupyx = pytest.importorskip("cupy"), pytest.importorskip("cupyx")
    mine = stand_in()
    for ours, theirs in ((mine["cupy"].cuda, cupy.cuda), (mine["cupy"].cuda.runtime, cupy.cuda.runtime)):
        assert [name for name in vars(ours) if not hasattr(theirs, name)] == []
    for ours, theirs in ((Array, cupy.ndarray), (Event, cupy.cuda.Event), (Stream, cupy.cuda.Stream)):
        for name, function in vars(ours).items():
            if callable(function) and (name == "__init__" or not name.startswith("_")):
                assert words_of(function) <= words_of(getattr(theirs, name)), (theirs, name)
    for name in ("zeros", "empty", "asarray", "asnumpy", "matmul", "RawModule", "get_default_memory_pool"):
        assert callable(getattr(cupy, name))
    assert callable(cupyx.empty_pinned)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
    assert not issubclass(cupy.cuda.runtime.CUDARuntimeError, MemoryError)
    assert not hasattr(cupy, "bfloat16")


@pytest.mark.parametrize("milliseconds", [1e-3, 0.1, 5.0, 300.0])
def test_the_time_of_a_piece_of_work(milliseconds: float, installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that follows the work: that of one piece, however often it is repeated; long work is not repeated much."""
    installed()
    from dlcore.kernels.cuda import CupyDevice

    made: list[int] = []
    record = Event.record

    def recorded(event: Event, stream: Any = None) -> None:
        record(event, stream)
        event.at = len(made)  # type: ignore[attr-defined]

    monkeypatch.setattr(Event, "record", recorded)
    sys.modules["cupy"].cuda.get_elapsed_time = lambda start, end: milliseconds * (end.at - start.at)
    assert CupyDevice().seconds(lambda: made.append(1)) == pytest.approx(milliseconds / 1e3)
    assert len(made) * milliseconds < max(50, 3 * milliseconds)
