"""The compiled worker against replay: the same kernels, cut into blocks and run by address, on any number of threads."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends import executors
from dlcore.backends.backend import Backend, from_namespace
from dlcore.kernels.reference import KERNELS
from dlcore.kernels.table import BoundCall, KernelTable

from ...examples import label, layers, losses, optimizers, targets
from ...kernel_contracts import FLUSHES, check_kernel, often

pytest.importorskip("numba")
blas = pytest.importorskip("dlcore.kernels.cpu.blas")
if blas.reason():
    pytest.skip(blas.reason(), allow_module_level=True)

from dlcore.kernels.cpu import lowering, worker  # noqa: E402

CPU_BACKEND = Backend.for_device("cpu")
CPU = CPU_BACKEND.kernels
REFERENCE = from_namespace(np, "numpy").kernels


def by_table(name: str, threads: int = 1) -> Callable[..., None]:
    """The kernel, run by the worker."""

    def run(*inputs: Any, out: Any) -> None:
        call = BoundCall(CPU[name], inputs, out if isinstance(out, tuple) else (out,))
        worker.Worker(lowering.rows_of(call)).run(1, threads)

    return run


# -- every kernel ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", often(CPU))
def test_kernel_by_table_keeps_its_contract(name: str) -> None:
    """Called by address, block by block on two threads, a kernel gives what its reference gives, and touches nothing else."""
    contract = CPU[name].contract
    for sizes in (dict(zip(contract.letters, (70, 50, 33, 10, 5), strict=False)), dict.fromkeys(contract.letters, 1)):
        check_kernel(by_table(name, threads=2), contract, KERNELS[name], sizes)


SUMS = ["bias_grad", "input_grad_relu", "batch_norm", "batch_norm_grad", "layer_norm_grad"]


@pytest.mark.parametrize("name", SUMS)
def test_sums_over_many_rows_and_columns(name: str) -> None:
    """More rows than one partial sum takes, and more columns than one window has."""
    contract = CPU[name].contract
    sizes = dict.fromkeys(contract.letters, 3) | {"n": 600, "o" if "o" in contract.letters else "d": 2100}
    check_kernel(by_table(name, threads=2), contract, KERNELS[name], sizes)
    check_kernel(CPU[name], contract, KERNELS[name], sizes)


def test_two_threads_that_first_call_a_loop_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may make an entry of its own; the code that one runs must not vanish when the other's takes its place."""
    import threading

    from dlcore.kernels.cpu.activations import FORWARD

    loop, z = FORWARD["arctan"], np.linspace(-1, 1, 200_000).reshape(2, -1)
    results = [np.empty_like(z) for _ in range(4)]
    for _ in range(5):
        monkeypatch.setattr(loop, "_entries", {})
        threads = [threading.Thread(target=CPU["arctan"].run, args=(z,), kwargs={"out": a}) for a in results]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for a in results:
        np.testing.assert_allclose(a, np.arctan(z), rtol=1e-15)


