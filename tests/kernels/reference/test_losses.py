"""Losses: hand-worked values, extreme logits, weights, smoothing, and delta against central differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dlcore.backends.backend import Backend, from_namespace
from dlcore.kernels.reference import KERNELS
from dlcore.kernels.reference.activations import logistic
from dlcore.kernels.reference.losses import LOSSES, binary_entropy

TABLES = {"reference": from_namespace(np, "numpy").kernels, "cpu": Backend.for_device("cpu").kernels}
BOTH = pytest.mark.parametrize("table", TABLES)
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
EVERY = pytest.mark.parametrize("name", LOSSES)


def evaluate(table: str, name: str, z: Any, y: Any, w: Any = None, *smoothing: float, dtype: str = "float64") -> Any:
    """(loss, weight, delta) of a kernel of a table."""
    z = np.asarray(z, dtype)
    y = np.asarray(y, "int64" if name == "softmax_cross_entropy" else dtype)
    w = np.ones(len(z), dtype) if w is None else np.asarray(w, dtype)
    loss, delta = np.full(2, np.nan, dtype), np.full_like(z, np.nan)
    rest = [a.name for a in KERNELS[name].contract.inputs if a.dims is None]
    numbers = smoothing or [0.0 if rest_name == "smoothing" else 1.0 for rest_name in rest]
    TABLES[table][name](z, y, w, *numbers, out=(loss, delta))
    return float(loss[0]), float(loss[1]), delta


def targets(name: str, random: Any, rows: int, columns: int) -> np.ndarray:
    if name == "softmax_cross_entropy":
        return random.integers(0, columns, rows)
    y = random.uniform(0, 1, (rows, columns))
    return y / y.sum(axis=1, keepdims=True) if name == "softmax_cross_entropy_dense" else y


# -- values worked by hand -------------------------------------------------------------------------------------------


@BOTH
def test_squared_error_by_hand(table: str) -> None:
    """½(1² + 2²) = 2.5 and ½(3² + 0²) = 4.5; mean 3.5; delta is the error over two rows."""
    loss, weight, delta = evaluate(table, "squared_error", [[1, 2], [3, 0]], [[0, 0], [0, 0]])
    assert (loss, weight) == (3.5, 2)
    assert delta.tolist() == [[0.5, 1], [1.5, 0]]


@BOTH
def test_binary_cross_entropy_by_hand(table: str) -> None:
    """At z = 0 every target costs log 2; at z = log 3, a = ¾, so y = 1 costs log 4/3 and y = 0 costs log 4."""
    z = [[0.0], [math.log(3)], [math.log(3)]]
    loss, _, delta = evaluate(table, "binary_cross_entropy", z, [[0.3], [1], [0]])
    assert loss == pytest.approx((math.log(2) + math.log(4 / 3) + math.log(4)) / 3, rel=1e-14)
    np.testing.assert_allclose(delta, np.array([[0.2], [-0.25], [0.75]]) / 3, rtol=1e-14)


@BOTH
@pytest.mark.parametrize("name", ["softmax_cross_entropy", "softmax_cross_entropy_dense"])
def test_softmax_cross_entropy_by_hand(table: str, name: str) -> None:
    """Logits log(1, 2, 5) are the probabilities ⅛ ¼ ⅝; class 2 costs log 8/5, and delta is a − y."""
    y = [2] if name == "softmax_cross_entropy" else [[0, 0, 1]]
    loss, _, delta = evaluate(table, name, [[0, math.log(2), math.log(5)]], y)
    assert loss == pytest.approx(math.log(8 / 5), rel=1e-14)
    np.testing.assert_allclose(delta, [[0.125, 0.25, -0.375]], rtol=1e-14)


@BOTH
@pytest.mark.parametrize("columns", [2, 10])
def test_equal_logits_cost_log_of_the_classes(table: str, columns: int) -> None:
    """A network that knows nothing has the loss log C."""
    assert evaluate(table, "softmax_cross_entropy", np.full((3, columns), 7.0), [0, 1, 1])[0] == pytest.approx(
        math.log(columns), rel=1e-14
    )


@BOTH
def test_huber_by_hand(table: str) -> None:
    """Threshold 2: an error of 1 costs ½, one of −5 costs 2·(5 − 1) = 8; delta is cut to −2."""
    loss, _, delta = evaluate(table, "huber", [[1.0, -5.0]], [[0.0, 0.0]], None, 2.0)
    assert loss == 8.5
    assert delta.tolist() == [[1, -2]]


@BOTH
def test_poisson_by_hand(table: str) -> None:
    """z = log 3, three events expected: 5 seen cost 3 − 5 log 3, and delta is 3 − 5; at 0 seen the cost is 3."""
    loss, _, delta = evaluate(table, "poisson", [[math.log(3)], [math.log(3)]], [[5], [0]])
    assert loss == pytest.approx((3 - 5 * math.log(3) + 3) / 2, rel=1e-14)
    np.testing.assert_allclose(delta, [[-1], [1.5]], rtol=1e-14)


@BOTH
def test_hinge_by_hand(table: str) -> None:
    """Scores ½, −2, 3 of class 1 cost ½, 3, 0; a score of −1 of class 0 costs 0, at the kink with delta 0."""
    loss, _, delta = evaluate(table, "hinge", [[0.5, -2.0, 3.0, -1.0]], [[1, 1, 1, 0]])
    assert loss == 3.5
    assert delta.tolist() == [[-1, -1, 0, 0]]


@BOTH
def test_perceptron_by_hand(table: str) -> None:
    """The lectures' rule: delta is ŷ − y with ŷ = 1 at z = 0; a wrong row costs |z|, a right one nothing."""
    loss, _, delta = evaluate(table, "perceptron", [[2.0, 2.0, -3.0, -3.0, 0.0, 0.0]], [[1, 0, 1, 0, 1, 0]])
    assert loss == 2 + 3
    assert delta.tolist() == [[0, 1, -1, 0, 0, 1]]


