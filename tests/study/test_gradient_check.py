"""Hand-written gradients against central differences in float64: every layer with every loss, and how layers meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.activations import Elementwise

from ..examples import label, layers, losses, targets

ROWS, COLUMNS, OUTPUTS, WIDTH = 6, 3, 3, 4
X = np.random.default_rng(0).standard_normal((ROWS, COLUMNS))


def check(model: dl.Sequential, loss: dl.Loss, sample_weight: Any = None) -> dl.GradientCheck:
    """The gradient check on six rows."""
    y = targets(loss, ROWS, model.output_width)
    result = dl.check_gradients(model, loss, X, y, seed=1, sample_weight=sample_weight)
    assert set(result.errors) == {name for name, p in model.parameters().items() if p.trainable}
    return result


# one loss of each kind of delta meets every layer; the others differ from these in a scalar formula, and meet some
MEETING = (dl.SquaredError(), dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy(), dl.SoftmaxCrossEntropy(0.1))


@pytest.mark.parametrize("loss", MEETING, ids=label)
@pytest.mark.parametrize("layer", layers(WIDTH), ids=label)
def test_every_layer_and_loss(layer: dl.Layer, loss: dl.Loss) -> None:
    """Between two Dense layers, the gradients of everything are those of central differences."""
    result = check(dl.Sequential(dl.Dense(COLUMNS, WIDTH), layer, dl.Dense(WIDTH, OUTPUTS)), loss)
    assert result, str(result)


@pytest.mark.parametrize("layer", layers(WIDTH), ids=label)
def test_every_layer_inside_residual(layer: dl.Layer) -> None:
    """The same inside x + f(x), alone and below a Dense layer."""
    for inside in ([layer], [layer, dl.Dense(WIDTH, WIDTH)]):
        model = dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Residual(*inside), dl.Dense(WIDTH, OUTPUTS))
        result = check(model, dl.SoftmaxCrossEntropy())
        assert result, f"{inside}\n{result}"


@pytest.mark.parametrize("loss", MEETING, ids=label)
@pytest.mark.parametrize("layer", layers(OUTPUTS), ids=label)
def test_every_layer_right_before_the_loss(layer: dl.Layer, loss: dl.Loss) -> None:
    """The last layer hands the loss's delta on as it should; one that the loss has built in is refused."""
    model = dl.Sequential(dl.Dense(COLUMNS, OUTPUTS), layer)
    if type(layer).__name__ in loss.built_in:
        with pytest.raises(dl.ConfigurationError, match="built in"):
            dl.Trainer(model, loss, dl.SGD(1.0))
        return
    result = check(model, loss)
    assert result, str(result)


@pytest.mark.parametrize("layer", layers(COLUMNS), ids=label)
def test_every_layer_first(layer: dl.Layer) -> None:
    """The first layer gets the gradients of its own parameters, without a gradient at the data."""
    result = check(dl.Sequential(layer, dl.Dense(COLUMNS, OUTPUTS)), dl.SquaredError())
    assert result, str(result)


@pytest.mark.parametrize("loss", losses(), ids=label)
def test_every_loss_behind_other_heads(loss: dl.Loss) -> None:
    """Fused with the last product or not, also with an activation in front; one that is built in is refused."""
    for head in ([dl.Dense(COLUMNS, OUTPUTS, bias=False)], [dl.Dense(COLUMNS, OUTPUTS), dl.PReLU()]):
        result = check(dl.Sequential(*head), loss)
        assert result, str(result)
    for name in loss.built_in:
        with pytest.raises(dl.ConfigurationError, match="built in"):
            dl.Trainer(dl.Sequential(dl.Dense(COLUMNS, OUTPUTS), getattr(dl, name)()), loss, dl.SGD(1.0))


W = np.array([0.0, 2.5, 0.3, 1.0, 0.0, 4.0])


@pytest.mark.parametrize("loss", losses(), ids=label)
def test_sample_weights(loss: dl.Loss) -> None:
    """Weighted rows, some of weight 0."""
    result = check(dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Tanh(), dl.Dense(WIDTH, OUTPUTS)), loss, W)
    assert result, str(result)


