"""Whole training steps on the emulated device, against the CPU: the same plan, the CUDA kernels' sources."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, cuda_backend
from dlcore.backends.executors import REPLAY
from dlcore.plan import fusion

from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import MockCublasLt
from .stream import STREAM

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)

BACKEND = cuda_backend("emulated", np, EmulatedDevice(), nullcontext)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 2, (1300, 784)).astype("uint8")  # small numbers: with 255, rounding grows with every step
DIGITS = RANDOM.integers(0, 10, 1300)
TABLE = RANDOM.standard_normal((300, 12))


def trained(
    device: str | Backend, model: dl.Sequential, loss: dl.Loss, optimizer: dl.Optimizer, X: Any, y: Any, **fit: Any
) -> dl.Trainer:
    trainer = dl.Trainer(model, loss, optimizer, device=device, dtype="float64", seed=5)
    trainer.fit(X, y, **fit)
    return trainer


def assert_equal_steps(device: str | Backend, make: Any, X: np.ndarray, y: np.ndarray, **fit: Any) -> None:
    """Losses and weights after the same fit on the CPU and the device, to 1e-9."""
    cpu, gpu = (trained(where, *make(), X, y, **fit) for where in ("cpu", device))
    np.testing.assert_allclose(gpu.history["loss"], cpu.history["loss"], rtol=1e-9)
    for a, b in zip(gpu.get_weights(), cpu.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * max(1.0, float(np.abs(b).max())))
    np.testing.assert_allclose(gpu.predict(X[:50]), cpu.predict(X[:50]), rtol=0, atol=1e-9)


def digits_network() -> tuple[dl.Sequential, dl.Loss, dl.Optimizer]:
    layers = dl.Dense(784, 96), dl.ReLU(), dl.Dropout(0.2), dl.Dense(96, 48), dl.Tanh(), dl.Dense(48, 10)
    optimizer = dl.Adam(1e-3, l2=1e-4, clip_norm=1.0)
    return dl.Sequential(*layers), dl.SoftmaxCrossEntropy(label_smoothing=0.1), optimizer


def test_twenty_steps_of_mnist_shape() -> None:
    """20 steps of 64 shuffled rows of bytes through 784-96-48-10 with dropout and Adam; order and masks must be the CPU's."""
    # 20 full batches and a ragged one
    assert_equal_steps(BACKEND, digits_network, IMAGES, DIGITS, epochs=1, batch_size=64)


def assert_single_steps(device: str | Backend) -> None:
    """One float32 step from each of five states on the way of a float64 run: within 32 units in the last place of its weights."""
    model, loss, _ = digits_network()
    exact = dl.Trainer(model, loss, dl.SGD(0.2, l2=1e-4), dtype="float64", seed=5)
    ours = dl.Trainer(model, loss, dl.SGD(0.2, l2=1e-4), device=device, seed=5)
    for _ in range(5):
        common = [w.astype("float32") for w in exact.get_weights()]
        for run in (exact, ours):
            run.set_weights(common)
            run.fit(IMAGES[:64], DIGITS[:64], epochs=1, batch_size=64)
        for a, b in zip(ours.get_weights(), exact.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=32 * np.spacing(np.abs(b).max().astype("float32")))


def test_single_precision_steps() -> None:
    assert_single_steps(BACKEND)


@pytest.mark.parametrize(
    ("hidden", "optimizer"),
    [
        ((dl.BatchNorm(9), dl.SiLU()), dl.SGD(0.05, momentum=0.9, nesterov=True)),
        ((dl.LayerNorm(9), dl.GELU()), dl.MovingAverageSGD(0.05, 0.9, nesterov=True)),
        ((dl.PReLU(),), dl.AdamW(1e-2, max_norm=1.0)),
        ((dl.Residual(dl.Dense(9, 9), dl.ELU()),), dl.SGD(0.05)),
    ],
    ids=["batch norm", "layer norm", "prelu", "residual"],
)
def test_steps_of_every_kind_of_layer(hidden: tuple[dl.Layer, ...], optimizer: dl.Optimizer) -> None:
    """Two epochs on a weighted regression, gradients accumulated, equal to the CPU's."""
    targets = TABLE[:, :2] ** 2
    weights = np.linspace(0, 2, len(TABLE))

    def make() -> tuple[dl.Sequential, dl.Loss, dl.Optimizer]:
        return dl.Sequential(dl.Dense(12, 9), *hidden, dl.Dense(9, 2)), dl.SquaredError(), optimizer

    assert_equal_steps(BACKEND, make, TABLE, targets, epochs=2, batch_size=64, accumulate=2, sample_weight=weights)


