"""Where the slides differ: for each entry of docs/notation.md the number that the printed form does not give.

The tests are numbered as the entries are.  `printed` computes what the slide says.
"""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import from_namespace
from dlcore.kernels.rng import Stream
from dlcore.layers.initializers import GlorotUniform, HeNormal, LeCunNormal, Uniform
from dlcore.plotting.activations import value_and_slope

K = from_namespace(np, "numpy").kernels
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=6)
XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def neuron(loss: dl.Loss, optimizer: dl.Optimizer, weights: Any = (0.5, -0.2, 0.1), bias: float = 0.3) -> dl.Trainer:
    """One unit on three inputs, or as many as there are weights."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(len(weights), 1)), loss, optimizer, dtype="float64")
    trainer.set_weights([np.array(weights, float)[:, None], np.array([bias])])
    return trainer


def at(layer: dl.Layer, *z: float) -> tuple[list[float], list[float]]:
    value, slope = value_and_slope(layer, np.array(z))
    return value.tolist(), slope.tolist()


def test_01_sigmoid_has_a_plus() -> None:
    """1/(1 + e^{−x}): ½ at 0 and between 0 and 1.  The printed 1/(1 − e^{−x}) has the same f' = f (1 − f), and a pole at 0."""
    (half, low, high), _ = at(dl.Sigmoid(), 0.0, -3.0, 3.0)
    assert half == 0.5
    assert 0 < low < high < 1
    printed = lambda x: 1 / (1 - math.exp(-x))
    assert printed(3.0) > 1
    assert printed(-3.0) < 0


def test_02_adaline_adds() -> None:
    """w += λ(y − ŷ)x and b += λ(y − ŷ) lower the loss, and find the intercept of a shifted line; the printed −= raises it."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = (part.copy() for part in trainer.get_weights())
    error = Y[:1, None] - trainer.predict(X[:1])
    before = trainer.evaluate(X[:1], Y[:1])["loss"]
    trainer.fit(X[:1], Y[:1], epochs=1, batch_size=1)
    np.testing.assert_allclose(trainer.get_weights()[0], w + 0.1 * X[:1].T @ error, rtol=1e-12)
    np.testing.assert_allclose(trainer.get_weights()[1], b + 0.1 * error[0], rtol=1e-12)
    assert trainer.evaluate(X[:1], Y[:1])["loss"] < before
    trainer.set_weights([w - 0.1 * X[:1].T @ error, b])
    assert trainer.evaluate(X[:1], Y[:1])["loss"] > before

    line = neuron(dl.SquaredError(), dl.SGD(0.1), weights=(0.0,), bias=0.0)
    line.fit(X[:, :1], 2 * X[:, 0] + 5, epochs=120, batch_size=1)
    np.testing.assert_allclose(line.get_weights()[1], 5, atol=1e-4)


def test_03_the_gradient_of_a_squared_error_has_a_minus() -> None:
    """∂J/∂w_j = −Σ_i (y_i − ŷ_i) x_ij, by differences; dlcore's J is the mean."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()

    def J(weights: np.ndarray) -> float:
        return float(0.5 * np.sum((Y - X @ weights - b) ** 2))

    error = Y - trainer.predict(X)[:, 0]
    np.testing.assert_allclose(dl.numerical_gradient(J, w[:, 0]), -X.T @ error, rtol=1e-8)
    np.testing.assert_allclose(dl.gradients(trainer, X, Y)["0.W"][:, 0], -X.T @ error / len(Y), rtol=1e-12)


def test_04_target_and_prediction_in_cross_entropy() -> None:
    """t is the target, p the prediction: p = 0.9, t = 1 costs −log 0.9 = 0.105; with the letters exchanged, infinity."""
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=math.log(0.9 / 0.1))
    assert trainer.predict([[1.0]])[0, 0] == pytest.approx(0.9)
    assert trainer.evaluate([[1.0]], [1])["loss"] == pytest.approx(0.1054, abs=5e-5)
    for z, t, slope in ((-1000.0, 0, 0), (-1000.0, 1, -1), (1000.0, 0, 1), (1000.0, 1, 0)):  # the column "Erro", p − t
        sure = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=z)
        assert dl.gradients(sure, [[1.0]], [t])["0.b"] == [slope]
    for z, t in ((1000.0, 1), (-1000.0, 0)):  # 0 · log 0 is 0
        sure = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=z)
        assert sure.evaluate([[1.0]], [t])["loss"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_05_a_sigmoid_neuron_has_a_line_for_its_boundary(seed: int) -> None:
    """ "Classifies non-linearly": XOR is never more than ¾ right, whatever the weights."""
    start = np.random.default_rng(seed).normal(size=3)
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(1.0), start[:2], start[2])
    for _ in range(20):
        trainer.fit(*XOR, epochs=1, batch_size=1)
        assert trainer.evaluate(*XOR)["accuracy"] <= 0.75


