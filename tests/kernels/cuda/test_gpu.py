"""On an NVIDIA GPU, by `pytest -n 0 -m gpu`: the same contracts, and the same training, as on the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend
from dlcore.data.digits import load_digits
from dlcore.errors import DeviceError
from dlcore.kernels import cuda, reference

from ... import kernel_contracts
from ...kernel_contracts import Memory, check_at_all_sizes, check_kernel
from .test_training import DIGITS, IMAGES, assert_equal_steps, assert_single_steps, digits_network


@cache
def missing() -> str:
    """Why there is no GPU; empty if there is."""
    try:
        Backend.for_device("cuda")
    except DeviceError as error:
        return str(error)
    return ""


@pytest.fixture(autouse=True)
def _gpu() -> None:
    if missing():
        pytest.skip(missing())


pytestmark = pytest.mark.gpu


@cache
def kernels() -> dict[str, Any]:
    return cuda.kernels(cuda.CupyDevice())


def memory() -> Memory:
    import cupy

    return Memory(cupy.array, cupy.asnumpy, cupy.reshape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", cuda.KERNELS)
def test_kernel_keeps_its_contract_on_a_gpu(name: str, dtype: str) -> None:
    """As on the CPU: right, and nothing else touched."""
    f = reference.KERNELS[name]
    check_at_all_sizes(kernels()[name], f.contract, f, dtype, memory())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", cuda.KERNELS)
def test_kernel_in_sixteen_bits_on_a_gpu(name: str, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    f = reference.KERNELS[name]
    sizes = dict(zip(f.contract.letters, (40, 33, 12, 6, 4), strict=False))
    check_kernel(kernels()[name], f.contract, f, sizes, dtype=dtype, memory=memory())


@pytest.mark.parametrize("name", cuda.KERNELS)
def test_kernel_on_wide_rows_on_a_gpu(name: str) -> None:
    f = reference.KERNELS[name]
    sizes = dict(zip(f.contract.letters, (3, 1500, 4, 2, 5), strict=False))
    check_kernel(kernels()[name], f.contract, f, sizes, memory=memory())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["dense", "dense_relu", "dense_gelu_tanh", "input_grad_gelu_tanh", "dense_grad"])
def test_epilogues_on_a_gpu(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays on boundaries, as those of a step are: then the library's epilogues do the work, where it has them."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    monkeypatch.setattr(kernel_contracts, "GUARD", 64)
    f = reference.KERNELS[name]
    check_kernel(kernels()[name], f.contract, f, {"n": 40, "i": 48, "o": 32}, dtype=dtype, memory=memory())


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_relu_with_masks_on_a_gpu(dtype: str) -> None:
    """ReLU and tanh-form GELU, forward and backward by whatever epilogues there are: the losses of float64 on a CPU."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    layers = (
        dl.Dense(784, 96),
        dl.ReLU(),
        dl.Dense(96, 64),
        dl.ReLU(),
        dl.Dense(64, 48),
        dl.GELU("tanh"),
        dl.Dense(48, 10),
    )
    runs = []
    for device, kind in (("cuda", dtype), ("cpu", "float64")):
        run = dl.Trainer(dl.Sequential(*layers), dl.SoftmaxCrossEntropy(), dl.SGD(0.05), device=device, dtype=kind)
        run.fit(IMAGES, DIGITS, epochs=2, batch_size=64)
        runs.append(run.history["loss"])
    np.testing.assert_allclose(*runs, rtol={"float32": 1e-4, "float16": 1e-2, "bfloat16": 3e-2}[dtype])


def test_twenty_steps_on_a_gpu() -> None:
    """Parameters after 20 float64 steps equal the CPU's to 1e-9; order and masks are the same."""
    assert_equal_steps("cuda", digits_network, IMAGES, DIGITS, epochs=1, batch_size=64)


def test_single_precision_steps_on_a_gpu() -> None:
    assert_single_steps("cuda")


def test_whole_runs_differ_less_than_seeds_do() -> None:
    """Final losses of six seeds on a GPU and on the CPU: their means are closer than the seeds of either are."""
    X, y, _, _ = load_digits()
    losses: dict[str, list[float]] = {"cpu": [], "cuda": []}
    for device, found in losses.items():
        for seed in range(6):
            model = dl.Sequential(dl.Dense(64, 48), dl.ReLU(), dl.Dropout(0.2), dl.Dense(48, 10))
            run = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(3e-3), device=device, seed=seed)
            found.append(run.fit(X, y, epochs=8, batch_size=64)["loss"][-1])
    spread = min(np.ptp(found) for found in losses.values())
    assert abs(np.mean(losses["cpu"]) - np.mean(losses["cuda"])) < spread


def trainer(**options: Any) -> dl.Trainer:
    return dl.Trainer(*digits_network(), device="cuda", seed=1, **options)