def test_a_thread_that_cannot_start_leaves_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes through, and the threads that had begun end."""
    import threading

    x, W, z = np.zeros((64, 512)), np.zeros((512, 512)), np.zeros((64, 512))
    table = worker.Worker(lowering.rows_of(BoundCall(CPU["linear"], (x, W), (z,))))
    real, count = threading.Thread.start, threading.active_count()
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start"):
        table.run(5, 3)
    assert threading.active_count() == count


# -- every layer, loss and optimizer -----------------------------------------------------------------------------------

X = np.random.default_rng(1).standard_normal((40, 4))


def weights(
    layers: list[dl.Layer], loss: dl.Loss, optimizer: dl.Optimizer, executor: executors.Executor, **options: Any
) -> list[np.ndarray]:
    """After two epochs in float64 with batches of 16 rows, and a ragged one."""
    backend = dataclasses.replace(CPU_BACKEND, kernels=CPU_BACKEND.kernels.run_by(lambda calls: executor))
    trainer = dl.Trainer(dl.Sequential(*layers), loss, optimizer, device=backend, dtype="float64", seed=3)
    trainer.fit(X, targets(loss, len(X), 4), epochs=2, batch_size=16, **options)
    assert trainer.step.executor is executor
    return trainer.get_weights()


def check_worker(layers: list[dl.Layer], loss: dl.Loss, optimizer: dl.Optimizer, **options: Any) -> None:
    ours, theirs = (weights(layers, loss, optimizer, e, **options) for e in (executors.WORKER, executors.HOST_REPLAY))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layer", layers(), ids=label)
def test_layer(layer: dl.Layer) -> None:
    """The worker trains a network with this layer as replay does."""
    check_worker([dl.Dense(4, 4), layer, dl.Dense(4, 4)], dl.SquaredError(), dl.SGD(0.1))


@pytest.mark.parametrize("loss", losses(), ids=label)
def test_loss(loss: dl.Loss) -> None:
    """The same for every loss."""
    check_worker([dl.Dense(4, 4)], loss, dl.SGD(0.1))


@pytest.mark.parametrize("optimizer", optimizers(), ids=label)
def test_optimizer(optimizer: dl.Optimizer) -> None:
    """The same for every optimizer."""
    check_worker([dl.Dense(4, 4)], dl.SquaredError(), optimizer)


def test_accumulated_gradients() -> None:
    """Lists that are run apart: several gradients before an update."""
    check_worker([dl.Dense(4, 4)], dl.SquaredError(), dl.Adam(0.01), accumulate=2)


# -- threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
def test_the_bits_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One, two, three and eight threads give the same weights, with layers of every kind of cut and sizes off the blocks."""
    network = [
        dl.Dense(4, 70), dl.ReLU(), dl.BatchNorm(70), dl.Dense(70, 50), dl.GELU(), dl.Dropout(0.2), dl.LayerNorm(50),
        dl.Residual(dl.Dense(50, 50), dl.PReLU()), dl.Dense(50, 4),
    ]  # fmt: skip
    results = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setattr(worker, "threads_for", lambda *_, threads=threads: threads)
        results.append(weights(network, dl.SoftmaxCrossEntropy(), dl.Adam(0.01, clip_norm=1.0), executors.WORKER))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_every_thread_flushes_subnormal_numbers(threads: int) -> None:
    """1.75 λ − 1.25 λ is 0 in the blocks of each, and λ / 2 again outside, where λ is the smallest normal number."""
    smallest = np.finfo(np.float32).smallest_normal
    x, y, z = (np.full((64, 2048), v * smallest, "float32") for v in (1.75, -1.25, 1.0))
    by_table("add", threads)(x, y, out=z)
    assert (not z.any()) == FLUSHES
    CPU["add"].run(x, y, out=z)
    assert (z == smallest / 2).all()


def test_small_steps_stay_on_one_thread() -> None:
    """Below 5 MFLOP, and for a run below 40, another thread costs more than it brings; above, each has at least 2.5."""
    assert worker.threads_for(4.9e6, 1000, 64) == 1
    assert worker.threads_for(2e7, 1, 64) == 1
    assert worker.threads_for(1e12, 1, 1) == 1
    assert worker.threads_for(1e12, 1, 10**6) == worker.processors()


