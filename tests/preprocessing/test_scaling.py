"""Scalings against scikit-learn's, and where they differ on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.preprocessing import scaling

RNG = np.random.default_rng(0)
X = np.round(RNG.lognormal(3, 2, 5000), 1)


def test_standard_and_robust_as_scikit_learn():
    theirs = pytest.importorskip("sklearn.preprocessing")
    for ours, scaler in ((scaling.standard, theirs.StandardScaler()), (scaling.robust, theirs.RobustScaler())):
        np.testing.assert_allclose(ours(X)(X), scaler.fit_transform(X[:, None])[:, 0], rtol=1e-12, atol=1e-12)


def test_quantile_as_scikit_learn():
    """To 0.03 inside the middle 99 %: between landmarks they interpolate ranks, here scores are interpolated."""
    theirs = pytest.importorskip("sklearn.preprocessing")
    x = RNG.lognormal(3, 2, 5000)
    scaler = theirs.QuantileTransformer(n_quantiles=1000, output_distribution="normal", subsample=None)
    expected, got = scaler.fit_transform(x[:, None])[:, 0], scaling.quantile(x)(x)
    inside = np.abs(expected) < 2.5
    np.testing.assert_allclose(got[inside], expected[inside], atol=0.03)
    assert (np.diff(got[np.argsort(x)]) >= 0).all()
    assert [scaling.quantile(x)(np.array([v]))[0] for v in (-1e9, 1e300)] == pytest.approx([-5.1993, 5.1993], abs=1e-4)


def test_equal_cells_get_the_middle_of_their_ranks():
    """920 zeros of 1,000 cells stand at rank 0.46."""
    x = np.concatenate([np.zeros(920), RNG.uniform(1, 2, 80)])
    assert scaling.quantile(x)(np.zeros(1))[0] == pytest.approx(-0.1004, abs=2e-3)


def test_numbers_of_any_size():
    """Squares of 1e200 do not fit a float; 1e30 and 1e-30 are as good as 1."""
    for factor in (1e-200, 1e-30, 1e30, 1e200):
        scaled = scaling.standard(factor * X)(factor * X)
        np.testing.assert_allclose(scaled, scaling.standard(X)(X), rtol=1e-10)


@pytest.mark.parametrize("value", [0.1, 1e30, 7.7e200])
def test_a_constant_has_the_scale_0(value):
    """The mean of 160 times 0.1 is not 0.1, in floating point."""
    assert scaling.standard(np.full(160, value)) == scaling.Affine(value, 0.0)


def test_where_half_of_the_cells_are_alike_robust_takes_the_deviation():
    x = np.array([0.0] * 9 + [10])
    assert scaling.robust(x).scale == scaling.standard(x).scale == 3


def test_a_bend_clips_smoothly():
    """z / √(1 + (z/8)²): 0.992 of one deviation, 8 of infinitely many, odd and rising; the largest floats do not overflow."""
    bent = scaling.Affine(0.0, 1.0, 8.0)
    z = np.array([0, 1e-9, 1, 5, 140, 1e200, 1.7e308, np.inf])
    expected = [0, 1e-9, 1 / np.sqrt(1 + 1 / 64), 5 / np.sqrt(1 + 25 / 64), 140 / np.sqrt(1 + 17.5**2), 8, 8, 8]
    np.testing.assert_allclose(bent(z), expected, rtol=1e-14)
    np.testing.assert_array_equal(bent(-z), -bent(z))
    assert np.isnan(bent(np.array([np.nan]))).all()
    assert (scaling.Affine(-1e308, 1e-300, 8.0)(np.array([1e308])) == 8).all()