def test_06_leaky_relu_is_a_line_to_the_left() -> None:
    """−0.03 at −3 with α = 0.01; the printed α(e^x − 1) is ELU, and gives −0.0095."""
    assert at(dl.LeakyReLU(0.01), -3.0)[0] == pytest.approx([-0.03])
    assert at(dl.ELU(0.01), -3.0)[0] == pytest.approx([-0.0095], abs=5e-5)


def test_07_softmax_sums_over_j() -> None:
    """The worked values; the printed e^{0.3} for e^{1.3} gives 0.0755 for 0.0652."""
    z, a = np.array([[0.1, 1.3, 2.5]]), np.empty((1, 3))
    K.softmax(z, out=a)
    np.testing.assert_allclose(a[0], [0.0652, 0.2164, 0.7184], atol=5e-5)
    assert a.sum() == pytest.approx(1, abs=1e-15)
    assert math.exp(0.1) / (math.exp(0.1) + math.exp(0.3) + math.exp(2.5)) == pytest.approx(0.0755, abs=5e-5)
    rows, one = [], np.empty((1, 3))
    for i in range(3):
        K.softmax_grad(np.eye(3)[i : i + 1], a, out=one)
        rows.append(one[0].copy())
    np.testing.assert_allclose(rows, np.diag(a[0]) - np.outer(a[0], a[0]), atol=1e-15)
    np.testing.assert_allclose(np.diag(rows), [0.0609, 0.1696, 0.2023], atol=5e-5)
    assert rows[0][1] == pytest.approx(-0.0141, abs=5e-5)


def test_08_relu_has_a_derivative_to_the_left() -> None:
    """0 for x < 0, and 0 is taken at 0."""
    assert at(dl.ReLU(), -1.0, 0.0, 1.0)[1] == [0, 0, 1]


@pytest.mark.parametrize(
    "layer", [dl.LeakyReLU(0.3), dl.PReLU(0.3), dl.ELU(0.3)], ids=lambda layer: type(layer).__name__
)
def test_09_slopes_at_a_kink(layer: dl.Layer) -> None:
    """α at 0, the slide's choice; the table's 1 would be a subgradient too."""
    assert at(layer, 0.0)[1] == [0.3]


@pytest.mark.parametrize(("layer", "low"), [(dl.Sigmoid(), 0.0), (dl.Tanh(), -1.0)], ids=["sigmoid", "tanh"])
def test_10_ranges_are_open_until_rounding_closes_them(layer: dl.Layer, low: float) -> None:
    assert all(low < a < 1 for a in at(layer, *np.linspace(-8, 8, 33))[0])
    assert at(layer, 40.0)[0] == [1.0]


def test_11_and_13_a_quotient_falls_with_its_denominator() -> None:
    """∂/∂c of (a + b)/(c + d) at (1, 2, 3, 1) is −0.1875, not +; (x + y) z at (−2, 5, −4) has (−4, −4, 3)."""
    quotient = dl.numerical_gradient(lambda v: (v[0] + v[1]) / (v[2] + v[3]), [1.0, 2, 3, 1])
    np.testing.assert_allclose(quotient, [0.25, 0.25, -0.1875, -0.1875], rtol=1e-8)
    np.testing.assert_allclose(
        dl.numerical_gradient(lambda v: (v[0] + v[1]) * v[2], [-2.0, 5, -4]), [-4, -4, 3], rtol=1e-8
    )


def test_12_a_tied_maximum_is_not_counted_twice() -> None:
    """Halves: what comes back sums to dx.  The central difference of max(a, a) along both inputs at once is dx, too."""
    assert sum(dl.numerical_gradient(max, [2.0, 2.0])) == pytest.approx(1)


def test_14_dX_has_the_shape_of_X() -> None:
    """Y = X Wᵀ with W (5, 10), X (3, 10): dW = dYᵀ X, dX = dY W (printed: dY = dY W).  dlcore holds Wᵀ."""
    W, x, dY = RANDOM.normal(size=(5, 10)), RANDOM.normal(size=(3, 10)), RANDOM.normal(size=(3, 5))
    dX, dW = np.empty((3, 10)), np.empty((10, 5))
    K.input_grad(dY, np.ascontiguousarray(W.T), out=dX)
    K.weight_grad(x, dY, out=dW)
    np.testing.assert_allclose(dX, dY @ W, rtol=1e-12)
    np.testing.assert_allclose(dW.T, dY.T @ x, rtol=1e-12)
    np.testing.assert_allclose(dX, dl.numerical_gradient(lambda x: float(np.sum(dY * (x @ W.T))), x), rtol=1e-6)


