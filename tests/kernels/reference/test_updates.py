"""Updates of the flat parameters: steps worked by hand, and when a step must not be made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dlcore.backends.backend import Backend, from_namespace

TABLES = {"reference": from_namespace(np, "numpy").kernels, "cpu": Backend.for_device("cpu").kernels}
BOTH = pytest.mark.parametrize("table", TABLES)
ETA = 0.5


def numbers(*values: float) -> np.ndarray:
    return np.array(values, "float64")


def counters(updates: int = 1) -> np.ndarray:
    return np.array([0, 0, 0, updates])


def control(scale: float = 1.0, decay: float = 0.0) -> np.ndarray:
    """(learning rate, factor on the gradient, gradient norm, weight decay)"""
    return numbers(ETA, scale, 99.0, decay)


def run(table: str, name: str, *inputs: Any, out: Any) -> None:
    with np.errstate(all="ignore"):  # as in a step, which finds what is not finite by itself
        TABLES[table][name](*inputs, out=out)


# -- each optimizer, by hand: the first of two entries is a matrix's, the second a bias ------------------------------


@BOTH
def test_sgd_by_hand(table: str) -> None:
    """θ ← (1 − 0.5·0.1)·θ − 0.5·2·g on matrices, without decay on biases; the gradient's factor is 2."""
    theta, grad = numbers(4, 4), numbers(1, -1)
    run(table, "sgd", theta, grad, control(2, 0.1), 1, out=theta)
    np.testing.assert_allclose(theta, [4 * 0.95 - 1, 4 + 1], rtol=1e-15)


@BOTH
@pytest.mark.parametrize(
    ("nesterov", "first", "second"),
    [
        (0, [-0.5, 1.5], [-0.5 - 0.5 * 1.4, 1.5 + 0.5 * 2.8]),  # v: (1, −3), then 0.9·v + 0.5·g with g = (1, −0.2)
        (1, [-0.5 * 1.9, 1.5 * 1.9], [-0.95 - 0.5 * (1 + 0.9 * 1.4), 2.85 + 0.5 * (0.2 + 0.9 * 2.8)]),
    ],
)
def test_sgd_with_momentum_by_hand(table: str, nesterov: int, first: list[float], second: list[float]) -> None:
    """Two steps, μ = 0.9, dampening ½: the first velocity is the first gradient, undampened, whatever the slot holds."""
    theta, v = numbers(0, 0), numbers(77, 77)
    for step, (grad, expected) in enumerate([(numbers(1, -3), first), (numbers(1, -0.2), second)], 1):
        run(table, "sgd_momentum", theta, grad, v, control(), counters(step), 0, 0.9, 0.5, nesterov, out=(theta, v))
        np.testing.assert_allclose(theta, expected, rtol=1e-14)
    np.testing.assert_allclose(v, [1.4, -2.8], rtol=1e-14)


@BOTH
def test_moving_average_by_hand(table: str) -> None:
    """v ← 0.9·v + 0.1·g from v = 1: 1.1 for g = 2;  θ ← 0.95·θ − 0.5·v on the matrix."""
    theta, v = numbers(2, 2), numbers(1, 1)
    run(table, "moving_average", theta, numbers(2, 2), v, control(decay=0.1), 1, 0.9, out=(theta, v))
    np.testing.assert_allclose(v, [1.1, 1.1], rtol=1e-15)
    np.testing.assert_allclose(theta, [2 * 0.95 - 0.55, 2 - 0.55], rtol=1e-15)


@BOTH
def test_look_ahead_by_hand(table: str) -> None:
    """The origin is where θ was, and θ moves by η·reach·v with the rate of the step to come."""
    theta, origin = numbers(2, 3), numbers(math.nan, math.nan)
    schedule = np.array([[9, 9], [0.25, 9], [9, 9]])
    run(table, "look_ahead", theta, numbers(1, -1), origin, schedule, np.array([0, 1]), 0.8, out=(theta, origin))
    assert origin.tolist() == [2, 3]
    np.testing.assert_allclose(theta, [1.8, 3.2], rtol=1e-15)


@BOTH
def test_moving_average_nesterov_steps_from_the_origin(table: str) -> None:
    """θ ← origin − η v, wherever the gradient was taken."""
    theta, v, origin = numbers(55, 55), numbers(1, 1), numbers(2, 2)
    run(table, "moving_average_nesterov", theta, numbers(2, 2), v, origin, control(decay=0.1), 1, 0.9, out=(theta, v))
    np.testing.assert_allclose(theta, [2 * 0.95 - 0.55, 2 - 0.55], rtol=1e-15)
    assert origin.tolist() == [2, 2]