@pytest.mark.parametrize("smoothing", [0.0, 0.2, 0.9])
def test_label_smoothing_of_distributions(smoothing: float) -> None:
    """Smoothed targets that are distributions."""
    y = np.random.default_rng(3).dirichlet(np.ones(OUTPUTS), ROWS)
    model = dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Tanh(), dl.Dense(WIDTH, OUTPUTS))
    result = dl.check_gradients(model, dl.SoftmaxCrossEntropy(smoothing), X, y, sample_weight=W)
    assert result, str(result)


def dense(fan_in: int, fan_out: int, **options: Any) -> dl.Dense:
    return dl.Dense(fan_in, fan_out, **options)


ORDERS: dict[str, list[dl.Layer]] = {
    "one layer": [dense(3, 3)],
    "no bias anywhere": [dense(3, 4, bias=False), dl.Tanh(), dense(4, 3, bias=False)],
    "no bias below": [dense(3, 4, bias=False), dl.ReLU(), dense(4, 3)],
    "no bias above": [dense(3, 4), dl.GELU(), dense(4, 3, bias=False)],
    "no activation between": [dense(3, 4), dense(4, 4, bias=False), dense(4, 3)],
    "frozen at the bottom": [dense(3, 4, trainable=False), dl.Tanh(), dense(4, 4), dl.ReLU(), dense(4, 3)],
    "frozen in the middle": [dense(3, 4), dl.SiLU(), dense(4, 4, trainable=False), dl.ReLU(), dense(4, 3)],
    "frozen at the top": [dense(3, 4), dl.Tanh(), dense(4, 4), dl.ELU(), dense(4, 3, trainable=False)],
    "frozen at both ends": [dense(3, 4, trainable=False), dl.PReLU(), dense(4, 3, trainable=False)],
    "frozen without bias": [dense(3, 4), dl.Tanh(), dense(4, 4, bias=False, trainable=False), dense(4, 3)],
    "frozen below BatchNorm": [dense(3, 4, trainable=False), dl.BatchNorm(4), dl.ReLU(), dense(4, 3)],
    "BatchNorm first": [dl.BatchNorm(3), dense(3, 4), dl.Tanh(), dense(4, 3)],
    "LayerNorm first": [dl.LayerNorm(3), dense(3, 4), dl.ReLU(), dense(4, 3)],
    "Dropout first": [dl.Dropout(0.3), dense(3, 4), dl.Softplus(), dense(4, 3)],
    "Dropout twice": [dl.Dropout(0.2), dl.Dropout(0.2), dense(3, 4), dl.Dropout(0.2), dl.Dropout(0.3), dense(4, 3)],
    "Dropout before and after": [dense(3, 4), dl.Dropout(0.2), dl.ReLU(), dl.Dropout(0.4), dense(4, 3)],
    "Dropout after what reads its input": [dense(3, 4), dl.GELU(), dl.Dropout(0.3), dense(4, 3)],
    "Dropout last": [dense(3, 4), dl.Tanh(), dense(4, 3), dl.Dropout(0.2)],
    "Dropout with a schedule": [dense(3, 4), dl.Tanh(), dl.Dropout(0.5, schedule=lambda step: 0.6), dense(4, 3)],
    "Residual first": [dl.Residual(dense(3, 4), dl.Tanh(), dense(4, 3)), dense(3, 3)],
    "Residual last": [dense(3, 4), dl.Residual(dl.Tanh(), dense(4, 4))],
    "Residual of activations": [dense(3, 4), dl.Residual(dl.Tanh(), dl.SiLU(), dl.Sigmoid()), dense(4, 3)],
    "Residual first, of activations": [dl.Residual(dl.Tanh(), dl.ArcTan()), dense(3, 3)],
    "Residual first, PReLU inside": [dl.Residual(dl.PReLU(), dl.Tanh()), dense(3, 3)],
    "Residual first, LayerNorm inside": [dl.Residual(dl.Tanh(), dl.LayerNorm(3)), dense(3, 3)],
    "Residual twice": [dense(3, 4), dl.Residual(dense(4, 4)), dl.Residual(dl.ReLU(), dense(4, 4)), dense(4, 3)],
    "Residual in Residual": [
        dense(3, 4),
        dl.Residual(dl.LayerNorm(4), dl.Residual(dense(4, 5), dl.PReLU(), dense(5, 4)), dl.Dropout(0.3)),
        dense(4, 3),
    ],
    "Residual, its first layer frozen": [
        dense(3, 4),
        dl.Residual(dense(4, 4, trainable=False), dense(4, 4)),
        dense(4, 3),
    ],
    "Residual first, its first layer frozen": [
        dl.Residual(dense(3, 4, trainable=False), dl.Tanh(), dense(4, 3)),
        dense(3, 3),
    ],
    "Residual first, its last layer frozen": [
        dl.Residual(dense(3, 4), dl.Tanh(), dense(4, 3, trainable=False)),
        dense(3, 3),
    ],
    "Residual first, all frozen": [dl.Residual(dense(3, 3, trainable=False), dl.Tanh()), dense(3, 3)],
    "Residual with BatchNorm": [dl.Residual(dl.BatchNorm(3), dl.ReLU(), dense(3, 3)), dl.BatchNorm(3), dense(3, 3)],
    "Residual between activations": [dense(3, 4), dl.ReLU(), dl.Residual(dense(4, 4)), dl.Sigmoid(), dense(4, 3)],
    "PReLU first": [dl.PReLU(), dense(3, 4), dl.Tanh(), dense(4, 3)],
    "PReLU twice": [dl.PReLU(), dl.PReLU(0.6), dense(3, 3)],
    "PReLU last": [dense(3, 4), dl.Tanh(), dense(4, 3), dl.PReLU(0.5)],
    "activation first": [dl.Tanh(), dense(3, 4), dl.ReLU(), dense(4, 3)],
    "two activations first": [dl.SiLU(), dl.Sigmoid(), dense(3, 3)],
    "two that read their output": [dense(3, 4), dl.Sigmoid(), dl.Tanh(), dense(4, 3)],
    "two that read their input": [dense(3, 4), dl.GELU(), dl.ArcTan(), dense(4, 3)],
    "output, then input": [dense(3, 4), dl.Softplus(), dl.SiLU(), dense(4, 3)],
    "input, then output": [dense(3, 4), dl.ArcTan(), dl.ELU(), dense(4, 3)],
    "three in a row": [dense(3, 4), dl.Tanh(), dl.Softmax(), dl.SELU(), dense(4, 3)],
    "Identity in between": [dense(3, 4), dl.Identity(), dl.ReLU(), dl.Identity(), dense(4, 3), dl.Identity()],
    "BatchNorm, then activation": [dense(3, 4), dl.BatchNorm(4), dl.ReLU(), dense(4, 3)],
    "activation, then BatchNorm": [dense(3, 4), dl.ReLU(), dl.BatchNorm(4), dense(4, 3)],
    "LayerNorm and BatchNorm in a row": [dense(3, 4), dl.LayerNorm(4), dl.BatchNorm(4), dl.Tanh(), dense(4, 3)],
}