def test_15_the_collapsing_layers_multiply_to_one() -> None:
    """10 · 2 · 0.05 = 1; with 0.5 for the printed 00.5 the output would be 100."""
    for last, output in ((0.05, 10.0), (0.5, 100.0)):
        trainer = dl.Trainer(
            dl.Sequential(*[dl.Dense(1, 1, bias=False)] * 3), dl.SquaredError(), dl.SGD(1.0), dtype="float64"
        )
        trainer.set_weights([np.array([[w]]) for w in (10.0, 2.0, last)])
        assert trainer.predict([[10.0]])[0, 0] == pytest.approx(output)


def test_16_from_zero_the_rate_only_rescales_a_perceptron() -> None:
    """Rates ¼ and ½, powers of 2, give the same bits but for that factor: no claim about speed can hold."""
    y = (X @ [1.0, -1, 0.5] > 0).astype(int)
    ends = []
    for rate in (0.25, 0.5):
        trainer = neuron(dl.PerceptronLoss(), dl.SGD(rate), (0, 0, 0), 0.0)
        trainer.fit(X, y, epochs=5, batch_size=1, shuffle=False)
        ends.append(trainer.get_weights())
    for slow, fast in zip(*ends, strict=True):
        np.testing.assert_array_equal(2 * slow, fast)


def test_17_and_32_one_name_for_one_thing() -> None:
    """No λ, α, β, γ, η in signatures but as `alpha`, a slope, and `beta…`, of averages; rates are `learning_rate`, ℓ2 is `l2`."""
    for name in dl.__all__:
        thing = getattr(dl, name)
        if not (inspect.isclass(thing) and issubclass(thing, (dl.Layer, dl.Loss, dl.Optimizer))):
            continue
        parameters = set(inspect.signature(thing).parameters)
        assert not parameters & {"lr", "eta", "lam", "gamma", "step_size", "lambda_"}, name
        assert "alpha" not in parameters or issubclass(thing, dl.Layer), name
        if issubclass(thing, dl.Optimizer):
            assert next(iter(parameters & {"learning_rate"})) == "learning_rate", name
            assert "l2" in parameters, name
    assert {"beta1", "beta2"} <= set(inspect.signature(dl.Adam).parameters)
    assert "beta" in inspect.signature(dl.MovingAverageSGD).parameters


def test_18_quotients_of_a_square() -> None:
    """f(2.001) = 4.004001, printed 4.004; 0.010/0.001, printed 0.0010/0.001."""
    assert abs(2.001**2 - 4.004001) < 1e-12
    assert dl.numerical_gradient(lambda x: x**2, 5.0, 0.001, "forward") == pytest.approx(10.001, abs=1e-9)


def test_19_the_gradient_of_a_mean_is_a_mean() -> None:
    """1/n Σ (ŷ − y) x, and mean(ŷ − y) for the bias, which is missing."""
    trainer, labels = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1)), (Y > 0).astype(int)
    error = trainer.predict(X)[:, 0] - labels
    found = dl.gradients(trainer, X, labels)
    np.testing.assert_allclose(found["0.W"][:, 0], X.T @ error / len(X), rtol=1e-12)
    np.testing.assert_allclose(found["0.b"], error.mean(), rtol=1e-12)


def test_20_a_gradient_of_zero_is_no_minimum() -> None:
    """x² − y² from y = 0 ends at its saddle point, and the loop ends there, not `while True`."""
    f = lambda t: (t[0] ** 2 - t[1] ** 2, [2 * t[0], -2 * t[1]])
    done = dl.descend(f, [1.0, 0.0], dl.SGD(0.1), 10_000, gradient_tolerance=1e-6)
    assert (done.reason, done.end[1]) == ("gradient", 0.0)
    hessian = [dl.numerical_gradient(lambda t, i=i: f(t)[1][i], done.end) for i in range(2)]
    assert np.linalg.eigvalsh(hessian) == pytest.approx([-2, 2])  # down along y, up along x: a saddle


