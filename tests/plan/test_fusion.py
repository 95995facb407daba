"""Fusion: fewer calls, the same numbers, and nothing left out that another call reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend
from dlcore.kernels import cpu, reference
from dlcore.kernels.reference.activations import ELEMENTWISE
from dlcore.kernels.reference.fused import reads
from dlcore.kernels.reference.losses import LOSSES
from dlcore.kernels.table import Buffer, Call, KernelTable
from dlcore.plan import fusion, prediction, step
from dlcore.plan.fusion import fuse
from dlcore.plan.prediction import record_prediction
from dlcore.plan.recipe import Batch, Recipe
from dlcore.plan.recorder import Recorder
from dlcore.plan.step import record_step

CPU = Backend.for_device("cpu")
ROWS = 6


def buffer(name: str, *shape: int, dtype: str = "float64") -> Buffer:
    return Buffer("scratch", name, shape, dtype)


def names(calls: list[Call]) -> list[str]:
    return [call.name for call in calls]


class Net:
    """Buffers of a product of 4 columns into 3, and of what may follow it."""

    def __init__(self, table: KernelTable = CPU.kernels) -> None:
        self.k = Recorder(table)
        self.table = table
        self.x, self.W, self.b = buffer("x", ROWS, 4), buffer("W", 4, 3), buffer("b", 3)
        self.z, self.a = buffer("z", ROWS, 3), buffer("a", ROWS, 3)
        self.delta, self.d = buffer("delta", ROWS, 3), buffer("d", ROWS, 4)
        self.kept, self.db, self.dW = buffer("kept", ROWS, 4), buffer("db", 4), buffer("dW", 4, 3)
        self.y, self.w, self.loss = buffer("y", ROWS, 3), buffer("w", ROWS), buffer("loss", 2)

    def fused(self) -> list[Call]:
        return fuse(self.k.calls, self.table)


def numbers(name: str) -> tuple[float, ...]:
    """What the kernel takes besides arrays."""
    return tuple(0.1 for a in reference.KERNELS[name].contract.inputs if a.dims is None)


def record_loss(net: Net, name: str, z: Buffer) -> None:
    y = buffer("labels", ROWS, dtype="int64") if name == "softmax_cross_entropy" else net.y
    getattr(net.k, name)(z, y, net.w, *numbers(name), out=(net.loss, net.delta))


# -- the rewrites ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_product_and_its_activation_are_one_call(name: str) -> None:
    """dense then g is dense_g, for every elementwise activation."""
    net = Net()
    net.k.dense(net.x, net.W, net.b, out=net.z)
    getattr(net.k, name)(net.z, *numbers(name), out=net.a)
    assert names(net.fused()) == [f"dense_{name}"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_product_its_activation_and_dropout_are_one_call(name: str) -> None:
    """dense, then g, then dropout is dense_g_dropout; in place where g's gradient reads z, otherwise a stays as it is."""
    net = Net()
    progress, mask, y = buffer("progress", 4, dtype="int64"), buffer("mask", ROWS, 3, dtype="uint8"), net.a
    for target in (net.a, buffer("y", ROWS, 3)):
        net.k.calls.clear()
        net.k.dense(net.x, net.W, net.b, out=net.z)
        getattr(net.k, name)(net.z, *numbers(name), out=net.a)
        net.k.dropout(net.a, progress, 1, 2, 3, buffer("keep", 1), out=(target, mask))
        keeps_a = reads(name) == "a"
        fused = names(net.fused())
        assert fused == ([f"dense_{name}", "dropout"] if keeps_a and target is y else [f"dense_{name}_dropout"])