@pytest.mark.parametrize("order", ORDERS)
def test_how_layers_meet(order: str) -> None:
    """Buffers that layers share, and layers that train nothing, do not spoil a gradient."""
    result = check(dl.Sequential(*ORDERS[order]), dl.SquaredError(), W + 0.5)
    assert result, str(result)


def test_a_network_without_trainable_parameters_is_refused() -> None:
    """There is nothing to learn."""
    with pytest.raises(dl.ConfigurationError, match="no trainable parameters"):
        check(dl.Sequential(dl.Dense(3, 3, trainable=False)), dl.SquaredError())


# -- planted errors ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ForgetsItsSlope(Elementwise):
    """tanh whose backward hands delta through."""

    kernel = "tanh"

    def backward(self, k: Any, v: Any, x: Any, z: Any, delta: Any, dx: Any) -> None:
        k.identity_grad(delta, z, out=dx)


@dataclass(frozen=True)
class ReadsTheWrongSide(Elementwise):
    """sigmoid whose backward uses the derivative of tanh."""

    kernel = "sigmoid"

    def backward(self, k: Any, v: Any, x: Any, z: Any, delta: Any, dx: Any) -> None:
        k.tanh_grad(delta, z, out=dx)


class ForgetsTheBias(dl.Dense):
    """Dense whose backward leaves db alone."""

    def backward(self, k: Any, v: Any, x: Any, z: Any, delta: Any, dx: Any) -> None:
        k.weight_grad(x, delta, out=v.dW)
        if dx is not None:
            k.input_grad(delta, v.W, out=dx)


