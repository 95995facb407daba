"""Activations: facts of the lectures, kinks, extremes, and each gradient against central differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dlcore.backends.backend import Backend, from_namespace
from dlcore.kernels.reference import KERNELS, activations
from dlcore.kernels.reference.activations import ELEMENTWISE

TABLES = {"reference": from_namespace(np, "numpy").kernels, "cpu": Backend.for_device("cpu").kernels}
NUMBERS = {"leaky_relu": (0.01,), "elu": (0.7,)}
BOTH = pytest.mark.parametrize("table", TABLES)
EVERY = pytest.mark.parametrize("name", ELEMENTWISE)
# a column of the Jacobian sums to a_j (1 − Σ a): Σ a is 1 to two roundings of 2⁻⁵³, entries of at most ½ in sum have two more
ROUNDED_SUM = 4 * 2.0**-53


def forward(table: str, name: str, z: Any, dtype: str = "float64") -> np.ndarray:
    """a = g(z) of a row of numbers."""
    z = np.asarray(z, dtype).reshape(1, -1)
    a = np.empty_like(z)
    TABLES[table][name](z, *NUMBERS.get(name, ()), out=a)
    return a[0]


def slope(table: str, name: str, z: Any, dtype: str = "float64") -> np.ndarray:
    """g'(z), through the gradient kernel with delta = 1."""
    z = np.asarray(z, dtype).reshape(1, -1)
    kept = (
        z
        if activations.__dict__[f"{name}_grad"].contract.inputs[1].name == "z"
        else forward("reference", name, z, dtype)[None]
    )
    dz = np.empty_like(z)
    TABLES[table][f"{name}_grad"](np.ones_like(z), kept, *NUMBERS.get(name, ()), out=dz)
    return dz[0]


# -- facts of the lectures -------------------------------------------------------------------------------------------


@BOTH
def test_softmax_of_the_lecture(table: str) -> None:
    """softmax(0.1, 1.3, 2.5) = (0.0652, 0.2164, 0.7184)"""
    assert np.round(forward(table, "softmax", [0.1, 1.3, 2.5]), 4).tolist() == [0.0652, 0.2164, 0.7184]


@BOTH
def test_jacobian_of_the_softmax_of_the_lecture(table: str) -> None:
    """Its diagonal is a (1 − a) = (0.0609, 0.1696, 0.2023), the rest −a_i a_j, and each column sums to 0."""
    a = np.repeat(forward(table, "softmax", [0.1, 1.3, 2.5])[None], 3, axis=0)
    J = np.empty((3, 3))
    TABLES[table]["softmax_grad"](np.eye(3), a, out=J)
    assert np.round(np.diag(J), 4).tolist() == [0.0609, 0.1696, 0.2023]
    assert J[0, 2] == pytest.approx(-a[0, 0] * a[0, 2], rel=1e-14)
    np.testing.assert_allclose(J.sum(axis=0), 0, atol=ROUNDED_SUM)


def test_the_whole_jacobian_of_the_softmax() -> None:
    """Central differences of every output by every input; what softmax_grad applies to delta is this matrix."""
    z, h = np.random.default_rng(5).standard_normal((3, 4)), 1e-6
    a = activations.softmax(np, z)
    J = activations.softmax_jacobian(np, a)
    assert J.shape == (3, 4, 4)
    for j in range(4):
        step = h * np.eye(4)[j]
        slope = (activations.softmax(np, z + step) - activations.softmax(np, z - step)) / (2 * h)
        np.testing.assert_allclose(J[:, :, j], slope, atol=1e-9)
    np.testing.assert_allclose(J.sum(axis=1), 0, atol=ROUNDED_SUM)
    delta = np.random.default_rng(6).standard_normal((3, 4))
    np.testing.assert_allclose(activations.softmax_grad(np, delta, a), np.einsum("nij,ni->nj", J, delta), rtol=1e-12)


@BOTH
def test_softmax_ignores_a_common_shift(table: str) -> None:
    """softmax(z + c) = softmax(z), also for c far beyond exp's range."""
    np.testing.assert_allclose(
        forward(table, "softmax", [1e4 + 0.125, 1e4 + 1.25, 1e4 + 2.5]),
        forward(table, "softmax", [0.125, 1.25, 2.5]),
        rtol=1e-14,
    )


