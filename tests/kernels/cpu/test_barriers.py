"""Where threads must wait for each other: the rows of the worker's table, run in the worst orders that its marks allow.

Between two barriers any thread may be ahead of any other.  Here the compiled entries are called one by one, all of the
last thread's share before the first thread's, or the other way round: if a mark is missing, the bits differ.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

import dlcore as dl

from ...examples import label, layers, losses, optimizers, targets

pytest.importorskip("numba")
blas = pytest.importorskip("dlcore.kernels.cpu.blas")
if blas.reason():
    pytest.skip(blas.reason(), allow_module_level=True)

from dlcore.kernels.cpu import lowering, worker  # noqa: E402

THREADS = 3
ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
X = np.random.default_rng(1).standard_normal((40, 4))
WIDTH = 70


def share(row: list[int], thread: int) -> Iterator[Callable[[], None]]:
    """The blocks of a row that fall to a thread, as _work cuts them."""
    address, words, extent, blocks, quantum, _ = row
    for block in range(blocks * thread // THREADS, blocks * (thread + 1) // THREADS):
        lo = extent * block // blocks // quantum * quantum
        hi = extent if block + 1 == blocks else extent * (block + 1) // blocks // quantum * quantum
        yield partial(ENTRY(address), words, lo, hi)


def in_order(threads: list[int], wait: bool = True) -> Callable[..., None]:
    """A Worker.run that lets these threads go one after another from barrier to barrier, or from end to end."""

    def run(self: worker.Worker, steps: int, _: int) -> None:
        rows = [[int(word) for word in row] for row in self.table]
        starts = [i for i, row in enumerate(rows) if row[5] and (wait or i == 0)]
        for _ in range(steps):
            for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
                for thread in threads:
                    for row in rows[start:stop]:
                        for call in share(row, thread):
                            call()

    return run


def weights(
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., None],
    network: list[dl.Layer],
    loss: dl.Loss,
    optimizer: dl.Optimizer,
) -> list[np.ndarray]:
    """After two epochs of two batches of 16 rows and one of 8; then the losses."""
    for name, value in (("_WIDE", 16), ("_ROWS", 4), ("_RUN", 4), ("_TINY", 8), ("_SMALL_PRODUCT", 0)):
        monkeypatch.setattr(lowering, name, value)
    monkeypatch.setattr(worker.Worker, "run", run)
    trainer = dl.Trainer(dl.Sequential(*network), loss, optimizer, dtype="float64", seed=3)
    history = trainer.fit(X, targets(loss, len(X), 4), epochs=2, batch_size=16)
    return [*trainer.get_weights(), np.array(history["loss"])]


def check(monkeypatch: pytest.MonkeyPatch, network: list[dl.Layer], loss: dl.Loss, optimizer: dl.Optimizer) -> None:
    forward, backward = (
        weights(monkeypatch, in_order(order), network, loss, optimizer) for order in ([0, 1, 2], [2, 1, 0])
    )
    for a, b in zip(forward, backward, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("layer", layers(WIDTH), ids=label)
def test_layer(layer: dl.Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    network = [dl.Dense(4, WIDTH), layer, dl.Dense(WIDTH, WIDTH), layer, dl.Dense(WIDTH, 4)]
    check(monkeypatch, network, dl.SquaredError(), dl.SGD(0.01))


def test_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, [dl.Embedding((0,), (3,), 2), dl.Dense(5, 4)], dl.SquaredError(), dl.SGD(0.01))


NETWORK = [dl.Dense(4, WIDTH), dl.ReLU(), dl.Dense(WIDTH, 50), dl.Tanh(), dl.Dense(50, 4)]


@pytest.mark.parametrize("loss", losses(), ids=label)
def test_loss(loss: dl.Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, NETWORK, loss, dl.SGD(0.01))


@pytest.mark.parametrize("optimizer", optimizers(), ids=label)
def test_optimizer(optimizer: dl.Optimizer, monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, NETWORK, dl.SquaredError(), optimizer)


def test_without_barriers_the_order_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: with no marks but that of a step's beginning, they would."""
    runs = [in_order(order, wait=False) for order in ([0, 1, 2], [2, 1, 0])]
    forward, backward = (weights(monkeypatch, run, NETWORK, dl.SquaredError(), dl.SGD(0.01)) for run in runs)
    assert not all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))
