"""Sums over many rows in float32."""

from __future__ import annotations

import numpy as np

from dlcore.backends.backend import Backend

KERNELS = Backend.for_device("cpu").kernels


def test_the_bias_gradient_of_many_rows() -> None:
    """200,000 rows of 0.1 sum to 20,000, to 1e-5."""
    db = np.empty(3, np.float32)
    KERNELS["bias_grad"].run(np.full((200_000, 3), 0.1, np.float32), out=db)
    np.testing.assert_allclose(db, 20_000, rtol=1e-5)


def test_batch_statistics_of_many_rows() -> None:
    """Mean and variance of 60,000 rows of N(1000, 1) are those of float64, to the precision of the values themselves."""
    x = (1000 + np.random.default_rng(0).standard_normal((60_000, 3))).astype(np.float32)
    ones, z, mu, var = np.ones(3, np.float32), np.empty_like(x), np.empty(3, np.float32), np.empty(3, np.float32)
    KERNELS["batch_norm"].run(x, ones, 0 * ones, 1e-5, out=(z, mu, var))
    np.testing.assert_allclose(mu, x.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(var, x.var(axis=0, dtype=np.float64), rtol=1e-4)


def test_the_gradient_of_a_table_that_many_rows_share() -> None:
    """Each of two codes comes 100,000 times with 0.1: 10,000, to 1e-5.  Code 3 is unknown."""
    x = np.resize(np.array([1, 2, 3], np.float32), (300_000, 1))
    delta, counts, dE = np.full((300_000, 2), 0.1, np.float32), np.array([2]), np.empty(4, np.float32)
    KERNELS["embedding_grad"].run(delta, x, counts, counts, np.zeros_like(dE), out=dE)
    np.testing.assert_allclose(dE, 10_000, rtol=1e-5)
