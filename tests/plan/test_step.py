"""The recorded step: its gradient as a whole, its length, how it prints, and that it allocates nothing while it runs."""

from __future__ import annotations

import gc
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, from_namespace
from dlcore.plan.recipe import Batch
from dlcore.plan.step import record_step
from dlcore.plan.workspace import Workspace, arrays
from dlcore.training.sources import Resident

from ..examples import Factored, activation_layers, label, targets

N, COLUMNS, OUTPUTS = 10, 3, 3
X = np.random.default_rng(0).standard_normal((N, COLUMNS))


class Step:
    """A session of a trainer on all rows, and its flat buffers."""

    def __init__(self, trainer: dl.Trainer, X: Any, y: Any, sample_weight: Any = None) -> None:
        self.session = trainer.session(X, y, sample_weight)
        self.theta, self.grad = self.session.theta, self.session.grad

    def loss(self) -> float:
        """The loss at the present parameters, for the same batch and masks every time."""
        self.session.again()
        return self.session.gradient()


NETWORKS: dict[str, list[dl.Layer]] = {
    "deep": [dl.Dense(3, 7), dl.Tanh(), dl.Dense(7, 6), dl.SiLU(), dl.Dense(6, 5), dl.Sigmoid(), dl.Dense(5, 3)],
    "ReLU": [dl.Dense(3, 20), dl.ReLU(), dl.Dense(20, 20), dl.LeakyReLU(0.1), dl.Dense(20, 3)],
    "normalized": [dl.Dense(3, 6), dl.BatchNorm(6), dl.Softplus(), dl.LayerNorm(6), dl.Dense(6, 3)],
    "with chance": [dl.Dropout(0.2), dl.Dense(3, 8), dl.GELU(), dl.Dropout(0.5), dl.Dense(8, 3)],
    "residual": [dl.Dense(3, 5), dl.Residual(dl.PReLU(), dl.Dense(5, 5), dl.Dropout(0.3)), dl.SELU(), dl.Dense(5, 3)],
    "partly frozen": [
        dl.Dense(3, 5),
        dl.ELU(),
        dl.Dense(5, 5, trainable=False),
        dl.ArcTan(),
        dl.Dense(5, 3, bias=False),
    ],
}


@pytest.mark.parametrize("loss", [dl.SquaredError(), dl.SoftmaxCrossEntropy(0.1)], ids=label)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_whole_gradient_by_directional_differences(network: str, loss: dl.Loss) -> None:
    """<g, u> = (J(θ + εu) − J(θ − εu)) / 2ε for random directions u of all parameters together."""
    trainer = dl.Trainer(dl.Sequential(*NETWORKS[network]), loss, dl.SGD(1.0), dtype="float64", seed=2)
    step = Step(trainer, X, targets(loss, N, OUTPUTS), np.arange(1.0, N + 1))
    step.loss()
    gradient, theta = step.grad.copy(), step.theta.copy()
    random, epsilon = np.random.default_rng(1), 1e-6
    for _ in range(5):
        u = random.standard_normal(theta.size) * (theta != 0)  # padding stays zero
        values = []
        for sign in (1, -1):
            step.theta[...] = theta + sign * epsilon * u
            values.append(step.loss())
        difference = (values[0] - values[1]) / (2 * epsilon)
        assert gradient @ u == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("network", ["deep", "normalized", "partly frozen"])
def test_the_gradient_of_the_l2_term(network: str) -> None:
    """After prepare_update the gradient is that of J + ½ λ Σ‖W‖² over trained matrices, and the reported loss that of J."""
    loss, l2 = dl.SquaredError(), 0.7
    model = dl.Sequential(*NETWORKS[network])
    trainer = dl.Trainer(model, loss, dl.SGD(1e-300, l2=l2), dtype="float64", seed=2)
    step = Step(trainer, X, targets(loss, N, OUTPUTS))
    names = [name for name, p in model.parameters().items() if p.matrix and p.trainable]

    def objective() -> float:
        value = step.loss()
        views = [step.session.view(step.theta, name) for name in names]
        return value + 0.5 * l2 * sum(float((W * W).sum()) for W in views)

    step.loss()
    step.session.update()
    gradient, theta = step.grad.copy(), step.theta.copy()
    random, epsilon = np.random.default_rng(1), 1e-6
    for _ in range(5):
        u = random.standard_normal(theta.size) * (theta != 0)
        values = []
        for sign in (1, -1):
            step.theta[...] = theta + sign * epsilon * u
            values.append(objective())
        assert gradient @ u == pytest.approx((values[0] - values[1]) / (2 * epsilon), rel=1e-6, abs=1e-8)


