"""Keys, orders and initial values that the host draws: golden values, permutations, distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dlcore.errors import ConfigurationError
from dlcore.kernels.reference.random import INITIAL, philox
from dlcore.kernels.rng import Stream, key, order


def test_order_is_a_permutation_of_every_small_size() -> None:
    """Each row once, for n = 0 … 300."""
    for n in range(301):
        assert np.array_equal(np.sort(order(11, n, n)), np.arange(n)), n


@pytest.mark.parametrize("n", [1023, 1024, 1025, 2**16, 100_003])
def test_order_is_a_permutation_of_large_sizes(n: int) -> None:
    """Each row once, on both sides of where the number of rounds changes."""
    assert np.array_equal(np.sort(order(3, 1, n)), np.arange(n))


def test_orders_of_epochs_and_seeds_differ() -> None:
    """Another epoch or seed, both words of it, is another order."""
    orders = {tuple(order(seed, epoch, 40)) for seed in (0, 1, 2**32, 2**63) for epoch in (0, 1, 2)}
    assert len(orders) == 12


def test_the_epoch_counts_modulo_32_bits() -> None:
    """A counter is 32 bits; the host and the kernels cut it alike."""
    assert np.array_equal(order(1, 2**32 + 3, 20), order(1, 3, 20))


def test_golden_uniform_numbers() -> None:
    """53 bits of two words: ((w₀ >> 5)·2²⁶ + (w₁ >> 6)) / 2⁵³."""
    assert Stream(0, 0).uniform(4).tolist() == [
        0.17544708578043733, 0.9665418967701918, 0.046950927822906, 0.3877868324911018,
    ]  # fmt: skip
    w = philox((INITIAL, 3, 0, 0), *key(2**63 + 5))
    exact = [((w[i] >> 5) * 2**26 + (w[i + 1] >> 6)) / 2**53 for i in (0, 2)]
    assert Stream(2**63 + 5, 3).uniform(2).tolist() == exact


def test_golden_normal_numbers() -> None:
    """Box and Muller's √(−2 log(1 − u)) (cos 2πv, sin 2πv) of the uniform numbers."""
    u, v = 0.17544708578043733, 0.9665418967701918
    radius = math.sqrt(-2 * math.log(1 - u))
    expected = [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    np.testing.assert_allclose(Stream(0, 0).normal(2), expected, rtol=1e-14)
    np.testing.assert_allclose(
        Stream(0, 0).normal(4),
        [0.6074754255335703, -0.1296207189059729, -0.23618381322826137, 0.20098501198922408],
        rtol=1e-14,
    )


@pytest.mark.parametrize("draw", [Stream.uniform, Stream.normal])
def test_a_shorter_draw_is_the_beginning_of_a_longer_one(draw: Any) -> None:
    """Values depend on their position only, so an odd count changes nothing."""
    long = draw(Stream(4, 1), 12)
    assert all(np.array_equal(draw(Stream(4, 1), count), long[:count]) for count in range(12))


def test_streams_of_parameters_and_seeds_differ() -> None:
    """Two parameters, or two seeds, never start alike."""
    starts = {tuple(Stream(s, p).uniform(2)) for s in (0, 1, 2**32) for p in range(5)}
    assert len(starts) == 15


def test_uniform_numbers_are_uniform() -> None:
    """Mean ½, variance 1/12, and Kolmogorov's distance below its 99.9 % point 1.95/√n, over 100,000 numbers in [0, 1)."""
    u = np.sort(Stream(1, 2).uniform(100_000))
    n = len(u)
    assert 0 <= u[0] <= u[-1] < 1
    assert abs(u.mean() - 0.5) < 4 * math.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 4 * math.sqrt(1 / 180 / n)
    assert np.max(np.abs(u - (np.arange(n) + 0.5) / n)) + 0.5 / n < 1.95 / math.sqrt(n)


def test_normal_numbers_are_normal() -> None:
    """Mean 0, variance 1, no correlation of neighbours, and Kolmogorov's distance below 1.95/√n, over 20,000 numbers."""
    z = Stream(1, 2).normal(20_000)
    n = len(z)
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs(np.mean(z[::2] * z[1::2])) < 4 / math.sqrt(n / 2)
    phi = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in np.sort(z)])
    assert np.max(np.abs(phi - (np.arange(n) + 0.5) / n)) + 0.5 / n < 1.95 / math.sqrt(n)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, "0", None])
def test_a_seed_outside_64_bits_is_refused(seed: Any) -> None:
    """Seeds are integers from 0 to 2⁶⁴ − 1, not booleans."""
    with pytest.raises(ConfigurationError, match="seed="):
        key(seed)


def test_a_seed_of_any_integer_type_has_two_words() -> None:
    """The low word comes first."""
    assert key(np.int64(5)) == (5, 0)
    assert key(2**64 - 1) == (0xFFFFFFFF, 0xFFFFFFFF)
    assert key(3 * 2**32 + 7) == (7, 3)