def test_what_is_dropped_and_read_again_is_written() -> None:
    """One call keeps z of GELU, not a; where another call reads a, it stays."""
    net, read = Net(), buffer("read", ROWS, 3)
    progress, mask, y = (
        buffer("progress", 4, dtype="int64"),
        buffer("mask", ROWS, 3, dtype="uint8"),
        buffer("y", ROWS, 3),
    )
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.gelu(net.z, out=net.a)
    net.k.dropout(net.a, progress, 1, 2, 3, buffer("keep", 1), out=(y, mask))
    net.k.add(net.a, y, out=read)
    assert names(net.fused()) == ["dense_gelu", "dropout", "add"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_product_and_its_loss_are_one_call(name: str) -> None:
    """dense then a loss is one pass over the outputs."""
    net = Net()
    net.k.dense(net.x, net.W, net.b, out=net.z)
    record_loss(net, name, net.z)
    assert names(net.fused()) == [f"dense_{name}"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradients_through_an_activation_are_one_call(name: str) -> None:
    """delta Wᵀ, times g', and its column sums are input_grad_g."""
    net = Net()
    net.k.input_grad(net.delta, net.W, out=net.d)
    getattr(net.k, f"{name}_grad")(net.d, net.kept, *numbers(name), out=net.d)
    net.k.bias_grad(net.d, out=net.db)
    assert names(net.fused()) == [f"input_grad_{name}"]


def test_both_gradients_of_a_layer_are_one_call() -> None:
    """The column sums of delta and xᵀ delta are dense_grad."""
    net = Net()
    net.k.bias_grad(net.delta, out=net.b)
    net.k.weight_grad(net.x, net.delta, out=net.dW)
    assert names(net.fused()) == ["dense_grad"]


# -- what is read elsewhere stays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_product_that_is_read_later_is_written(name: str) -> None:
    """z is an output of the fused call where g' needs it; where the fused call would drop it, nothing is fused."""
    net = Net()
    net.k.dense(net.x, net.W, net.b, out=net.z)
    getattr(net.k, name)(net.z, *numbers(name), out=net.a)
    net.k.identity(net.z, out=net.delta)
    calls = net.fused()
    assert any(net.z in call.outputs for call in calls)
    assert len(calls) == (2 if reads(name) == "z" else 3)


def test_a_product_that_was_read_before_is_written() -> None:
    """A reader earlier in the list, which sees the last step's value, counts as one."""
    net = Net()
    net.k.identity(net.z, out=net.delta)
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.relu(net.z, out=net.a)
    assert names(net.fused()) == ["identity", "dense", "relu"]


def test_logits_that_are_read_later_are_written() -> None:
    """A loss is not fused onto a product whose logits another call reads."""
    net = Net()
    net.k.dense(net.x, net.W, net.b, out=net.z)
    record_loss(net, "squared_error", net.z)
    net.k.sigmoid(net.z, out=net.a)
    assert names(net.fused()) == ["dense", "squared_error", "sigmoid"]


def test_a_gradient_that_is_read_later_is_written() -> None:
    """d = delta Wᵀ stays where it is read again, as at a skip connection."""
    net = Net()
    dz = buffer("dz", ROWS, 4)
    net.k.input_grad(net.delta, net.W, out=net.d)
    net.k.relu_grad(net.d, net.kept, out=dz)
    net.k.bias_grad(dz, out=net.db)
    net.k.add(net.d, dz, out=net.kept)
    assert names(net.fused()) == ["input_grad", "relu_grad", "bias_grad", "add"]


def test_calls_on_other_buffers_are_not_fused() -> None:
    """Names that follow one another are not enough: the output of one must be the input of the next."""
    net = Net()
    other = buffer("other", ROWS, 3)
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.relu(other, out=net.a)
    net.k.bias_grad(net.delta, out=net.b)
    net.k.weight_grad(net.x, other, out=net.dW)
    assert len(net.fused()) == 4


def test_calls_that_are_not_neighbours_are_not_fused() -> None:
    """The order of a list is never changed."""
    net = Net()
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.identity(net.delta, out=net.y)
    net.k.relu(net.z, out=net.a)
    assert names(net.fused()) == ["dense", "identity", "relu"]


def test_a_fusion_that_would_overwrite_its_input_is_left() -> None:
    """relu may write over the x that dense has finished reading; dense_relu may not, so the two calls stay two."""
    net = Net()
    W, square = buffer("W", 3, 3), buffer("x", ROWS, 3)
    net.k.dense(square, W, net.b, out=net.z)
    net.k.relu(net.z, out=square)
    assert names(net.fused()) == ["dense", "relu"]


@pytest.mark.parametrize("loss", [dl.SquaredError(), dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy()])
def test_what_another_list_of_the_plan_reads_is_written(loss: Any) -> None:
    """A prediction's loss reads the logits, so the list before it must write them: `predict` and `loss` share buffers."""
    model = dl.Sequential(dl.Dense(4, 3))
    targets = "labels" if isinstance(loss, dl.SoftmaxCrossEntropy) else "values"
    recipe = Recipe(model, loss, dl.SGD(0.1), "float64", 0)
    prediction = record_prediction(recipe, ROWS, CPU.kernels, targets)
    given = {prediction.buffers[name] for name in ("x", "y", "w")}
    for call in prediction.calls:
        read = {v for v in call.inputs if isinstance(v, Buffer) and v.space == "scratch"}
        assert read <= given, f"{call.name} reads {read - given}, which no call wrote"
        given |= set(call.outputs)


# -- no fusion onto slower kernels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["dense_relu", "dense_squared_error", "input_grad_relu", "dense_grad"])
def test_nothing_is_fused_onto_a_slower_reference(missing: str) -> None:
    """Where the fused kernel has no fast twin and its parts have, the parts stay."""
    net = Net(
        KernelTable.of(
            np, reference.KERNELS, {k: v for k, v in cpu.KERNELS.items() if k != missing}, "cpu", CPU.kernels.executor
        )
    )
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.relu(net.z, out=net.a)
    net.k.dense(net.x, net.W, net.b, out=net.y)
    net.k.squared_error(net.y, net.a, net.w, out=(net.loss, net.delta))
    net.k.bias_grad(net.delta, out=net.b)
    net.k.weight_grad(net.x, net.delta, out=net.dW)
    net.k.input_grad(net.delta, net.W, out=net.d)
    net.k.relu_grad(net.d, net.kept, out=net.d)
    net.k.bias_grad(net.d, out=net.db)
    calls = net.fused()
    assert missing not in names(calls)
    assert len(calls) == (6 if missing == "input_grad_relu" else 5)
    assert all(call.kernel.source == "cpu" for call in calls)


def test_reference_kernels_are_fused_among_themselves() -> None:
    """Where everything is the reference, fewer calls are still fewer calls."""
    net = Net(KernelTable.of(np, reference.KERNELS, {}, "cpu", CPU.kernels.executor))
    net.k.dense(net.x, net.W, net.b, out=net.z)
    net.k.relu(net.z, out=net.a)
    assert names(net.fused()) == ["dense_relu"]


# -- the same numbers ------------------------------------------------------------------------------------------------

NETS = {
    "relu": (dl.Sequential(dl.Dense(5, 4), dl.ReLU(), dl.Dense(4, 3)), dl.SoftmaxCrossEntropy(0.1)),
    "keeps z": (dl.Sequential(dl.Dense(5, 4), dl.GELU(), dl.Dense(4, 4), dl.SiLU(), dl.Dense(4, 3)), dl.SquaredError()),
    "dropout": (
        dl.Sequential(dl.Dense(5, 4), dl.Tanh(), dl.Dropout(0.4), dl.Dense(4, 4), dl.Sigmoid(), dl.Dense(4, 3)),
        dl.BinaryCrossEntropy(),
    ),
    "residual": (
        dl.Sequential(dl.Dense(5, 4), dl.ELU(), dl.Residual(dl.Dense(4, 4), dl.ReLU()), dl.Dense(4, 3), dl.LeakyReLU()),
        dl.SquaredError(),
    ),
    "normalized": (
        dl.Sequential(dl.Dense(5, 4), dl.BatchNorm(4), dl.ReLU(), dl.Dense(4, 4, bias=False), dl.ReLU(), dl.Dense(4, 3)),
        dl.SoftmaxCrossEntropy(),
    ),
}  # fmt: skip


def trained(model: Any, loss: Any) -> tuple[list[np.ndarray], dict[str, float], int]:
    """Weights after two epochs with a ragged last batch, what evaluation says, and the number of calls in the step."""
    random = np.random.default_rng(0)
    X = random.standard_normal((22, 5))
    y = random.integers(0, 3, 22) if isinstance(loss, dl.SoftmaxCrossEntropy) else random.uniform(0, 1, (22, 3))
    trainer = dl.Trainer(model, loss, dl.SGD(0.1), dtype="float64", seed=3)
    trainer.fit(X, y, epochs=2, batch_size=6)
    return trainer.get_weights(), trainer.evaluate(X, y), len(trainer.step.calls)


@pytest.mark.parametrize("name", NETS)
def test_a_fused_step_computes_what_the_unfused_step_computes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights after two epochs agree to rounding, the loss of evaluation too, and the fused step has fewer calls."""
    weights, report, calls = trained(*NETS[name])
    for module in (step, prediction):
        monkeypatch.setattr(module, "fuse", lambda calls, table: list(calls))
    expected, unfused_report, more_calls = trained(*NETS[name])
    assert calls < more_calls
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert report == pytest.approx(unfused_report, rel=1e-12)


def test_fused_dropout_has_the_bits_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs with and without that rewrite."""
    weights, _, calls = trained(*NETS["dropout"])
    without = tuple(rule for rule in fusion.REWRITES if rule[1] is not fusion.dense_activation_dropout)
    monkeypatch.setattr(fusion, "REWRITES", without)
    expected, _, more_calls = trained(*NETS["dropout"])
    assert calls == more_calls - 1
    assert [a.tobytes() for a in weights] == [b.tobytes() for b in expected]


def test_the_step_of_two_dense_layers_is_8_calls() -> None:
    """Gather, two forward calls with the loss, three backward, clipping, Adam: for labels, distributions and real targets."""
    model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
    for loss, labels in (
        (dl.SoftmaxCrossEntropy(), True),
        (dl.SoftmaxCrossEntropy(), False),
        (dl.SquaredError(), False),
    ):
        recipe = Recipe(model, loss, dl.Adam(1e-3), "float32", 0)
        recorded = record_step(recipe, Batch(128, 128, (60_000, "uint8"), labels), CPU.kernels)
        assert len(recorded.calls) <= 8
        assert all(call.kernel.source == "cpu" for call in recorded.calls)