def test_padding_stays_zero() -> None:
    """Whatever optimizer and decay do, the entries between parameters are zero."""
    for optimizer in (dl.AdamW(0.01, l2=0.1), dl.SGD(1e-3, momentum=0.9), dl.MovingAverageSGD(1e-3, nesterov=True)):
        trainer = dl.Trainer(dl.Sequential(*NETWORKS["residual"]), dl.SquaredError(), optimizer, dtype="float64")
        trainer.fit(X, targets(dl.SquaredError(), N, OUTPUTS), epochs=3, batch_size=4)
        layout = trainer.recipe.parameters
        padding = np.ones(layout.size, bool)
        for name in layout.starts:
            layout.view(np, padding, name)[...] = False
        assert padding.any()
        assert not trainer.state.theta[padding].any()


# -- length --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [layer for layer in activation_layers() if layer.parameters() == {}], ids=label)
@pytest.mark.parametrize("loss", [dl.SquaredError(), dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy()], ids=label)
def test_two_layers_with_adam_are_few_calls(loss: dl.Loss, activation: dl.Layer) -> None:
    """Dense-activation-Dense with Adam takes at most 8 calls, gather and optimizer included (Softmax is not elementwise: 11)."""
    model = dl.Sequential(dl.Dense(784, 256), activation, dl.Dense(256, 10))
    step = dl.Trainer(model, loss, dl.Adam(1e-3)).step
    assert len(step.calls) <= (11 if isinstance(activation, dl.Softmax) else 8), str(step)


def test_the_step_of_a_relu_network() -> None:
    """Gather, two products forward, the loss with the second of them, backward, l2 and clipping, Adam: these calls."""
    model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
    step = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3)).step
    assert [call.name for call in step.calls] == [
        "gather_labels", "dense_relu", "dense_softmax_cross_entropy",
        "dense_grad", "input_grad_relu", "weight_grad",
        "prepare_update", "adam",
    ]  # fmt: skip


# -- printing ------------------------------------------------------------------------------------------------------------


def numba_or_skip() -> None:
    if Backend.for_device("cpu").reason:
        pytest.skip("the CPU kernels need numba")


def test_a_printed_step() -> None:
    """Each line has number, kernel, source and shapes; the title device, dtype, rows and executor."""
    numba_or_skip()
    model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3))
    lines = str(trainer.step).splitlines()
    assert lines[0] == "TrainingStep: 128 rows, float32, device cpu, executor worker, 8 calls"
    assert {"gradient:", "update:"} < set(lines)
    calls = [line.split() for line in lines if re.match(r" *\d", line)]
    assert [words[0] for words in calls] == [str(i) for i in range(1, 9)]
    assert [words[1] for words in calls] == [call.name for call in trainer.step.calls]
    assert {words[2] for words in calls} == {"cpu"}
    assert calls[1][3:] == ["x[128,784]", "0.W[784,256]", "0.b[256]", "->", "a0[128,256]"]
    assert not any("reference" in line for line in lines)


def test_a_printed_step_says_which_parts_a_call_works_on() -> None:
    """An update of two groups of parameters: entries of each flat buffer, and a control of its own where rates differ."""
    model = dl.Sequential(Factored(64, 4, rates=(0.5, 1.0)), dl.Tanh(), dl.Dense(4, 2))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.MovingAverageSGD(0.1, nesterov=True))
    before, update = trainer.step.lists["before"], trainer.step.lists["update"]
    assert [str(call).split()[0] for call in before] == ["theta[0:256]*", "theta[256:448]*"]
    assert [call.name for call in update[1:]] == ["group_control", "moving_average_nesterov", "moving_average_nesterov"]
    control, first, second = (str(call).split() for call in update[1:])
    assert control == ["control[4]", "rate=0.5", "decay=1", "->", "control0[4]"]
    assert first[:8] == [
        "theta[0:256]*",
        "grad[0:256]",
        "slot",
        "v[0:256]*",
        "slot",
        "origin[0:256]",
        "control0[4]",
        "decayed=256",
    ]
    assert second[:8] == [
        "theta[256:448]*",
        "grad[256:448]",
        "slot",
        "v[256:448]*",
        "slot",
        "origin[256:448]",
        "control[4]",
        "decayed=64",
    ]