def test_binary_entropy_on_probabilities() -> None:
    """Lecture 003's table of (p, t), without NaN or a warning; log 2 at ½, 0.105 at p = 0.9, t = 1, 2.303 at t = 0."""
    p, t = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    assert binary_entropy(np, p, t).tolist() == [0, math.inf, math.inf, 0]
    p, t = np.array([0.5, 0.9, 0.9, 0.3]), np.array([1.0, 1.0, 0.0, 0.3])
    entropy = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    np.testing.assert_allclose(binary_entropy(np, p, t), [math.log(2), 0.1053605, 2.302585, entropy], rtol=1e-6)


def test_binary_entropy_is_the_loss_on_logits() -> None:
    """The stable form agrees where both can be computed."""
    random = np.random.default_rng(8)
    z, y = random.standard_normal((5, 1)) * 3, random.uniform(0, 1, (5, 1))
    loss, _, _ = evaluate("reference", "binary_cross_entropy", z, y)
    assert binary_entropy(np, logistic(np, z), y).mean() == pytest.approx(loss, rel=1e-13)


# -- extreme logits --------------------------------------------------------------------------------------------------


@BOTH
@DTYPES
@pytest.mark.parametrize("name", ["softmax_cross_entropy", "softmax_cross_entropy_dense"])
def test_softmax_cross_entropy_of_extreme_logits(table: str, dtype: str, name: str) -> None:
    """Logits of ±1e4: right costs 0, wrong costs their distance, 2e4, and delta is a − y, all finite."""
    y = [0, 1] if name == "softmax_cross_entropy" else [[1, 0], [0, 1]]
    loss, _, delta = evaluate(table, name, [[1e4, -1e4], [1e4, -1e4]], y, dtype=dtype)
    assert loss == 1e4  # the mean of 0 and 2e4
    np.testing.assert_allclose(delta, [[0, 0], [0.5, -0.5]], atol=1e-37)


@BOTH
@DTYPES
def test_binary_cross_entropy_of_extreme_logits(table: str, dtype: str) -> None:
    """Logits of ±1e4: right costs 0, wrong costs 1e4, and delta is a − y, all finite."""
    z, y = [[1e4], [-1e4], [1e4], [-1e4]], [[1], [0], [0], [1]]
    loss, _, delta = evaluate(table, "binary_cross_entropy", z, y, dtype=dtype)
    assert loss == 5e3
    np.testing.assert_allclose(delta, [[0], [0], [0.25], [-0.25]], atol=1e-37)


@BOTH
@DTYPES
def test_smoothed_cross_entropy_of_extreme_logits(table: str, dtype: str) -> None:
    """With smoothing ½ over two classes a right row costs ¼ of the distance 2e4."""
    loss, _, _ = evaluate(table, "softmax_cross_entropy", [[1e4, -1e4]], [0], None, 0.5, dtype=dtype)
    assert loss == 5e3


@BOTH
@EVERY
def test_nan_in_a_logit_shows_in_the_loss(table: str, name: str) -> None:
    """A diverged network cannot report a finite loss."""
    z = np.zeros((2, 3))
    z[1, 1] = math.nan
    assert math.isnan(evaluate(table, name, z, targets(name, np.random.default_rng(0), 2, 3))[0])


# -- weights ---------------------------------------------------------------------------------------------------------


@BOTH
@EVERY
@DTYPES
def test_a_batch_without_weight_has_loss_and_delta_0(table: str, name: str, dtype: str) -> None:
    """Σ w = 0: nothing to learn, and no NaN from 0/0."""
    random = np.random.default_rng(0)
    z, y = random.standard_normal((4, 3)), targets(name, random, 4, 3)
    loss, weight, delta = evaluate(table, name, z, y, np.zeros(4), dtype=dtype)
    assert (loss, weight) == (0, 0)
    assert not delta.any()