@BOTH
@pytest.mark.parametrize("inside", [0, 1])
def test_first_step_of_adam_by_hand(table: str, inside: int) -> None:
    """From empty slots m̂ = g and v̂ = g², so the step is η·g/(|g| + ε), or η·g/√(g² + ε); decay on the matrix only."""
    theta, m, v = numbers(1, 1), numbers(0, 0), numbers(0, 0)
    epsilon = 0.25
    run(
        table, "adam", theta, numbers(2, -2), m, v, control(decay=0.1), counters(), 1, 0.9, 0.999, epsilon, inside,
        out=(theta, m, v),
    )  # fmt: skip
    step = ETA * 2 / (math.sqrt(4 + epsilon) if inside else 2 + epsilon)
    np.testing.assert_allclose(theta, [0.95 - step, 1 + step], rtol=1e-14)
    np.testing.assert_allclose(m, [0.2, -0.2], rtol=1e-14)
    np.testing.assert_allclose(v, [0.004, 0.004], rtol=1e-12)


@BOTH
def test_third_step_of_adam_by_hand(table: str) -> None:
    """Bias corrections of step 3: m̂ = m/(1 − 0.9³) and v̂ = v/(1 − 0.5³)."""
    theta, m, v = numbers(1), numbers(0.5), numbers(2)
    run(table, "adam", theta, numbers(1), m, v, control(), counters(3), 0, 0.9, 0.5, 1e-8, 0, out=(theta, m, v))
    m_hat, v_hat = 0.55 / (1 - 0.729), 1.5 / (1 - 0.125)
    np.testing.assert_allclose(theta, [1 - ETA * m_hat / (math.sqrt(v_hat) + 1e-8)], rtol=1e-13)


@BOTH
@pytest.mark.parametrize("inside", [0, 1])
def test_adagrad_and_rmsprop_by_hand(table: str, inside: int) -> None:
    """v = 5 and g = 2: 9 summed, 4.75 averaged with ρ = ¾; θ moves by η·2 over the root; decay on the matrix only."""
    for name, rho, v_new in (("adagrad", (), 9.0), ("rmsprop", (0.75,), 4.75)):
        theta, v = numbers(1, 1), numbers(5, 5)
        run(table, name, theta, numbers(2, -2), v, control(decay=0.1), 1, *rho, 0.25, inside, out=(theta, v))
        step = ETA * 2 / (math.sqrt(v_new + 0.25) if inside else math.sqrt(v_new) + 0.25)
        np.testing.assert_allclose(theta, [0.95 - step, 1 + step], rtol=1e-14)
        np.testing.assert_allclose(v, [v_new, v_new], rtol=1e-15)


@BOTH
def test_normalized_gradient_by_hand(table: str) -> None:
    """η·g/(|g| + ε), and nothing where g is 0."""
    theta = numbers(1, 1, 1)
    run(table, "normalized_gradient", theta, numbers(3, -3, 0), control(decay=0.1), 1, 1.0, 0, out=theta)
    np.testing.assert_allclose(theta, [0.95 - ETA * 0.75, 1 + ETA * 0.75, 1], rtol=1e-15)


@BOTH
def test_third_step_of_nadam_by_hand(table: str) -> None:
    """m̂ = 0.9·m/(1 − 0.9⁴) + 0.1·g/(1 − 0.9³) and v̂ = v/(1 − 0.5³)."""
    theta, m, v = numbers(1), numbers(0.5), numbers(2)
    run(table, "nadam", theta, numbers(1), m, v, control(), counters(3), 0, 0.9, 0.5, 1e-8, 0, out=(theta, m, v))
    m_hat, v_hat = 0.9 * 0.55 / (1 - 0.9**4) + 0.1 / (1 - 0.9**3), 1.5 / (1 - 0.125)
    np.testing.assert_allclose(theta, [1 - ETA * m_hat / (math.sqrt(v_hat) + 1e-8)], rtol=1e-13)


@BOTH
def test_lion_by_hand(table: str) -> None:
    """The sign is of 0.9·m + 0.1·g, m then moves with ¾; 0 has no sign."""
    theta, m = numbers(1, 1, 1), numbers(1, 0.1, 0)
    run(table, "lion", theta, numbers(-5, -5, 0), m, control(decay=0.1), 1, 0.9, 0.75, out=(theta, m))
    np.testing.assert_allclose(theta, [0.95 - ETA, 1 + ETA, 1], rtol=1e-15)
    np.testing.assert_allclose(m, [-0.5, -1.175, 0], rtol=1e-14)