def test_the_reason_for_reference_kernels_is_printed() -> None:
    """A step with reference kernels says which, and why."""
    backend = from_namespace(np, "plain")
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), dl.SGD(0.1), device=backend)
    lines = str(trainer.step).splitlines()
    assert "device plain, executor replay" in lines[0]
    assert {line.split()[2] for line in lines if re.match(r" *\d", line)} == {"reference"}
    assert lines[-1] == "reference kernels: plain has the reference kernels only"


def test_a_step_after_fit_is_the_one_that_ran() -> None:
    """Its rows are the batch's."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    trainer.fit(X, X[:, :2], epochs=1, batch_size=4)
    assert str(trainer.step).startswith("TrainingStep: 4 rows, float64, device cpu")


def test_a_step_that_looks_ahead_has_a_part_before_the_gradient() -> None:
    """What must happen before the gradient is a list of its own."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), dl.MovingAverageSGD(0.1, nesterov=True))
    assert list(trainer.step.lists) == ["before", "gradient", "reduce", "update"]
    assert "look_ahead" in str(trainer.step)


def test_printing_before_fit_allocates_nothing() -> None:
    """The plan for 128 rows of a network whose buffers would take 8 MB is text, and no arrays."""
    model = dl.Sequential(dl.Dense(8000, 1), dl.ReLU(), dl.Dense(1, 2000), dl.Dropout(0.5), dl.Dense(2000, 1))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.Adam(1e-3))
    str(trainer.step)  # imports
    trainer._program = None
    gc.collect()
    tracemalloc.start()
    try:
        text = str(trainer.step)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "x[128,8000]" in text
    assert peak < 300_000
    assert trainer._workspace.generation == 0
    assert not trainer.state.slots


# -- running -------------------------------------------------------------------------------------------------------------

RUNNING: dict[str, tuple[list[dl.Layer], dl.Loss, dl.Optimizer]] = {
    "ReLU": ([dl.Dense(30, 60), dl.ReLU(), dl.Dense(60, 10)], dl.SoftmaxCrossEntropy(), dl.Adam(1e-3)),
    "normalized": (
        [dl.Dense(30, 60), dl.BatchNorm(60), dl.GELU(), dl.LayerNorm(60), dl.Dense(60, 10)],
        dl.BinaryCrossEntropy(),
        dl.SGD(0.01, momentum=0.9, clip_norm=1.0, max_norm=3.0),
    ),
    "with chance": (
        [dl.Dense(30, 60), dl.Dropout(0.2), dl.Residual(dl.Dense(60, 60), dl.PReLU()), dl.Dense(60, 10)],
        dl.SquaredError(),
        dl.MovingAverageSGD(0.01, nesterov=True),
    ),
}


