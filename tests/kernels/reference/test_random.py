"""Random bits, data order and masks: golden values, and the same bits from every backend."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import array_api_strict
import numpy as np
import pytest

from dlcore.backends.backend import Backend, from_namespace
from dlcore.kernels.reference.random import DROPOUT, INITIAL, ORDER, keyed_order, philox, rounds, sides
from dlcore.kernels.rng import key, order

BACKENDS = {
    "cpu": Backend.for_device("cpu"),
    "numpy": from_namespace(np, "numpy"),
    "array_api_strict": from_namespace(array_api_strict, "array_api_strict"),
}
LARGEST = 2**64 - 1, 2**32 - 1, 2**40  # seed, epoch, rows


# -- Philox ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "keys", "words"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_words(counter: Any, keys: Any, words: str) -> None:
    """The known-answer vectors of Random123 for philox4x32-10."""
    assert " ".join(f"{w:08x}" for w in philox(counter, *keys)) == words


def test_philox_on_arrays_is_philox_on_integers() -> None:
    """uint64 arrays hold the products without overflow."""
    counter = np.arange(2**32 - 5, 2**32, dtype=np.uint64)
    words = philox((np.uint64(1), np.uint64(2), np.uint64(3), counter), 0xFFFFFFFF, 0xFFFFFFFE)
    for i, c in enumerate(counter):
        assert [int(w[i]) for w in words] == list(philox((1, 2, 3, int(c)), 0xFFFFFFFF, 0xFFFFFFFE))


def test_purposes_are_different_counters() -> None:
    """Order, masks and initial values never share a counter."""
    assert len({ORDER, DROPOUT, INITIAL}) == 3


# -- the order of an epoch -------------------------------------------------------------------------------------------


@cache
def _compiled_rows() -> Any:
    import numba

    from dlcore.kernels.cpu.data import rows_of_batch

    return numba.njit(error_model="numpy")(rows_of_batch)


def compiled_order(seed: int, epoch: int, n: int, count: int, first: int = 0) -> list[int]:
    index = np.zeros(count, np.int64)
    _compiled_rows()(index, first, n, *sides(n), epoch, *key(seed))
    return index.tolist()


def reference_order(xp: Any, seed: int, epoch: int, n: int, count: int) -> list[int]:
    position = xp.arange(count, dtype=xp.uint64)
    return np.asarray(keyed_order(xp, position, n, xp.asarray(epoch, dtype=xp.uint64), *key(seed))).tolist()


@pytest.mark.parametrize("source", BACKENDS)
@pytest.mark.parametrize(
    ("seed", "epoch", "n", "rows"),
    [
        (0, 0, 10, [6, 0, 8, 9, 4, 2, 3, 5, 1, 7]),
        (1, 2, 60000, [28847, 45302, 22823, 5678, 21343]),
        (*LARGEST, [268763740162, 1097682283965, 923075894771]),
    ],
)
def test_golden_order(source: str, seed: int, epoch: int, n: int, rows: list[int]) -> None:
    """The first rows of an epoch, fixed once and for all, on every backend."""
    xp = BACKENDS[source].xp
    found = (
        compiled_order(seed, epoch, n, len(rows)) if source == "cpu" else reference_order(xp, seed, epoch, n, len(rows))
    )
    assert found == rows


def test_compiled_order_is_the_reference_order() -> None:
    """The same rows for n = 1 … 300 and large n, bit for bit."""
    for n in (*range(1, 301), 1023, 1024, 1025, 60_000):
        assert compiled_order(5, n, n, n) == order(5, n, n).tolist(), n


def test_compiled_order_starts_anywhere() -> None:
    """A batch is a window of the epoch's order, and positions run modulo the rows."""
    whole = order(9, 4, 50).tolist()
    assert compiled_order(9, 4, 50, 20, first=40) == whole[40:] + whole[:10]


def test_all_orders_of_three_rows_are_equally_frequent() -> None:
    """χ² over the 6 permutations in 6,000 epochs is below its 99.9 % point for 5 degrees of freedom, 20.5."""
    count: dict[tuple[int, ...], int] = {}
    for epoch in range(6000):
        p = tuple(compiled_order(0, epoch, 3, 3))
        count[p] = count.get(p, 0) + 1
    assert len(count) == 6
    assert sum((c - 1000) ** 2 / 1000 for c in count.values()) < 20.5


def test_each_row_comes_to_each_place_equally_often() -> None:
    """χ² of (row, place) for 30 rows over 3,000 epochs: 29² degrees of freedom, mean 841, below mean + 4 deviations."""
    n, epochs = 30, 3000
    count = np.zeros((n, n))
    for epoch in range(epochs):
        count[np.arange(n), compiled_order(1, epoch, n, n)] += 1
    expected = epochs / n
    assert np.sum((count - expected) ** 2 / expected) < 841 + 4 * math.sqrt(2 * 841)


def test_rounds_and_sides_cover_the_rows() -> None:
    """The grid a·b holds n rows with few cells too many, and rounds come in blocks of four."""
    for n in (1, 2, 3, 10, 1023, 1024, 60_000, 2**40):
        a, b = sides(n)
        assert n <= a * b <= n + a
        assert rounds(n) % 4 == 0
    assert (rounds(1023), rounds(1024)) == (24, 12)