def test_21_the_minus_is_before_both_terms() -> None:
    """y = 0, a = 0.9 costs +2.303; the printed −Σ y log a + (1 − y) log(1 − a) gives −2.303."""
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=math.log(9))
    assert trainer.evaluate([[0.0]], [0])["loss"] == pytest.approx(2.303, abs=5e-4)
    assert -0 * math.log(0.9) + 1 * math.log(1 - 0.9) == pytest.approx(-2.303, abs=5e-4)


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_22_lambda_counts_training_rows(batch_size: int | None) -> None:
    """λ/(2m) Σ w² adds (λ/m) w to the gradient of every batch, whatever its size: l2 = λ/m; biases have none."""
    lam, ends = 0.6, []
    for l2 in (0.0, lam / len(X)):
        trainer = neuron(dl.SquaredError(), dl.SGD(0.1, l2=l2))
        w = trainer.get_weights()[0]
        rows = slice(0, batch_size)
        trainer.fit(X[rows], Y[rows], epochs=1, batch_size=batch_size)
        ends.append(trainer.get_weights())
    np.testing.assert_allclose(ends[0][0] - ends[1][0], 0.1 * lam / len(X) * w, rtol=1e-9)
    np.testing.assert_array_equal(ends[0][1], ends[1][1])


def test_23_two_rules_two_variances() -> None:
    """N(0, 1/n) has the variance 1/n, U(±√(1/n)) a third of it; Glorot's rule 2/(n_in + n_out), He's 2/n, 4 times Glorot's 32/(…)."""
    n, shape = 64, (64, 4000)
    for rule, variance in (
        (LeCunNormal(), 1 / n),
        (Uniform(math.sqrt(1 / n)), 1 / (3 * n)),
        (GlorotUniform(), 2 / sum(shape)),
        (GlorotUniform(gain=4), 32 / sum(shape)),
        (HeNormal(), 2 / n),
    ):
        assert rule(Stream(0, 0), shape).var() == pytest.approx(variance, rel=0.01)


def test_24_taylor_of_degree_two_is_exact_for_a_quadratic() -> None:
    """L(θ + ηu) = L + η uᵀ∇L + ½ η² uᵀ∇²L u; the printed uᵀ∇²L is not even a number."""
    H, g, u, eta = np.array([[2.0, 1], [1, 5]]), np.array([1.0, -2]), np.array([0.6, 0.8]), 0.3
    L = lambda t: float(0.5 * t @ H @ t + g @ t)
    theta = np.array([0.5, -1.0])
    slope = dl.numerical_gradient(L, theta)
    assert L(theta + eta * u) == pytest.approx(L(theta) + eta * u @ slope + 0.5 * eta**2 * u @ H @ u, abs=1e-9)
    assert np.ndim(u @ H) == 1


def test_25_factors_of_the_squared_errors() -> None:
    """(y − ŷ)ᵀ(y − ŷ) has 2N times the gradient of dlcore's ½ mean, and 1/N Σ(y − ŷ)² twice."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()
    own = dl.gradients(trainer, X, Y)["0.W"][:, 0]
    total = dl.numerical_gradient(lambda w: float(np.sum((Y - X @ w - b) ** 2)), w[:, 0])
    np.testing.assert_allclose(total, 2 * len(Y) * own, rtol=1e-7)
    np.testing.assert_allclose(total / len(Y), 2 * own, rtol=1e-7)


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """½ θᵀ diag(1, 30) θ"""
    h = np.array([1.0, 30.0])
    return float(0.5 * h @ theta**2), h * theta


def test_26_momentum_moves_at_the_first_step() -> None:
    """v is updated, then used: (0.998, 0.94) after one step; with the old v = 0, θ would stay at (1, 1)."""
    path = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(0.02, 0.9), 1).path
    np.testing.assert_allclose(path[1], [0.998, 0.94], rtol=1e-12)
    dampened = dl.descend(bowl, [1.0, 1.0], dl.SGD(0.02, 0.9, 0.9), 1).path
    np.testing.assert_allclose(dampened[1], [0.98, 0.40], rtol=1e-12)


def test_27_where_nesterov_looks() -> None:
    """The slide's θ − ηv is look_ahead = 1, a hand loop; Nesterov's own is look_ahead = β, on PyTorch's path at η (1 − β)."""
    eta, beta = 0.02, 0.9
    theta, v, hand = np.ones(2), np.zeros(2), []
    for _ in range(30):
        v = beta * v + (1 - beta) * bowl(theta - eta * v)[1]
        theta = theta - eta * v
        hand.append(theta)
    slide = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(eta, beta, nesterov=True), 30).path
    np.testing.assert_allclose(slide[1:], hand, rtol=1e-10)
    own = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(eta, beta, nesterov=True, look_ahead=beta), 30).path
    torchs = dl.descend(bowl, [1.0, 1.0], dl.SGD((1 - beta) * eta, beta, nesterov=True), 30).path
    shifted = own[1:] + beta * (own[1:] - own[:-1])  # θ − ηβ v, and η v is the last step
    np.testing.assert_allclose(shifted, torchs[1:], atol=1e-14)
    assert np.abs(slide - own).max() == pytest.approx(1.7e-2, rel=0.05)