@BOTH
def test_sigmoid_is_steepest_in_the_middle(table: str) -> None:
    """σ(0) = ½, and its largest slope is ¼."""
    slopes = slope(table, "sigmoid", np.linspace(-5, 5, 101))
    assert forward(table, "sigmoid", [0.0])[0] == 0.5
    assert slopes.max() == slopes[50] == 0.25


U = math.sqrt(2 / math.pi) * 1.044715
PHI = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
BY_HAND = {
    "identity": (1, -1),
    "binary_step": (1, 0),
    "sigmoid": (1 / (1 + 1 / math.e), 1 / (1 + math.e)),
    "tanh": (math.tanh(1), -math.tanh(1)),
    "arctan": (math.pi / 4, -math.pi / 4),
    "relu": (1, 0),
    "leaky_relu": (1, -0.01),
    "elu": (1, 0.7 * (1 / math.e - 1)),
    "selu": (1.0507009873554805, 1.0507009873554805 * 1.6732632423543772 * (1 / math.e - 1)),
    "softplus": (math.log(1 + math.e), math.log(1 + 1 / math.e)),
    "gelu": (PHI, -(1 - PHI)),
    "gelu_tanh": (0.5 * (1 + math.tanh(U)), -0.5 * (1 - math.tanh(U))),
    "silu": (1 / (1 + 1 / math.e), -1 / (1 + math.e)),
}


@BOTH
@EVERY
def test_values_worked_by_hand(table: str, name: str) -> None:
    """Each activation at z = 1 and z = −1, by the standard library."""
    np.testing.assert_allclose(forward(table, name, [1.0, -1.0]), BY_HAND[name], rtol=1e-14)


# -- kinks -----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("name", "value", "derivative"),
    [
        ("relu", 0, 0),
        ("leaky_relu", 0, 0.01),
        ("elu", 0, 0.7),
        ("binary_step", 1, 0),
        ("selu", 0, 1.0507009873554805 * 1.6732632423543772),
    ],
)
def test_value_and_derivative_at_the_kink(table: str, name: str, value: float, derivative: float) -> None:
    """At 0 PyTorch's choice: ReLU 0, leaky ReLU and ELU alpha; the step is 1 there, and flat."""
    assert forward(table, name, [0.0])[0] == value
    assert slope(table, name, [0.0])[0] == pytest.approx(derivative, rel=1e-15)


@BOTH
def test_prelu_at_the_kink(table: str) -> None:
    """At 0 the learned slope counts: dz = alpha delta, and dalpha gets delta·0."""
    z, delta, alpha = np.zeros((1, 1)), np.full((1, 1), 2.0), np.array([0.25])
    dz, dalpha = np.empty((1, 1)), np.empty(1)
    TABLES[table]["prelu_grad"](delta, z, alpha, out=(dz, dalpha))
    assert (dz[0, 0], dalpha[0]) == (0.5, 0.0)


@BOTH
def test_the_step_teaches_nothing(table: str) -> None:
    """The binary step's derivative is 0 everywhere."""
    assert not slope(table, "binary_step", [-2.0, -0.0, 0.0, 1e-300, 3.0]).any()


# -- extremes --------------------------------------------------------------------------------------------------------


@BOTH
@EVERY
def test_nan_goes_through(table: str, name: str) -> None:
    """NaN comes out as NaN, so that it shows in the loss; only the step hides it."""
    a = forward(table, name, [1.0, math.nan, -1.0])
    assert np.isnan(a).tolist() == [False, name != "binary_step", False]


@BOTH
def test_nan_goes_through_the_softmax(table: str) -> None:
    """One NaN makes its whole row NaN, and no other row."""
    z = np.array([[1.0, math.nan], [1.0, 2.0]])
    a = np.empty_like(z)
    TABLES[table]["softmax"](z, out=a)
    assert np.isnan(a).tolist() == [[True, True], [False, False]]