class ForgetsTheSkip(dl.Residual):
    """Residual whose backward forgets the x of x + f(x)."""

    def backward(self, k: Any, v: Any, x: Any, z: Any, delta: Any, dx: Any) -> None:
        super().backward(k, v, x, z, delta, dx)
        if dx is not None:
            k.identity(v.d0, out=dx)


class TwiceTheDelta(dl.SquaredError):
    """Squared error whose delta is twice the derivative of its value."""

    def record(self, k: Any, z: Any, y: Any, w: Any, loss: Any, delta: Any) -> None:
        k.squared_error(z, y, w, out=(loss, delta))
        k.add(delta, delta, out=delta)


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (ForgetsItsSlope(), {"0.W", "0.b"}),
        (ReadsTheWrongSide(), {"0.W", "0.b"}),
        (ForgetsTheBias(4, 4), {"1.b"}),
        (ForgetsTheSkip(dl.Dense(4, 4)), {"0.W", "0.b"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_planted_error_is_found(layer: dl.Layer, found: set[str]) -> None:
    """A wrong backward shows in the parameters that it spoils, and only in these."""
    result = check(dl.Sequential(dl.Dense(COLUMNS, WIDTH), layer, dl.Dense(WIDTH, OUTPUTS)), dl.SquaredError())
    assert not result
    assert {name for name, error in result.errors.items() if error > result.tolerance} == found
    assert str(result).count("too large") == len(found)


def test_a_planted_error_in_a_loss_is_found() -> None:
    """A delta that is not the derivative of the value shows everywhere."""
    model = dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Tanh(), dl.Dense(WIDTH, OUTPUTS))
    result = check(model, TwiceTheDelta())
    assert min(result.errors.values()) > 0.4


def test_a_planted_error_inside_residual_is_found() -> None:
    """Residual is no hiding place."""
    model = dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Residual(ReadsTheWrongSide()), dl.Dense(WIDTH, OUTPUTS))
    assert not check(model, dl.SquaredError())


# -- the check itself ----------------------------------------------------------------------------------------------------


def test_sample_checks_some_entries() -> None:
    """`sample` looks at that many entries of each parameter, and finds no error where there is none."""
    model = dl.Sequential(dl.Dense(COLUMNS, 50), dl.Tanh(), dl.Dense(50, OUTPUTS))
    y = targets(dl.SquaredError(), ROWS, OUTPUTS)
    assert dl.check_gradients(model, dl.SquaredError(), X, y, sample=3)


@pytest.mark.parametrize("sample", [0, -1, 1.5, True, "all"])
def test_a_bad_sample_is_refused(sample: Any) -> None:
    """`sample` is a positive integer or None."""
    model = dl.Sequential(dl.Dense(COLUMNS, OUTPUTS))
    with pytest.raises(dl.ConfigurationError, match="sample="):
        dl.check_gradients(model, dl.SquaredError(), X, targets(dl.SquaredError(), ROWS, OUTPUTS), sample)