@pytest.mark.parametrize(
    "optimizer", [dl.Adam, dl.AdaGrad, dl.RMSProp, dl.NormalizedGradient], ids=lambda o: o.__name__
)
def test_28_where_epsilon_stands(optimizer: Any) -> None:
    """For a gradient as small as ε, √(v + ε) and √v + ε differ by orders: inside the root steps are far smaller."""
    options = {"rho": 0.0} if optimizer is dl.RMSProp else {}
    steps = []
    for inside in (False, True):
        rule = optimizer(1.0, epsilon=1e-6, epsilon_inside_root=inside, **options)
        steps.append(-float(dl.descend(lambda theta: (0.0, [1e-6]), 0.0, rule, 1).end[0]))
    assert steps == pytest.approx([0.5, 1e-6 / math.sqrt(1e-12 + 1e-6)], rel=1e-6)


def test_29_a_normalized_gradient_of_zero_is_zero() -> None:
    """ "Only 1s and −1s": 0 where g = 0, and slightly below 1 with ε.  It does not settle: ±0.05 in turn from 0.35, η = 0.1."""
    end = dl.descend(lambda t: (0.0, [0.0, 3.0]), [1.0, 1.0], dl.NormalizedGradient(0.1), 1).end
    assert end[0] == 1.0
    assert 0.9 < end[1] < 0.9 + 1e-8
    path = dl.descend(lambda t: (0.5 * t[0] ** 2, t), 0.35, dl.NormalizedGradient(0.1), 20).path[-4:, 0]
    np.testing.assert_allclose(np.abs(path), 0.05, atol=1e-6)
    assert (np.diff(np.sign(path)) != 0).all()


def test_30_bias_correction_lowers_the_first_update() -> None:
    """Uncorrected, g = 1 gives 3.16 η, 6.53 η, 1.26 η at t = 1, 10, 1000; Adam gives η from the first step."""
    step = lambda t: (1 - 0.9**t) / math.sqrt(1 - 0.999**t)
    assert [step(t) for t in (1, 10, 1000)] == pytest.approx([3.16, 6.53, 1.26], abs=5e-3)
    path = dl.descend(lambda theta: (0.0, [1.0]), 0.0, dl.Adam(0.1), 10).path[:, 0]
    np.testing.assert_allclose(np.diff(path), -0.1, rtol=1e-6)


def test_31_names() -> None:
    """Adaptive moment estimation, not "Adaptative Momentum Estimation"."""
    assert "Adaptive moment estimation" in inspect.getdoc(dl.Adam)  # type: ignore[operator]


def test_33_the_centre_of_the_gabor_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """x = −θ₀ / (0.06 θ₁), not θ₀: ŷ is 0 there, and odd around it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    pytest.importorskip("matplotlib")
    from gabor import gabor  # type: ignore[import-not-found]

    theta = (3.0, 12.0)
    centre = -3.0 / (0.06 * 12.0)
    assert gabor(theta, centre) == pytest.approx(0, abs=1e-15)
    assert gabor(theta, centre + 0.7) == pytest.approx(-gabor(theta, centre - 0.7))
    assert abs(gabor(theta, 3.0)) > 0.1
    sys.modules.pop("gabor")


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 6), (4, 2), (6, 1), (None, 1)])
def test_34_one_object_for_all_sizes(batch_size: int | None, steps: int) -> None:
    """Stochastic, mini-batch with a ragged last one, batch: ⌈m / B⌉ updates an epoch."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, Y, epochs=1, batch_size=batch_size)
    assert trainer.updates == steps


def test_35_with_a_decaying_rate_it_converges() -> None:
    """η_t = 1/t on ½ (θ − x_t)²: θ_t is the running mean of the rows, from any start; a constant rate wanders."""
    rows = np.random.default_rng(1).normal(size=501)
    for start in (0.0, 7.0):
        row = iter(rows)
        decaying = dl.SGD(1.0, schedule=dl.schedules.InverseTimeDecay(1))
        path = dl.descend(lambda t, row=row: (0.0, t - next(row)), start, decaying, 500).path[1:, 0]
        np.testing.assert_allclose(path, np.cumsum(rows[:500]) / np.arange(1, 501), rtol=1e-9)


# -- rows of the lectures that no other test has ---------------------------------------------------------------------