@BOTH
@EVERY
def test_weights_that_are_whole_numbers_repeat_rows(table: str, name: str) -> None:
    """Rows weighted 3, 0, 1, 2 cost what the batch with rows repeated so often costs, and so do their deltas."""
    random = np.random.default_rng(1)
    z, y, w = random.standard_normal((4, 3)), targets(name, random, 4, 3), np.array([3, 0, 1, 2])
    loss, weight, delta = evaluate(table, name, z, y, w)
    repeated, rows, each = evaluate(table, name, np.repeat(z, w, axis=0), np.repeat(y, w, axis=0))
    assert weight == rows == 6
    assert loss == pytest.approx(repeated, rel=1e-14)
    owner = np.repeat(np.arange(4), w)
    np.testing.assert_allclose(delta, [each[owner == i].sum(axis=0) for i in range(4)], rtol=1e-13, atol=1e-17)


@BOTH
@EVERY
def test_a_common_factor_of_the_weights_does_not_count(table: str, name: str) -> None:
    """The loss is a weighted mean, so only ratios matter; the weight itself is reported."""
    random = np.random.default_rng(2)
    z, y, w = random.standard_normal((5, 3)), targets(name, random, 5, 3), random.uniform(0.1, 1, 5)
    loss, weight, delta = evaluate(table, name, z, y, w)
    larger, eightfold, other = evaluate(table, name, z, y, 8 * w)
    assert eightfold == pytest.approx(8 * weight, rel=1e-15)
    assert larger == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(other, delta, rtol=1e-14)


# -- smoothing and delta ---------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_is_torchs(table: str, smoothing: float) -> None:
    """q = (1 − s) y + s/C, as torch.nn.functional.cross_entropy; value and gradient, from indices and distributions."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(3)
    z, labels = random.standard_normal((6, 5)) * 3, random.integers(0, 5, 6)
    for name, y in (("softmax_cross_entropy", labels), ("softmax_cross_entropy_dense", np.eye(5)[labels] * 0.7 + 0.06)):
        theirs = torch.tensor(z, requires_grad=True)
        value = torch.nn.functional.cross_entropy(theirs, torch.tensor(y), label_smoothing=smoothing)
        value.backward()
        loss, _, delta = evaluate(table, name, z, y, None, smoothing)
        assert loss == pytest.approx(value.item(), rel=1e-13)
        np.testing.assert_allclose(delta, theirs.grad.numpy(), rtol=1e-12, atol=1e-16)


@BOTH
def test_smoothed_targets_by_hand(table: str) -> None:
    """s = 0.3 over 3 classes makes 1 0 0 into 0.8 0.1 0.1; equal logits then cost log 3 still, and delta is ⅓ − q."""
    loss, _, delta = evaluate(table, "softmax_cross_entropy", [[2.0, 2.0, 2.0]], [0], None, 0.3)
    assert loss == pytest.approx(math.log(3), rel=1e-14)
    np.testing.assert_allclose(delta, [[1 / 3 - 0.8, 1 / 3 - 0.1, 1 / 3 - 0.1]], rtol=1e-13)


@DTYPES
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
@BOTH
def test_a_single_class_teaches_nothing(table: str, smoothing: float, dtype: str) -> None:
    """Softmax over one class is 1 whatever z: loss and delta are exactly 0, or Adam would step along the rounding error."""
    z = np.linspace(-3, 3, 7)[:, None]
    w = np.random.default_rng(0).uniform(0.1, 2, 7)
    for name, y in (("softmax_cross_entropy", np.zeros(7)), ("softmax_cross_entropy_dense", np.ones((7, 1)))):
        loss, _, delta = evaluate(table, name, z, y, w, smoothing, dtype=dtype)
        assert loss == 0
        assert not delta.any()


@EVERY
def test_delta_is_the_central_difference_of_the_loss(name: str) -> None:
    """∂loss/∂z, weights included, entry by entry, through the reference."""
    random, h = np.random.default_rng(4), 1e-6
    z, y, w = random.standard_normal((3, 4)), targets(name, random, 3, 4), random.uniform(0.2, 2, 3)
    numbers = {"huber": (0.8,), "softmax_cross_entropy": (0.2,), "softmax_cross_entropy_dense": (0.2,)}.get(name, ())

    def value(z: np.ndarray) -> float:
        return float(KERNELS[name](np, z, y, w, *numbers)[0][0])

    delta = KERNELS[name](np, z, y, w, *numbers)[1]
    for i in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[i] = h
        assert delta[i] == pytest.approx((value(z + step) - value(z - step)) / (2 * h), abs=1e-9)


@BOTH
@EVERY
def test_a_row_without_weight_is_inert(table: str, name: str) -> None:
    """Whatever it holds, also what overflows in float32: loss and delta are those of the other rows."""
    random = np.random.default_rng(0)
    z, y, w = random.standard_normal((4, 3)), targets(name, random, 4, 3), np.array([1.0, 0.0, 2.0, 1.0])
    loss, weight, delta = evaluate(table, name, z, y, w, dtype="float32")
    z[1] = 1e30
    with np.errstate(all="ignore"):
        again = evaluate(table, name, z, y, w, dtype="float32")
    assert again[:2] == (loss, weight)
    assert np.array_equal(again[2], delta)
    assert not delta[1].any()