@BOTH
def test_max_norm_by_hand(table: str) -> None:
    """Columns of norm 5, 0.5 and 0: the first is scaled to norm 2, the others stay bit for bit."""
    W = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    run(table, "max_norm", W, control(), 2.0, out=W)
    np.testing.assert_allclose(W[:, 0], [1.2, 1.6], rtol=1e-15)
    assert W[:, 1:].tolist() == [[0.3, 0.0], [0.4, 0.0]]


RULES = {
    "sgd": ((), (0,)),
    "sgd_momentum": (("v",), (0, 0.9, 0.0, 0)),
    "moving_average": (("v",), (0, 0.9)),
    "sgd_step": (("v",), (0, 0.9, 1)),
    "adam": (("m", "v"), (0, 0.9, 0.999, 1e-8, 0)),
    "nadam": (("m", "v"), (0, 0.9, 0.999, 1e-8, 0)),
    "normalized_gradient": ((), (0, 1e-8, 0)),
    "adagrad": (("v",), (0, 1e-8, 0)),
    "rmsprop": (("v",), (0, 0.9, 1e-8, 0)),
    "lion": (("m",), (0, 0.9, 0.99)),
}


@BOTH
@pytest.mark.parametrize("name", RULES)
def test_a_skipped_update_changes_nothing(table: str, name: str) -> None:
    """Scale 0 leaves parameters and slots as they are, even where the gradient is NaN."""
    slots, rest = RULES[name]
    theta, state = numbers(1, 2), [numbers(3, 4) for _ in slots]
    counts = (counters(),) if name in ("sgd_momentum", "adam", "nadam") else ()
    out = (theta, *state) if state else theta
    run(table, name, theta, numbers(math.nan, math.inf), *state, control(0), *counts, *rest, out=out)
    assert theta.tolist() == [1, 2]
    assert all(s.tolist() == [3, 4] for s in state)


@BOTH
def test_a_skipped_nesterov_step_returns_to_the_origin(table: str) -> None:
    """The look-ahead point must not stay behind as if it were a step."""
    theta, v, origin = numbers(55, 55), numbers(1, 1), numbers(2, 3)
    nan = numbers(math.nan, math.nan)
    run(table, "moving_average_nesterov", theta, nan, v, origin, control(0), 1, 0.9, out=(theta, v))
    assert theta.tolist() == [2, 3]
    assert v.tolist() == [1, 1]


@BOTH
def test_a_skipped_step_leaves_the_norms(table: str) -> None:
    """max_norm acts after an update, not after none."""
    W = np.full((2, 2), 100.0)
    run(table, "max_norm", W, control(0), 1.0, out=W)
    assert (W == 100).all()


# -- before the optimizer --------------------------------------------------------------------------------------------


class Prepared:
    """prepare_update on θ = (3, 3, 3), two of them a matrix's, g = (3, 4, 0) and place 1 of three."""

    def __init__(
        self,
        table: str,
        *,
        grad: Any = (3.0, 4.0, 0.0),
        loss: Any = (0.7, 2.0),
        fault: int = 0,
        l2: float = 0.0,
        clip: float = math.inf,
    ) -> None:
        self.theta, self.grad = numbers(3, 3, 3), numbers(*grad)
        self.control, self.losses, self.place = numbers(9, 9, 9, 9), numbers(-1, -1, -1), np.array([1, 1])
        self.progress, self.fault = np.array([5, 6, 7, 41]), np.array([fault])
        squares = numbers(9, 9)
        run(
            table, "prepare_update", self.theta, self.grad, squares, numbers(*loss), np.array([[0.1, 1], [0.2, 2], [0.3, 3]]), self.losses,
            self.place, self.progress, self.fault, 2, l2, clip,
            out=(self.grad, squares, self.control, self.losses, self.place, self.progress, self.fault),
        )  # fmt: skip


@BOTH
def test_a_good_step_is_counted_and_recorded(table: str) -> None:
    """Rate of place 1, factor 1, norm 5, decay of place 1; the loss goes to place 1, the places and the updates move on, nothing else."""
    p = Prepared(table)
    assert p.control.tolist() == [0.2, 1, 5, 2]
    assert p.losses.tolist() == [-1, 0.7, -1]
    assert (p.place[0], p.fault[0]) == (2, 0)
    assert p.progress.tolist() == [5, 6, 7, 42]
    assert p.grad.tolist() == [3, 4, 0]