def test_a_network_without_hidden_layers_is_least_squares() -> None:
    """Trained weights are the closed form's, where the gradient is 0, and no direction changes J to first order."""
    ones = np.column_stack([X, np.ones(len(X))])
    closed = np.linalg.solve(ones.T @ ones, ones.T @ Y)
    trainer = neuron(dl.SquaredError(), dl.SGD(0.5))
    trainer.fit(X, Y, epochs=2000, batch_size=None)
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in trainer.get_weights()]), closed, atol=1e-8)
    trainer.set_weights([closed[:3, None], closed[3:]])
    assert max(np.abs(g).max() for g in dl.gradients(trainer, X, Y).values()) < 1e-14
    J = lambda t: float(np.mean((ones @ t - Y) ** 2) / 2)
    for u in RANDOM.normal(size=(5, 4)):
        assert J(closed + 1e-3 * u) - J(closed) == pytest.approx(0.5e-6 * u @ ones.T @ ones @ u / len(Y), rel=1e-6)


def test_a_column_of_ones_is_a_bias() -> None:
    """w_k0 with a_0 = 1 (002) gives what W and b give."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()
    wide = dl.Trainer(dl.Sequential(dl.Dense(4, 1, bias=False)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    wide.set_weights([np.vstack([b[None], w])])
    np.testing.assert_allclose(wide.predict(np.column_stack([np.ones(6), X])), trainer.predict(X), rtol=1e-13)


def test_three_layouts_of_one_step() -> None:
    """002 with columns, 003 with rows and Wᵀ, dlcore: the same numbers, transposed."""
    W, b, delta = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=2), RANDOM.normal(size=(6, 2))
    A, W2, Delta = X.T, W.T, delta.T
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), dl.SGD(1.0), dtype="float64")
    trainer.set_weights([W, b])
    np.testing.assert_allclose((W2 @ A + b[:, None]).T, trainer.predict(X), rtol=1e-12)
    np.testing.assert_allclose(X @ W2.T + b, trainer.predict(X), rtol=1e-12)
    found = dl.gradients(trainer, X, trainer.predict(X) - delta)  # so that a − y is delta
    np.testing.assert_allclose((Delta @ A.T / 6).T, found["0.W"], rtol=1e-9)
    np.testing.assert_allclose(Delta.sum(axis=1) / 6, found["0.b"], rtol=1e-9)
    np.testing.assert_allclose((delta.T @ X / 6).T, found["0.W"], rtol=1e-9)


LOGITS = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize(
    ("loss", "a", "y", "jacobian", "slope"),
    [
        (dl.SquaredError(), LOGITS, [1.0, 0.5, -2.0], lambda a: np.eye(3), lambda a, y: a - y),
        (dl.BinaryCrossEntropy(), 1 / (1 + np.exp(-LOGITS)), [1.0, 0.0, 0.25], lambda a: np.diag(a * (1 - a)),
         lambda a, y: (1 - y) / (1 - a) - y / a),
        (dl.SoftmaxCrossEntropy(), np.exp(LOGITS) / np.exp(LOGITS).sum(), [0.2, 0.7, 0.1],
         lambda a: np.diag(a) - np.outer(a, a), lambda a, y: -y / a),
    ],
    ids=["linear", "logistic", "softmax"],
)  # fmt: skip
def test_delta_is_a_minus_y_three_times(
    loss: dl.Loss, a: np.ndarray, y: list[float], jacobian: Any, slope: Any
) -> None:
    """By the chain rule: the Jacobian of the output activation times the gradient of the loss is a − y, and so is dlcore's δ."""
    target = np.array(y)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 3)), loss, dl.SGD(0.1), dtype="float64")
    trainer.set_weights([np.zeros((1, 3)), LOGITS])
    delta = dl.gradients(trainer, [[0.0]], target[None])["0.b"]
    np.testing.assert_allclose(jacobian(a) @ slope(a, target), a - target, rtol=1e-12)
    np.testing.assert_allclose(delta, a - target, rtol=1e-12)


def test_the_gradient_of_a_matrix_in_the_order_of_the_lecture() -> None:
    """001: [∂L/∂W11, ∂L/∂W12, …], row by row of the lecture's W (out, in), which is dlcore's transposed.

    Moving W12 alone by h changes L by h · ∂L/∂W12.
    """
    W, targets = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(6, 2))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2, bias=False)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    trainer.set_weights([np.ascontiguousarray(W.T)])
    flat = dl.gradients(trainer, X, targets)["0.W"].T.ravel()

    def L(w: np.ndarray) -> float:
        return float(0.5 * np.mean(np.sum((X @ w.reshape(2, 3).T - targets) ** 2, axis=1)))

    np.testing.assert_allclose(flat, dl.numerical_gradient(L, W.ravel()), rtol=1e-7)
    moved = W.copy()
    moved[0, 1] += 1e-6
    assert L(moved.ravel()) - L(W.ravel()) == pytest.approx(1e-6 * flat[1], rel=1e-3)