# -- an epoch through the gather kernels -----------------------------------------------------------------------------


def epoch_of_batches(backend: Backend, labels: bool, n: int, batch: int, shuffle: int) -> tuple[list[int], Any]:
    """Rows in the order in which they come, and the counters after them; checks X, targets and weights on the way."""
    X = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    y = np.arange(n, dtype=np.int64) * 3 if labels else X[:, :1] + 0.25
    w = np.arange(n, dtype=np.float32) + 1
    X_, y_, w_ = (backend.asarray(v) for v in (X, y, w))
    progress, seen = backend.asarray(np.array([6, 0, 100, 7])), []
    for start in range(0, n, batch):
        rows = min(batch, n - start)
        x, v = backend.zeros((rows, 2), "float32"), backend.zeros((rows,), "float32")
        t = backend.zeros((rows,), "int64") if labels else backend.zeros((rows, 1), "float32")
        index = backend.zeros((rows,), "int64")
        kernel = backend.kernels["gather_labels" if labels else "gather"]
        kernel(X_, y_, w_, progress, index, *key(2**40 + 9), batch, shuffle, out=(x, t, v, progress, index))
        r = np.asarray(index)
        np.testing.assert_array_equal(np.asarray(x), X[r])
        np.testing.assert_array_equal(np.asarray(t), y[r])
        np.testing.assert_array_equal(np.asarray(v), w[r])
        seen += r.tolist()
    return seen, np.asarray(progress).tolist()


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("name", BACKENDS)
def test_each_row_comes_once_per_epoch(name: str, labels: bool) -> None:
    """23 rows in batches of 5, the last of 3: all rows, in the epoch's order, each with its own target and weight."""
    seen, progress = epoch_of_batches(BACKENDS[name], labels, 23, 5, 1)
    assert seen == order(2**40 + 9, 6, 23).tolist()
    assert progress == [6, 5, 105, 7]  # the epoch stays; batches and evaluations are counted; updates are not


@pytest.mark.parametrize("name", BACKENDS)
def test_without_shuffling_rows_come_as_they_lie(name: str) -> None:
    """shuffle=0 is the order of the data."""
    assert epoch_of_batches(BACKENDS[name], True, 23, 5, 0)[0] == list(range(23))


# -- dropout masks ---------------------------------------------------------------------------------------------------


def masks(backend: Backend, shape: tuple[int, int], evaluation: int, keys: Any, layer: int, keep: float) -> Any:
    x, z = backend.asarray(np.full(shape, 3.0)), backend.zeros(shape, "float64")
    mask = backend.zeros(shape, "uint8")
    progress = backend.asarray(np.array([1, 2, evaluation, 3]))
    backend.kernels["dropout"](x, progress, *keys, layer, backend.asarray(np.array([keep])), out=(z, mask))
    return np.asarray(z), np.asarray(mask)


@pytest.mark.parametrize("name", BACKENDS)
def test_golden_masks(name: str) -> None:
    """Two masks fixed once and for all; the second with a partial last block and an evaluation beyond 32 bits."""
    _, mask = masks(BACKENDS[name], (3, 5), 1, (0, 0), 1, 0.5)
    assert mask.tolist() == [[0, 0, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 1]]
    _, mask = masks(BACKENDS[name], (2, 7), 2**32 + 7, (123, 456), 2049, 0.8)
    assert mask.tolist() == [[1, 1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 0, 1, 1]]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_mask_compares_philox_words_with_keep(name: str) -> None:
    """mask[i] = 1 where word i % 4 of counter (purpose, layer, evaluation, i // 4) is below ⌊keep·2³²⌋, row-major.

    Also where keep is a word itself, and the next number.
    """
    words = [w for quad in range(12) for w in philox((DROPOUT, 4, 8, quad), 11, 22)][:45]
    for keep in (0.3, words[2] / 2**32, (words[2] + 1) / 2**32):
        z, mask = masks(BACKENDS[name], (5, 9), 8, (11, 22), 4, keep)
        assert mask.reshape(-1).tolist() == [int(w < math.floor(keep * 2**32)) for w in words]
        np.testing.assert_array_equal(z, np.where(mask, 3.0 / keep, 0.0))


def test_masks_are_equal_on_every_backend() -> None:
    """Bit for bit, for many layers, evaluations and seeds."""
    for seed, layer, evaluation, keep in [(0, 1, 0, 0.5), (2**64 - 1, 2**32 - 1, 5, 0.9), (77, 1025, 2**31, 0.1)]:
        found = [masks(b, (17, 13), evaluation, key(seed), layer, keep)[1] for b in BACKENDS.values()]
        assert all(np.array_equal(found[0], other) for other in found[1:])


def test_masks_keep_the_declared_share() -> None:
    """Of 200,000 entries a share of 0.8 stays, within 4 standard deviations, so that E[z] = x."""
    _, mask = masks(BACKENDS["cpu"], (400, 500), 3, key(5), 2, 0.8)
    assert abs(mask.mean() - 0.8) < 4 * math.sqrt(0.8 * 0.2 / mask.size)