def test_two_trainers_in_two_threads() -> None:
    """Each comes to the weights it comes to alone."""
    from concurrent.futures import ThreadPoolExecutor

    def train(seed: int) -> list[np.ndarray]:
        trainer = dl.Trainer(dl.Sequential(dl.Dense(4, 4)), dl.SquaredError(), dl.Adam(0.01), seed=seed)
        trainer.fit(X, X, epochs=20, batch_size=8)
        return trainer.get_weights()

    alone = [train(seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(train, (1, 2)))
    for a, b in zip(alone, together, strict=True):
        assert all(np.array_equal(u, v) for u, v in zip(a, b, strict=True))


# -- where it does not serve -------------------------------------------------------------------------------------------


def without_twins(*names: str) -> Backend:
    """The CPU without compiled kernels of these names."""
    slow = {name: dataclasses.replace(REFERENCE[name], source="reference") for name in names}
    table = CPU_BACKEND.kernels
    return dataclasses.replace(CPU_BACKEND, kernels=KernelTable({**table, **slow}, "cpu", table.executor))


def test_a_call_without_compiled_code_is_made_by_the_host_between_segments() -> None:
    """The printed step shows the segments, and which kernel is missing."""
    model = dl.Sequential(dl.Dense(784, 256), dl.Tanh(), dl.Dense(256, 10))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=without_twins("tanh", "dense_tanh"))
    assert [(segment.by, len(segment.calls)) for segment in trainer.step.segments] == [
        ("worker", 2),
        ("host", 1),
        ("worker", 6),
    ]
    text = str(trainer.step).splitlines()
    assert text[0].endswith("executor worker, 9 calls, 3 segments")
    at = next(i for i, line in enumerate(text) if line == "  host: no compiled kernel for tanh")
    assert text[at + 1].split()[1:3] == ["tanh", "reference"]
    assert text[at + 2] == "  worker"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_with_a_host_call_trains_the_same_network(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the compiled step, to rounding; with a second thread, which waits while the host works, to the bit as with one."""
    monkeypatch.setattr(worker, "threads_for", lambda *arguments: threads)
    X, y = np.random.default_rng(0).standard_normal((300, 50)), np.arange(300) % 4
    weights = []
    for backend in (without_twins("tanh", "dense_tanh"), CPU_BACKEND):
        model = dl.Sequential(dl.Dense(50, 60), dl.Tanh(), dl.Dropout(0.2), dl.Dense(60, 4))
        trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=backend, dtype="float64")
        trainer.fit(X, y, epochs=3, batch_size=64)
        weights.append(trainer.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_an_error_of_a_host_call_ends_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others do not wait for the thread that will never come, and the trainer can be used further."""
    monkeypatch.setattr(worker, "threads_for", lambda *arguments: 2)
    calls = []

    def broken(*inputs: Any, out: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError("no more")
        REFERENCE["tanh"].run(*inputs, out=out)

    backend = without_twins("tanh", "dense_tanh")
    table = backend.kernels
    kernel = dataclasses.replace(table["tanh"], run=broken)
    backend = dataclasses.replace(backend, kernels=KernelTable({**table, "tanh": kernel}, "cpu", table.executor))
    model = dl.Sequential(dl.Dense(4, 4), dl.Tanh(), dl.Dense(4, 4))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), device=backend, dtype="float64")
    before = threading.active_count()
    with pytest.raises(OSError, match="no more"):
        trainer.fit(X, X, epochs=1, batch_size=4)
    assert threading.active_count() == before
    assert trainer.updates == 2
    assert trainer.fit(X, X, epochs=1, batch_size=4)["loss"][0] > 0


def test_a_step_without_any_compiled_kernel_is_replayed() -> None:
    """And says why."""
    backend = without_twins(*REFERENCE)
    step = dl.Trainer(dl.Sequential(dl.Dense(4, 4)), dl.SquaredError(), dl.SGD(0.1), device=backend).step
    assert "executor replay: no compiled kernel for" in str(step)


def test_nan_shows_in_the_loss() -> None:
    """A NaN in the data ends training by an error, as under replay."""
    with pytest.raises(dl.DataError):
        dl.Trainer(dl.Sequential(dl.Dense(4, 4)), dl.SquaredError(), dl.SGD(0.1)).fit(X * np.nan, X)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(4, 4), dl.ReLU(), dl.Dense(4, 4)), dl.SquaredError(), dl.SGD(0.1))
    broken = trainer.get_weights()
    broken[0][0, 0] = 1e38
    trainer.set_weights(broken)
    with pytest.raises(dl.DivergenceError):
        trainer.fit(X * 1e3, X)