def test_momentum_is_a_weighted_sum_of_all_gradients() -> None:
    """v_t = (1 − β) Σ β^k g_{t−k}; with constant g it grows like 1 − β^t, with ±g it shrinks to (1 − β)/(1 + β)."""
    gradients, beta = RANDOM.normal(size=12), 0.9
    given = iter([*gradients, 0.0])
    path = dl.descend(lambda t: (0.0, [next(given)]), 0.0, dl.MovingAverageSGD(1.0, beta), 12).path[:, 0]
    weighted = [(1 - beta) * sum(beta**k * gradients[t - k] for k in range(t + 1)) for t in range(12)]
    np.testing.assert_allclose(-np.diff(path), weighted, rtol=1e-10)


@pytest.mark.parametrize("eta", [0.99, 1.01])
def test_the_largest_stable_rate(eta: float) -> None:
    """½ h θ² with h = 2: from η h = 2 on it does not converge."""
    end = abs(dl.descend(lambda t: (t[0] ** 2, 2 * t), 1.0, dl.SGD(eta), 100).end[0])
    assert (end < 1) == (eta < 1)


@pytest.mark.parametrize("share", [0.97, 1.03])
@pytest.mark.parametrize(
    ("look_ahead", "limit"), [(None, 3.8), (0.9, 1.357), (1.0, 1.267)], ids=["plain", "beta", "slide"]
)
def test_the_largest_stable_rates_of_momentum(look_ahead: float | None, limit: float, share: float) -> None:
    """On ½ θ² with β = 0.9: (1 − β) η below 2 (1 + β), 2 (1 + β)/(1 + 2β) with look_ahead = β, 2 (1 + β)/3 with 1."""
    options = {} if look_ahead is None else {"nesterov": True, "look_ahead": look_ahead}
    rule = dl.MovingAverageSGD(share * limit / (1 - 0.9), 0.9, **options)
    end = dl.descend(lambda t: (0.5 * float(t[0]) ** 2, t), 1.0, rule, 400).end[0]
    assert (abs(end) < 1) == (share < 1)


def test_softmax_of_two_is_the_logistic() -> None:
    """softmax(z₁, z₂)₁ = σ(z₁ − z₂), and tanh z = 2σ(2z) − 1."""
    z, a, s = RANDOM.normal(size=(5, 2)), np.empty((5, 2)), np.empty((5, 1))
    K.softmax(z, out=a)
    K.sigmoid(z[:, :1] - z[:, 1:], out=s)
    np.testing.assert_allclose(a[:, 0], s[:, 0], rtol=1e-13)
    K.sigmoid(2 * z[:, :1], out=s)
    np.testing.assert_allclose(np.tanh(z[:, 0]), 2 * s[:, 0] - 1, atol=1e-15)


def test_adagrad_and_rmsprop_on_a_constant_gradient() -> None:
    """AdaGrad's rate falls like 1/√t: 1, ½, 0.1 at 1, 4, 100; RMSProp's comes back to 1: 3.16, 1.24, 1.00 at 1, 10, 100."""
    for optimizer, expected in (
        (dl.AdaGrad(1.0), {1: 1, 4: 0.5, 100: 0.1}),
        (dl.RMSProp(1.0, rho=0.9), {1: 3.16, 10: 1.24, 100: 1.00}),
    ):
        steps = -np.diff(dl.descend(lambda t: (0.0, [1.0]), 0.0, optimizer, 100).path[:, 0])
        for t, rate in expected.items():
            assert steps[t - 1] == pytest.approx(rate, abs=6e-3)


def test_zero_output_weights_do_no_harm() -> None:
    """Wᵀδ = 0 at the first step, so hidden weights wait; from the second on they learn."""
    model = dl.Sequential(dl.Dense(3, 4), dl.Tanh(), dl.Dense(4, 1, init=dl.initializers.Constant(0.0)))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    norms = []
    for _ in range(2):
        norms.append(float(np.abs(dl.gradients(trainer, X, Y)["0.W"]).max()))
        trainer.fit(X, Y, epochs=1, batch_size=None)
    assert norms[0] == 0 < norms[1]