@BOTH
def test_clipping_scales_by_the_norm(table: str) -> None:
    """‖g‖ = 5 and clip 2: the factor is 2/(5 + 1e-6), PyTorch's; the gradient itself stays."""
    p = Prepared(table, clip=2.0)
    assert p.control[1] == pytest.approx(2 / (5 + 1e-6), rel=1e-14)
    assert p.grad.tolist() == [3, 4, 0]


@BOTH
def test_a_short_gradient_is_not_clipped(table: str) -> None:
    """Below the bound the factor is 1, never more."""
    assert Prepared(table, clip=6.0).control[1] == 1


@BOTH
def test_l2_acts_on_matrices_only(table: str) -> None:
    """g ← g + 0.5·θ on the first two entries, before the norm is taken."""
    p = Prepared(table, l2=0.5)
    assert p.grad.tolist() == [4.5, 5.5, 0]
    assert p.control[2] == pytest.approx(math.hypot(4.5, 5.5), rel=1e-15)


FAULTS = {
    "NaN loss": {"loss": (math.nan, 2.0)},
    "infinite loss": {"loss": (math.inf, 2.0)},
    "infinite gradient": {"grad": (math.inf, 0.0, 0.0)},
    "NaN gradient": {"grad": (0.0, math.nan, 0.0)},
}


@BOTH
@pytest.mark.parametrize("what", FAULTS)
def test_a_step_that_is_not_finite_is_skipped_and_noted(table: str, what: str) -> None:
    """Factor 0, updates not counted, and fault holds the number the update would have had, 42; the loss is recorded."""
    p = Prepared(table, **FAULTS[what])
    assert p.control[1] == 0
    assert (p.fault[0], p.progress[3], p.place[0]) == (42, 41, 2)
    assert p.losses[1] == pytest.approx(FAULTS[what].get("loss", (0.7,))[0], nan_ok=True)


@BOTH
@pytest.mark.parametrize("what", ["good", *FAULTS])
def test_after_a_fault_nothing_moves(table: str, what: str) -> None:
    """The first fault's number stays, and even a good step is skipped: the last good state stays the state."""
    p = Prepared(table, fault=17, **FAULTS.get(what, {}))
    assert (p.control[1], p.fault[0], p.progress[3]) == (0, 17, 41)


@BOTH
def test_a_batch_without_weight_is_skipped_without_a_fault(table: str) -> None:
    """Weight 0: nothing to learn, nothing wrong."""
    p = Prepared(table, loss=(0.0, 0.0), l2=0.5)
    assert (p.control[1], p.fault[0], p.progress[3], p.place[0]) == (0, 0, 41, 2)


@BOTH
def test_a_gradient_whose_square_overflows_is_a_fault(table: str) -> None:
    """‖g‖ is infinite though g is not; clipping by it would be meaningless."""
    assert Prepared(table, grad=(1e200, 0.0, 0.0)).fault[0] == 42


# -- several gradients before an update ------------------------------------------------------------------------------


@BOTH
def test_accumulated_batches_are_one_batch(table: str) -> None:
    """Batches of weight 2 and 6: gradient and loss are the weighted means, and the sums start again at 0."""
    total, sums = numbers(0, 0), numbers(0, 0)
    for grad, loss in ((numbers(1, 5), numbers(0.5, 2)), (numbers(3, 1), numbers(1.5, 6))):
        run(table, "accumulate", grad, loss, total, sums, out=(total, sums))
    grad, loss = numbers(9, 9), numbers(9, 9)
    run(table, "average", total, sums, out=(total, sums, grad, loss))
    np.testing.assert_allclose(grad, [2.5, 2.0], rtol=1e-15)
    np.testing.assert_allclose(loss, [1.25, 8.0], rtol=1e-15)
    assert not total.any()
    assert not sums.any()


@BOTH
def test_accumulating_no_weight_gives_0(table: str) -> None:
    """Σ w = 0: gradient and loss 0, no NaN from 0/0."""
    total, sums, grad, loss = numbers(0, 0), numbers(0, 0), numbers(9, 9), numbers(9, 9)
    run(table, "average", total, sums, out=(total, sums, grad, loss))
    assert not grad.any()
    assert loss.tolist() == [0, 0]