def test_the_gradient_of_least_squares_is_worked_out() -> None:
    """For a = x W + b the check's errors are those of dW = Xᵀ(a − y)/n: a number, not only a difference of two codes."""
    model = dl.Sequential(dl.Dense(1, 1, init=dl.initializers.Constant(2.0)))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(1.0), dtype="float64")
    trainer.fit(np.array([[1.0], [3.0]]), np.array([1.0, 1.0]), epochs=1, batch_size=None)
    # a = (2, 6), a − y = (1, 5): dW = (1·1 + 3·5)/2 = 8, db = (1 + 5)/2 = 3
    W, b = trainer.get_weights()
    assert (W.item(), b.item()) == (2.0 - 8.0, 0.0 - 3.0)


def test_one_output_binary_cross_entropy() -> None:
    """One output with targets (n,)."""
    model = dl.Sequential(dl.Dense(COLUMNS, WIDTH), dl.Tanh(), dl.Dense(WIDTH, 1))
    assert dl.check_gradients(model, dl.BinaryCrossEntropy(), X, [0, 1, 1, 0, 1, 0])


def test_frozen_layers_keep_the_gradients_of_the_others() -> None:
    """Freezing a layer changes none of the other gradients."""
    layers_ = [dl.Dense(3, 4), dl.Tanh(), dl.Dense(4, 4), dl.Tanh(), dl.Dense(4, 3)]
    y = targets(dl.SquaredError(), ROWS, OUTPUTS)
    steps = []
    for frozen in (None, 0, 2, 4):
        model = dl.Sequential(*(replace(l, trainable=False) if i == frozen else l for i, l in enumerate(layers_)))
        trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(1.0), dtype="float64", seed=4)
        before = dict(zip(model.parameters(), trainer.get_weights(), strict=True))
        trainer.fit(X, y, epochs=1, batch_size=None)
        after = dict(zip(model.parameters(), trainer.get_weights(), strict=True))
        steps.append({name: after[name] - before[name] for name in before})
        for name, step in steps[-1].items():
            if frozen is not None and name.startswith(f"{frozen}."):
                assert not step.any()
            else:
                np.testing.assert_array_equal(step, steps[0][name])


def test_a_gradient_of_nan_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN compares with nothing, and must not pass as no error."""
    backward = dl.Dense.backward

    def spoiled(self: Any, k: Any, v: Any, x: Any, z: Any, delta: Any, dx: Any) -> None:
        backward(self, k, v, x, z, delta, dx)
        k.leaky_relu_grad(v.dW, v.W, float("nan"), out=v.dW)

    monkeypatch.setattr(dl.Dense, "backward", spoiled)
    assert not dl.check_gradients(dl.Sequential(dl.Dense(3, 3)), dl.SquaredError(), X, np.zeros((ROWS, 3)))


def test_a_loss_of_nan_is_refused() -> None:
    """There is no gradient where the loss is not a number."""
    constant = np.column_stack([np.ones(ROWS), X[:, 1:]])
    model = dl.Sequential(dl.BatchNorm(3, epsilon=0.0), dl.Dense(3, 3))
    with pytest.raises(dl.DataError, match="the loss is nan"):
        dl.check_gradients(model, dl.SquaredError(), constant, np.zeros((ROWS, 3)))


def test_points_without_a_derivative_are_found_and_left_out() -> None:
    """max(0, x w) over x = ±1 with w = 0 has slope +1 to the right and −1 to the left: no derivative, and no error."""
    zero = dl.initializers.Constant(0.0)
    model = dl.Sequential(
        dl.Dense(1, 1, bias=False, init=zero), dl.ReLU(), dl.Dense(1, 1, init=dl.initializers.Constant(1.0))
    )
    check = dl.check_gradients(model, dl.SquaredError(), [[1.0], [-1.0]], [1.0, 1.0])
    assert check.kinks == {"0.W": 1, "2.W": 0, "2.b": 0}
    assert check
    assert "no derivative at 1 entries" in str(check)


def test_large_curvature_is_no_kink() -> None:
    """Inputs of 1000 bend the loss by 10⁶ in w; its slopes to both sides meet all the same, and a wrong gradient is an error."""
    model = dl.Sequential(dl.Dense(3, 2))
    check = dl.check_gradients(model, dl.SquaredError(), 1000 * X, targets(dl.SquaredError(), ROWS, 2))
    assert check
    assert not any(check.kinks.values())