def test_a_graph_gives_the_bits_of_single_calls() -> None:
    """75 steps by fewer than 20 launches of two graphs: the bits are those of 75 single steps."""
    graphs, launched = STREAM.graphs, STREAM.launched
    eager = replace(BACKEND, kernels=BACKEND.kernels.run_by(lambda calls: REPLAY))
    weights = []
    for backend in (BACKEND, eager):
        model = dl.Sequential(dl.Dense(12, 7), dl.Tanh(), dl.Dropout(0.3), dl.Dense(7, 3))
        trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), device=backend, seed=2)
        trainer.pace.steps = 75  # as on a fast device
        trainer.fit(TABLE, DIGITS[:300] % 3, epochs=1, batch_size=4)
        weights.append(np.concatenate([w.ravel() for w in trainer.get_weights()]))
    assert weights[0].tobytes() == weights[1].tobytes()
    assert STREAM.graphs - graphs == 2
    assert STREAM.launched - launched < 20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_dropout_has_the_bits_of_its_parts(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bias, activation and dropout in one pass, and in two; over an a and over a z that the gradient reads."""
    runs = []
    for rules in (fusion.REWRITES, tuple(r for r in fusion.REWRITES if r[1] is not fusion.dense_activation_dropout)):
        monkeypatch.setattr(fusion, "REWRITES", rules)
        hidden = dl.Dense(12, 9), dl.ReLU(), dl.Dropout(0.2), dl.Dense(9, 7), dl.SiLU(), dl.Dropout(0.3)
        model = dl.Sequential(*hidden, dl.Dense(7, 3))
        run = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), device=BACKEND, dtype=dtype)
        run.fit(TABLE[:100], DIGITS[:100] % 3, epochs=2, batch_size=32)
        runs.append(run)
    assert len(runs[0].step.calls) == len(runs[1].step.calls) - 2
    for a, b in zip(*(run.get_weights() for run in runs), strict=True):
        assert a.tobytes() == b.tobytes()


def test_the_printed_step_has_cuda_kernels_only() -> None:
    """No call of a recorded step falls back to the reference."""
    model = dl.Sequential(dl.Dense(784, 8), dl.GELU(), dl.Dense(8, 10))
    step = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=BACKEND).step
    assert {call.kernel.source for call in step.calls} == {"cuda"}
    assert "executor graph" in str(step)
    assert [call.name for call in step.lists["gradient"]][1:3] == ["dense_gelu", "dense_softmax_cross_entropy"]


def test_graph_false_gives_the_same_numbers() -> None:
    """Call by call on the device, and on the CPU: the losses and weights of a graph and of the worker."""
    for device in (BACKEND, "cpu"):
        runs = []
        for graph in (True, False):
            trainer = dl.Trainer(*digits_network(), device=device, dtype="float64", seed=5, graph=graph)
            trainer.fit(IMAGES[:320], DIGITS[:320], epochs=1, batch_size=64)
            runs.append(trainer)
        assert [run.step.executor.name == "replay" for run in runs] == [False, True]
        assert "graph=False" in str(runs[1].step)
        for a, b in zip(*(run.get_weights() for run in runs), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_precision_is_checked_and_saved(tmp_path: Any) -> None:
    """On a CPU too, where it changes nothing; what is loaded has it, and a file with another word is refused."""
    with pytest.raises(dl.ConfigurationError, match="matmul_precision='medium': expected one of highest, high"):
        dl.Trainer(*digits_network(), matmul_precision="medium")
    with pytest.raises(dl.ConfigurationError, match="graph=None"):
        dl.Trainer(*digits_network(), graph=None)  # type: ignore[arg-type]
    runs = [dl.Trainer(*digits_network(), matmul_precision=word) for word in ("high", "highest")]
    for run in runs:
        run.fit(IMAGES[:128], DIGITS[:128], epochs=1)
    assert runs[0].history["loss"] == runs[1].history["loss"]
    runs[0].save(tmp_path / "run.safetensors")
    assert dl.Trainer.load(tmp_path / "run.safetensors").matmul_precision == "high"


# -- data and memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_without_room_train_the_same_network(shuffle: bool, accumulate: int) -> None:
    """Uploaded in halves of a window, with a ragged batch, in the order of the epoch: the bits of data on the device."""
    weights = np.linspace(0.5, 2, 90)
    runs = []
    for free in (2**40, 8_000):
        device = EmulatedDevice(free=free)
        backend = cuda_backend("emulated", np, device, nullcontext)
        model = dl.Sequential(dl.Dense(12, 7), dl.Tanh(), dl.Dropout(0.3), dl.Dense(7, 2))
        run = dl.Trainer(model, dl.SquaredError(), dl.Adam(1e-2), device=backend, seed=2)
        for _ in range(2):
            run.fit(
                TABLE[:90], TABLE[:90, :2], epochs=2, batch_size=8,
                shuffle=shuffle, accumulate=accumulate, sample_weight=weights,
            )  # fmt: skip
        assert (device.uploads > 20) == (free == 8_000)
        runs.append(run)
    assert runs[0].history["loss"] == runs[1].history["loss"]
    for a, b in zip(*(run.get_weights() for run in runs), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(("batch", "windows"), [(None, 0), (90, 0), (45, 0), (44, 1)])
def test_a_window_is_smaller_than_the_data(batch: int | None, windows: int) -> None:
    """Two halves of a batch each are all the rows from half of them on: then the data themselves take no more room."""
    device, sizes = EmulatedDevice(free=8_000), []

    class Look(dl.Callback):
        def on_chunk_end(self, trainer: Any) -> None:
            sizes.append(len(trainer.running.source.arrays["X"]))

    backend = cuda_backend("emulated", np, device, nullcontext)
    run = dl.Trainer(dl.Sequential(dl.Dense(12, 2)), dl.SquaredError(), dl.Adam(1e-2), device=backend)
    run.fit(TABLE[:90], TABLE[:90, :2], epochs=1, batch_size=batch, callbacks=[Look()])
    assert set(sizes) == {88 if windows else 90}
    assert (device.uploads > 0) == bool(windows)


def test_a_callback_may_look_at_gradients_while_a_window_moves() -> None:
    """The rows that it asks about are its own, and the fit goes on with its rows as if nobody had looked."""
    weights = []

    class Look(dl.Callback):
        def on_chunk_end(self, trainer: Any) -> None:
            dl.gradients(trainer, TABLE[:90], TABLE[:90, :2])
            trainer.predict(TABLE[:50])

    for callbacks in ([], [Look()]):
        backend = cuda_backend("emulated", np, EmulatedDevice(free=8_000), nullcontext)
        run = dl.Trainer(dl.Sequential(dl.Dense(12, 2)), dl.SquaredError(), dl.Adam(1e-2), device=backend)
        run.fit(TABLE[:90], TABLE[:90, :2], epochs=2, batch_size=8, callbacks=callbacks)
        weights.append(run.get_weights()[0])
    assert weights[0].tobytes() == weights[1].tobytes()


def test_an_interrupted_window_leaves_no_upload_behind() -> None:
    """Its memory goes back to a pool; an upload still on its way would write into what comes next."""
    uploads = []

    class Remembering(EmulatedDevice):
        def upload(self, target: np.ndarray, staged: np.ndarray, mark: Any) -> Any:
            uploads.append(super().upload(target, staged, mark))
            return uploads[-1]

    class Stop(dl.Callback):
        def on_chunk_end(self, trainer: Any) -> None:
            assert uploads[-1].pending  # the next half, while steps read this one
            raise KeyboardInterrupt

    backend = cuda_backend("emulated", np, Remembering(free=8_000), nullcontext)
    run = dl.Trainer(dl.Sequential(dl.Dense(12, 2)), dl.SquaredError(), dl.Adam(1e-2), device=backend)
    with pytest.raises(KeyboardInterrupt):
        run.fit(TABLE[:90], TABLE[:90, :2], batch_size=8, callbacks=[Stop()])
    assert [upload.pending for upload in uploads] == [False] * len(uploads)


def test_a_device_without_room_says_how_much() -> None:
    """What was needed, what was free, and what to do; CuPy's error is a MemoryError too."""

    class Full:
        """NumPy, but nothing larger than a megabyte has room."""

        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

        @staticmethod
        def zeros(shape: Any, dtype: Any = None) -> Any:
            if np.prod(shape) * np.dtype(dtype).itemsize > 2**20:
                raise MemoryError("cudaErrorMemoryAllocation")
            return np.zeros(shape, dtype)

    backend = cuda_backend("cuda:0", Full(), EmulatedDevice(free=3 * 2**19), nullcontext)
    with pytest.raises(
        dl.DeviceError, match=r"'cuda:0' is out of memory: 15.3 MiB more were needed, 1.5 MiB are free; use a s"
    ):
        dl.Trainer(dl.Sequential(dl.Dense(2000, 2000)), dl.SquaredError(), dl.SGD(0.1), device=backend)
    trainer = dl.Trainer(*digits_network(), device=backend)
    with pytest.raises(
        dl.DeviceError, match=r"smaller batch_size or network, dtype='bfloat16', or end what else uses the GPU"
    ):
        trainer.fit(IMAGES, DIGITS, batch_size=1300)
    assert trainer.fit(IMAGES[:128], DIGITS[:128], epochs=1, batch_size=64)["loss"][0] > 0  # it goes on with what fits


def test_algorithms_are_saved_with_the_run(tmp_path: Any) -> None:
    """Through a machine without a GPU to a device that would choose others: it takes those of the run."""
    first, second = (
        cuda_backend("emulated", np, EmulatedDevice(MockCublasLt(costs=costs)), nullcontext)
        for costs in ((3, 1), (1, 2))
    )
    run = dl.Trainer(*digits_network(), device=first)
    run.fit(IMAGES[:64], DIGITS[:64], epochs=1, batch_size=64)
    run.save(tmp_path / "gpu.safetensors")
    dl.Trainer.load(tmp_path / "gpu.safetensors", device="cpu").save(tmp_path / "cpu.safetensors")
    back = dl.Trainer.load(tmp_path / "cpu.safetensors", device=second)
    back.fit(IMAGES[:64], DIGITS[:64], epochs=1, batch_size=64)
    ours, theirs = (backend.device.algorithms.facts()["chosen"] for backend in (first, second))
    assert ours.items() <= theirs.items()
    assert ours