@pytest.mark.parametrize(("hidden", "learns"), [(dl.Identity(), False), (dl.ReLU(), True)], ids=["linear", "ReLU"])
def test_linear_hidden_layers_do_not_learn_xor(hidden: dl.Layer, learns: bool) -> None:
    """They are one linear layer, and three of four rows are the most that a line gets right."""
    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(2, 8), hidden, dl.Dense(8, 1)), dl.BinaryCrossEntropy(), dl.Adam(0.05), dtype="float64"
    )
    trainer.fit(*XOR, epochs=300, batch_size=None)
    accuracy = trainer.evaluate(*XOR)["accuracy"]
    assert (accuracy == 1) == learns
    assert learns or accuracy <= 0.75


def test_batch_descent_depends_on_start_and_rate_only() -> None:
    """All rows a step: the same path for any seed of the order and any order of the rows, up to rounding."""
    ends = []
    for order in (slice(None), slice(None, None, -1)):
        trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
        trainer.fit(X[order], Y[order], epochs=20, batch_size=None)
        ends.append(trainer.get_weights()[0])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)


def test_empirical_risk_of_many_rows_is_the_risk() -> None:
    """y = 2x + ε: the risk of ŷ = w x is ½ ((w − 2)² + σ²); a large sample has it within four standard errors."""
    random, w, sigma = np.random.default_rng(3), 1.5, 0.7
    x = random.normal(size=(200_000, 1))
    y = 2 * x[:, 0] + sigma * random.normal(size=len(x))
    loss = neuron(dl.SquaredError(), dl.SGD(0.1), (w,), 0.0).evaluate(x, y)["loss"]
    assert loss == pytest.approx(0.5 * ((w - 2) ** 2 + sigma**2), rel=4 * math.sqrt(2 / len(x)))


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (dl.BinaryStep(), 0, 1), (dl.Sigmoid(), 0, 1), (dl.Tanh(), -1, 1), (dl.ArcTan(), -math.pi / 2, math.pi / 2),
        (dl.ReLU(), 0, 100), (dl.LeakyReLU(0.1), -10, 100), (dl.PReLU(0.25), -25, 100), (dl.ELU(0.7), -0.7, 100), (dl.Softplus(), 0, 100),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, dl.Layer) else "",
)  # fmt: skip
def test_an_activation_changes_the_range(layer: dl.Layer, low: float, high: float) -> None:
    """[−100, 100] goes to the range of the table, whose ends are reached or nearly so."""
    values = at(layer, *np.linspace(-100, 100, 201))[0]
    assert min(values) == pytest.approx(low, abs=0.011)
    assert max(values) == pytest.approx(high, abs=0.011)
    assert low <= min(values)
    assert max(values) <= high


def test_leaky_units_do_not_die() -> None:
    """From one seed, after steps that are too large: some ReLU units give 0 for every row, no leaky one does."""
    dead = {}
    for hidden in (dl.ReLU(), dl.LeakyReLU()):
        model = dl.Sequential(dl.Dense(3, 64), hidden, dl.Dense(64, 1))
        trainer = dl.Trainer(model, dl.BinaryCrossEntropy(), dl.SGD(2.0), dtype="float64")
        trainer.fit(X, Y > 0, epochs=5, batch_size=1)
        dead[type(hidden).__name__] = int((dl.layer_outputs(trainer, X)[1] == 0).all(axis=0).sum())
    assert dead["ReLU"] > dead["LeakyReLU"] == 0


def test_softmax_regression_of_two_classes_is_logistic_regression() -> None:
    """Both classes move, in opposite directions: at half the rate the probabilities are those of one logistic output."""
    labels = (Y > 0).astype(int)
    one = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.4), (0.0, 0.0, 0.0), 0.0)
    two = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.2), dtype="float64")
    two.set_weights([np.zeros((3, 2)), np.zeros(2)])
    for trainer in (one, two):
        trainer.fit(X, labels, epochs=20, batch_size=2)
    np.testing.assert_allclose(two.predict(X)[:, 1], one.predict(X)[:, 0], rtol=1e-12)


@pytest.mark.parametrize(("eta", "variance"), [(0.1, 0.0526), (0.05, 0.0256), (0.025, 0.0127)])
def test_a_constant_rate_does_not_converge(eta: float, variance: float) -> None:
    """½ (θ − x_t)² with x ~ N(0, 1): η/(2 − η) remains, here over 2000 walks at once, from 0 until old rows are forgotten."""
    random = np.random.default_rng(0)
    walks = dl.descend(lambda t: (0.0, t - random.normal(size=2000)), np.zeros(2000), dl.SGD(eta), round(8 / eta)).end
    assert walks.var() == pytest.approx(variance, rel=0.1)