LIMITS = {  # value at z = 1000 and at z = −1000
    "identity": (1000, -1000), "binary_step": (1, 0), "sigmoid": (1, 0), "tanh": (1, -1),
    "arctan": (math.atan(1000), -math.atan(1000)), "relu": (1000, 0), "leaky_relu": (1000, -10), "elu": (1000, -0.7),
    "selu": (1050.7009873554805, -1.7580993408473766), "softplus": (1000, 0), "gelu": (1000, 0), "gelu_tanh": (1000, 0),
    "silu": (1000, 0),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LIMITS)
def test_far_from_zero_values_and_slopes_are_the_limits(table: str, name: str, dtype: str) -> None:
    """At |z| = 1000 nothing overflows, and slopes are those of the asymptotes."""
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(forward(table, name, [1000, -1000], dtype), LIMITS[name], rtol=tolerance, atol=1e-30)
    rising = {"identity": (1, 1), "leaky_relu": (1, 0.01), "selu": (1.0507009873554805, 0), "arctan": (1e-6, 1e-6)}
    flat = ("sigmoid", "tanh", "binary_step")
    expected = rising.get(name, (0, 0) if name in flat else (1, 0))
    np.testing.assert_allclose(slope(table, name, [1000, -1000], dtype), expected, rtol=2e-6, atol=1e-6)


@BOTH
def test_softmax_of_a_thousand(table: str) -> None:
    """Logits of ±1000 give 0, ½ and ½, no NaN."""
    assert forward(table, "softmax", [1000.0, -1000.0, 1000.0]).tolist() == [0.5, 0.0, 0.5]


# -- gradients against central differences ---------------------------------------------------------------------------

POINTS = np.concatenate([np.linspace(-4, -0.1, 40), np.linspace(0.1, 4, 40)])


@EVERY
def test_gradient_is_the_central_difference(name: str) -> None:
    """g'(z) = (g(z + h) − g(z − h)) / 2h to 1e-9, h = 1e-5, away from kinks; through the reference."""
    h = 1e-5
    difference = (forward("reference", name, POINTS + h) - forward("reference", name, POINTS - h)) / (2 * h)
    np.testing.assert_allclose(slope("reference", name, POINTS), difference, rtol=0, atol=1e-9)


def test_prelu_gradient_is_the_central_difference() -> None:
    """Both gradients, with respect to z and to the one alpha, of Σ delta ⊙ prelu(z)."""
    random, h = np.random.default_rng(0), 1e-6
    z, delta, alpha = random.standard_normal((4, 3)), random.standard_normal((4, 3)), np.array([0.3])
    dz, dalpha = KERNELS["prelu_grad"](np, delta, z, alpha)

    def value(z: np.ndarray, alpha: np.ndarray) -> float:
        return float(np.sum(delta * KERNELS["prelu"](np, z, alpha)))

    assert dalpha[0] == pytest.approx((value(z, alpha + h) - value(z, alpha - h)) / (2 * h), abs=1e-8)
    for i in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[i] = h
        assert dz[i] == pytest.approx((value(z + step, alpha) - value(z - step, alpha)) / (2 * h), abs=1e-8)


def test_softmax_gradient_is_the_central_difference() -> None:
    """dz of Σ delta ⊙ softmax(z), entry by entry."""
    random, h = np.random.default_rng(0), 1e-6
    z, delta = random.standard_normal((3, 4)), random.standard_normal((3, 4))
    dz = KERNELS["softmax_grad"](np, delta, KERNELS["softmax"](np, z))
    for i in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[i] = h
        rise = np.sum(delta * (KERNELS["softmax"](np, z + step) - KERNELS["softmax"](np, z - step)))
        assert dz[i] == pytest.approx(rise / (2 * h), abs=1e-9)


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "selu", "elu", "softplus"])
def test_value_is_torchs(name: str) -> None:
    """The definitions are PyTorch's."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    theirs = {
        "gelu": f.gelu,
        "gelu_tanh": lambda z: f.gelu(z, approximate="tanh"),
        "silu": f.silu,
        "selu": f.selu,
        "elu": lambda z: f.elu(z, 0.7),
        "softplus": f.softplus,
    }[name]
    # torch cuts its softplus to the identity above 20
    expected = theirs(torch.tensor(POINTS)).numpy()
    np.testing.assert_allclose(forward("reference", name, POINTS), expected, rtol=1e-13, atol=1e-15)