@pytest.mark.parametrize("name", RUNNING)
def test_nothing_is_allocated_inside_a_step(name: str) -> None:
    """Four hundred steps hold no more memory than a hundred, and never a fifth of a hidden layer's activations."""
    numba_or_skip()
    layers, loss, optimizer = RUNNING[name]
    rows = np.random.default_rng(0).standard_normal((32, 30))
    trainer = dl.Trainer(dl.Sequential(*layers), loss, optimizer, dtype="float64")
    step = Step(trainer, rows, targets(loss, 32, 10))
    session = step.session
    session.set_schedule(np.full((500, 2), 1e-3))
    run = session.program.bind(session.array)["step"]
    run(3)  # compiles
    held = []
    gc.collect()
    tracemalloc.start()
    try:
        with session:  # as fit does: setting the number of BLAS threads allocates
            for steps in (100, 100, 400):
                session.set_schedule(np.full((500, 2), 1e-3))
                tracemalloc.reset_peak()
                run(steps)
                held.append(tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()
    _, (first, _), (second, peak) = held
    assert second - first < 1000  # less than three bytes a step: what the measurement itself holds
    assert peak - first < 32 * 60 * 8 // 5


def test_the_ragged_last_batch_uses_the_leading_rows() -> None:
    """Its arrays are views of the full batch's, at the same address."""
    model = dl.Sequential(dl.Dense(3, 5), dl.BatchNorm(5), dl.Tanh(), dl.Dropout(0.5), dl.Dense(5, 2))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.Adam(0.01), dtype="float64")
    workspace = Workspace(trainer.backend, trainer.recipe)
    rows = {"X": X, "targets": X[:, :2].copy(), "sample_weight": np.ones(N)}
    array = arrays(trainer.state, workspace, Resident(workspace, rows).arrays)
    steps = [
        record_step(trainer.recipe, Batch(n, 4, (N, "float64"), labels=False), trainer.backend.kernels) for n in (4, 2)
    ]
    full, ragged = ({str(b).partition("[")[0]: array(b) for c in step.calls for b in c.buffers()} for step in steps)
    assert set(full) == set(ragged)
    assert any(full[name].shape != ragged[name].shape for name in full)
    for name, array in ragged.items():
        assert array.ctypes.data == full[name].ctypes.data
        assert array.shape[1:] == full[name].shape[1:]
        assert not array.size or array.flags.c_contiguous


def test_memory_does_not_grow_with_epochs() -> None:
    """Plans come and go with calls of fit, and leave nothing behind."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 50), dl.ReLU(), dl.Dense(50, 2)), dl.SquaredError(), dl.Adam(0.01))

    def train() -> None:
        trainer.fit(X, X[:, :2], epochs=5, batch_size=4, validation=(X, X[:, :2]))

    held = []
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(4):  # the first calls fill caches: ours, numba's and Python's
            for _ in range(10):
                train()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    history = 50 * 4 * 40  # epochs, columns, bytes of an entry
    assert min(np.diff(held)) < history + 10_000


def test_an_eager_step_is_the_recorded_step() -> None:
    """The same layers called with real kernels and arrays give the gradient that the recorded step gives."""
    from types import SimpleNamespace

    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(3, 4), dl.Tanh(), dl.Dense(4, 2)), dl.SquaredError(), dl.SGD(1.0), dtype="float64"
    )
    W1, b1, W2, b2 = trainer.get_weights()
    k = Backend.for_device("cpu").kernels
    y = np.ascontiguousarray(X[:, :2])
    first, tanh, second = trainer.model
    v1 = SimpleNamespace(W=W1, b=b1, dW=np.empty_like(W1), db=np.empty_like(b1))
    v2 = SimpleNamespace(W=W2, b=b2, dW=np.empty_like(W2), db=np.empty_like(b2))
    z1, a1, z2 = np.empty((N, 4)), np.empty((N, 4)), np.empty((N, 2))
    first.forward(k, v1, X, z1)
    tanh.forward(k, None, z1, a1)
    second.forward(k, v2, a1, z2)
    loss, delta, d1 = np.empty(2), np.empty((N, 2)), np.empty((N, 4))
    trainer.loss.record(k, z2, y, np.ones(N), loss, delta)
    second.backward(k, v2, a1, z2, delta, d1)
    tanh.backward(k, None, z1, a1, d1, d1)
    first.backward(k, v1, X, z1, d1, None)
    trainer.fit(X, y, epochs=1, batch_size=None, shuffle=False)
    expected = [W1 - v1.dW, b1 - v1.db, W2 - v2.dW, b2 - v2.db]
    for ours, theirs in zip(trainer.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


def test_every_layer_draws_numbers_of_its_own() -> None:
    """No two layers, however deep one lies inside others, share the number that their masks are drawn by."""
    deep = dl.Residual(dl.Residual(dl.Residual(dl.Dropout(0.1), dl.Dropout(0.2))), dl.Dropout(0.3))
    model = dl.Sequential(dl.Dense(3, 3), deep, dl.Dropout(0.4), dl.Dense(3, 2))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1))
    drawn = [call.inputs[4] for call in trainer.step.calls if call.name == "dropout"]
    assert len(drawn) == len(set(drawn)) == 4