def test_two_runs_on_a_gpu_are_one() -> None:
    """The same bits, twice."""
    runs = [trainer() for _ in range(2)]
    for run in runs:
        run.fit(IMAGES, DIGITS, epochs=3, batch_size=64)
    for a, b in zip(*(run.get_weights() for run in runs), strict=True):
        assert a.tobytes() == b.tobytes()


class Watch(dl.Callback):
    """Runs a hundred steps more while a fit has its data in place: no wait for the device, no allocation."""

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        import cupy
        import cupyx

        step = trainer.step.bind(trainer.running.array)["step"]
        step(40)  # captures
        used = cupy.get_default_memory_pool().used_bytes()
        with cupyx.allow_synchronize(False):
            step(100)
        assert cupy.get_default_memory_pool().used_bytes() == used
        self.watched = True


@pytest.mark.filterwarnings("ignore:cupyx.allow_synchronize")  # which cannot see everything: CuPy wants to remove it
def test_a_step_waits_for_nothing() -> None:
    """Between two reports nothing is read back and nothing is allocated."""
    watch = Watch()
    trainer().fit(IMAGES, DIGITS, epochs=1, batch_size=64, callbacks=[watch])
    assert watch.watched


def test_further_epochs_take_no_further_memory() -> None:
    """What a fit leaves behind is the same after the first and after the third."""
    import cupy

    run, used = trainer(), []
    for _ in range(3):
        run.fit(IMAGES, DIGITS, epochs=1, batch_size=64)
        used.append(cupy.get_default_memory_pool().used_bytes())
    assert used[1] == used[2]


def test_arrays_go_where_they_came_from() -> None:
    """NumPy in, NumPy out; CuPy in, CuPy out; the same numbers."""
    import cupy

    run = trainer()
    on_host, on_gpu = run.predict(IMAGES[:100]), run.predict(cupy.asarray(IMAGES[:100]))
    assert isinstance(on_host, np.ndarray)
    assert isinstance(on_gpu, cupy.ndarray)
    np.testing.assert_array_equal(on_host, cupy.asnumpy(on_gpu))


def test_a_run_moves_between_devices(tmp_path: Any) -> None:
    """Saved on a GPU, loaded on a CPU, and the other way round: the same weights."""
    run = trainer()
    run.fit(IMAGES, DIGITS, epochs=1, batch_size=64)
    run.save(tmp_path / "gpu.safetensors")
    on_cpu = dl.Trainer.load(tmp_path / "gpu.safetensors", device="cpu")
    on_cpu.save(tmp_path / "cpu.safetensors")
    back = dl.Trainer.load(tmp_path / "cpu.safetensors", device="cuda")
    for a, b, c in zip(*(t.get_weights() for t in (run, on_cpu, back)), strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()


def test_high_precision_on_a_gpu() -> None:
    """TF32: losses within its 10 bits of those of float32, and not the same, or it was not used."""
    runs = [trainer(matmul_precision=precision) for precision in ("highest", "high")]
    for run in runs:
        run.fit(IMAGES, DIGITS, epochs=1, batch_size=64)
    losses = [run.history["loss"][0] for run in runs]
    np.testing.assert_allclose(losses[1], losses[0], rtol=2**-8)
    assert losses[0] != losses[1]


def test_graph_false_on_a_gpu() -> None:
    """The bits of the graph, call by call."""
    runs = [trainer(graph=graph) for graph in (True, False)]
    for run in runs:
        run.fit(IMAGES, DIGITS, epochs=1, batch_size=64)
    for a, b in zip(*(run.get_weights() for run in runs), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_follow_float32_on_a_gpu(dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    runs = [trainer(dtype=each) for each in (dtype, "float32")]
    for run in runs:
        run.fit(IMAGES, DIGITS, epochs=2, batch_size=64)
    np.testing.assert_allclose(runs[0].history["loss"], runs[1].history["loss"], rtol=2e-2)
    assert runs[0].predict(IMAGES[:10]).dtype == np.float32


def test_rows_without_room_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploaded by a second stream while steps run: the bits of data that lie on the device."""
    runs = []
    for free in (2**40, 2**20):
        run = trainer()
        monkeypatch.setattr(run.backend.device, "free_memory", lambda free=free: free)
        run.fit(IMAGES, DIGITS, epochs=2, batch_size=64)
        runs.append(run)
    for a, b in zip(*(run.get_weights() for run in runs), strict=True):
        assert a.tobytes() == b.tobytes()


def test_out_of_memory_on_a_gpu() -> None:
    """What was needed and what is free; afterwards the device works as before."""
    wide = dl.Sequential(dl.Dense(2**20, 2**20))
    with pytest.raises(dl.DeviceError, match=r"is out of memory: 4\d+\.\d GiB more were needed, .* are free"):
        dl.Trainer(wide, dl.SquaredError(), dl.SGD(0.1), device="cuda")
    trainer().fit(IMAGES, DIGITS, epochs=1, batch_size=64)
