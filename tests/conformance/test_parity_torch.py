"""Twenty steps in float64 against torch, from the same weights and batches, to 1e-9 of the largest parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.training import store

from ..examples import activation_layers, label, targets

torch = pytest.importorskip("torch")

from .twin import (  # noqa: E402  needs torch
    LecturesNesterov,
    SteadyNAdam,
    Twin,
    WrittenOut,
    adagrad_inside,
    adam_inside,
    batches,
    known,
    lion_step,
    normalized_step,
    relative_difference,
    rmsprop_inside,
    row_losses,
    train,
)

TOLERANCE = 1e-9
ROWS, BATCH, EPOCHS = 34, 8, 4  # 4 x (8 + 8 + 8 + 8 + 2) rows: 20 steps, every fifth of them ragged
COLUMNS, HIDDEN, OUTPUTS = 3, 5, 3
SEED = 17


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads only slow such small networks down."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def groups(twin: Twin, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on the matrices only."""
    return [{"params": twin.matrices, "weight_decay": weight_decay}, {"params": twin.others, "weight_decay": 0.0}]


# name -> (dlcore's optimizer with common keywords, torch's)
OPTIMIZERS: dict[str, tuple[Callable[..., dl.Optimizer], Callable[[Twin], Any]]] = {
    "SGD": (
        lambda **kw: dl.SGD(0.1, **kw),
        lambda t: torch.optim.SGD(t.parameters, 0.1),
    ),
    "SGD momentum": (
        lambda **kw: dl.SGD(0.05, momentum=0.9, **kw),
        lambda t: torch.optim.SGD(t.parameters, 0.05, momentum=0.9),
    ),
    "SGD dampening": (
        lambda **kw: dl.SGD(0.05, momentum=0.9, dampening=0.4, **kw),
        lambda t: torch.optim.SGD(t.parameters, 0.05, momentum=0.9, dampening=0.4),
    ),
    "SGD nesterov": (
        lambda **kw: dl.SGD(0.05, momentum=0.8, nesterov=True, **kw),
        lambda t: torch.optim.SGD(t.parameters, 0.05, momentum=0.8, nesterov=True),
    ),
    "Adam": (
        lambda **kw: dl.Adam(0.01, **kw),
        lambda t: torch.optim.Adam(t.parameters, 0.01),
    ),
    "Adam betas": (
        lambda **kw: dl.Adam(0.01, beta1=0.8, beta2=0.95, epsilon=1e-3, **kw),
        lambda t: torch.optim.Adam(t.parameters, 0.01, betas=(0.8, 0.95), eps=1e-3),
    ),
    "AdamW": (
        lambda **kw: dl.AdamW(0.01, **({"weight_decay": 0.3} | kw)),
        lambda t: torch.optim.AdamW(groups(t, 0.3), 0.01),
    ),
    "NormalizedGradient": (
        lambda **kw: dl.NormalizedGradient(0.01, epsilon=1e-3, **kw),
        lambda t: WrittenOut(t.parameters, 0.01, partial(normalized_step, epsilon=1e-3)),
    ),
    "AdaGrad": (
        lambda **kw: dl.AdaGrad(0.1, **kw),
        lambda t: torch.optim.Adagrad(t.parameters, 0.1, eps=1e-10),
    ),
    "RMSProp": (
        lambda **kw: dl.RMSProp(0.01, **kw),
        lambda t: torch.optim.RMSprop(t.parameters, 0.01, alpha=0.9),
    ),
    "Nadam": (
        lambda **kw: dl.Nadam(0.01, **kw),
        lambda t: SteadyNAdam(t.parameters, 0.01),
    ),
    "Lion": (
        lambda **kw: dl.Lion(0.01, **kw),
        lambda t: WrittenOut(t.parameters, 0.01, lion_step),
    ),
    "MovingAverageSGD": (
        lambda **kw: dl.MovingAverageSGD(0.2, 0.9, **kw),
        lambda t: torch.optim.SGD(t.parameters, (1 - 0.9) * 0.2, momentum=0.9),
    ),
    "MovingAverageSGD nesterov": (
        lambda **kw: dl.MovingAverageSGD(0.2, 0.9, nesterov=True, **kw),
        lambda t: LecturesNesterov(t.parameters, 0.2, 0.9, 1.0),
    ),
    "MovingAverageSGD nesterov half": (
        lambda **kw: dl.MovingAverageSGD(0.2, 0.9, nesterov=True, look_ahead=0.5, **kw),
        lambda t: LecturesNesterov(t.parameters, 0.2, 0.9, 0.5),
    ),
}

# one of each class meets every activation; the others of OPTIMIZERS differ in a number or a term, and meet losses and keywords
RULES = ("SGD nesterov", "Adam", "AdamW", "MovingAverageSGD nesterov")

LOSSES = (dl.SquaredError(), dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy())
SMOOTHED = (*LOSSES, dl.SoftmaxCrossEntropy(label_smoothing=0.2))
OTHERS = (dl.Huber(0.5), dl.Poisson(), dl.Hinge(), dl.PerceptronLoss())  # only their delta is their own: they meet less


def data(loss: dl.Loss) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(SEED).standard_normal((ROWS, COLUMNS)), targets(loss, ROWS, OUTPUTS, SEED)


def compare(
    model: dl.Sequential,
    loss: dl.Loss,
    optimizer: dl.Optimizer,
    torch_optimizer: Callable[[Twin], Any],
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    device: Any = "cpu",
    **definition: Any,
) -> tuple[dl.Trainer, Twin]:
    """Train both for 20 steps and compare parameters, state and losses."""
    trainer = dl.Trainer(model, loss, optimizer, device=device, dtype="float64", seed=SEED)
    twin = Twin(model, trainer.get_weights(), SEED)
    history = trainer.fit(X, y, epochs=EPOCHS, batch_size=BATCH, sample_weight=sample_weight)
    losses = train(
        twin,
        loss,
        torch_optimizer(twin),
        X,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        sample_weight=sample_weight,
        **definition,
    )
    assert trainer.updates == len(losses) == 20
    assert twin.distance_to_kink > 1e-6, "choose another seed: a comparison at a kink says nothing"
    assert relative_difference(trainer.get_weights(), twin.weights()) < TOLERANCE
    w = np.ones(ROWS) if sample_weight is None else sample_weight
    weights = [w[rows].sum() for rows in batches(ROWS, BATCH, EPOCHS, SEED)]
    per_epoch = np.average(np.reshape(losses, (EPOCHS, -1)), axis=1, weights=np.reshape(weights, (EPOCHS, -1)))
    np.testing.assert_allclose(history["loss"], per_epoch, rtol=TOLERANCE)
    return trainer, twin


@pytest.mark.parametrize("activation", [*filter(known, activation_layers())], ids=label)
@pytest.mark.parametrize("loss", LOSSES, ids=label)
@pytest.mark.parametrize("name", RULES)
def test_every_optimizer_loss_and_activation(name: str, loss: dl.Loss, activation: dl.Layer) -> None:
    """Twenty steps end at torch's parameters."""
    ours, theirs = OPTIMIZERS[name]
    model = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), activation, dl.Dense(HIDDEN, OUTPUTS))
    compare(model, loss, ours(), theirs, *data(loss))


NET = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), dl.Tanh(), dl.Dense(HIDDEN, OUTPUTS))
CE = dl.SoftmaxCrossEntropy()


@pytest.mark.slow
@pytest.mark.parametrize("activation", [*filter(known, activation_layers())], ids=label)
@pytest.mark.parametrize("loss", SMOOTHED, ids=label)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in RULES])
def test_the_rest_of_the_cross_product(name: str, loss: dl.Loss, activation: dl.Layer) -> None:
    """Twenty steps end at torch's parameters, also of the optimizers that differ from the others in a number or a term."""
    ours, theirs = OPTIMIZERS[name]
    model = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), activation, dl.Dense(HIDDEN, OUTPUTS))
    compare(model, loss, ours(), theirs, *data(loss))


@pytest.mark.parametrize("loss", SMOOTHED, ids=label)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_and_loss(name: str, loss: dl.Loss) -> None:
    """Twenty steps end at torch's parameters, label smoothing and other hyperparameters included."""
    ours, theirs = OPTIMIZERS[name]
    compare(NET, loss, ours(), theirs, *data(loss))


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "AdamW"])
class TestCommonKeywords:
    """What every optimizer takes; AdamW is Adam with one of them."""

    def test_l2(self, name: str) -> None:
        """l2 = λ adds ½ λ Σ‖W‖² over the matrices to the objective, and nothing to the reported loss."""
        ours, theirs = OPTIMIZERS[name]
        compare(NET, CE, ours(l2=0.1), theirs, *data(CE), l2=0.1)

    def test_clip_norm(self, name: str) -> None:
        """clip_norm is torch's clip_grad_norm_ over all parameters together, after the l2 term."""
        ours, theirs = OPTIMIZERS[name]
        compare(NET, CE, ours(l2=0.1, clip_norm=0.3), theirs, *data(CE), l2=0.1, clip_norm=0.3)

    def test_max_norm(self, name: str) -> None:
        """max_norm scales the columns of W that are longer than c back to c, after each update."""
        ours, theirs = OPTIMIZERS[name]

        @torch.no_grad()
        def project(twin: Twin) -> None:
            for W in twin.matrices:
                W *= torch.clamp(0.8 / torch.linalg.vector_norm(W, dim=0), max=1.0)

        trainer, _ = compare(NET, CE, ours(max_norm=0.8), theirs, *data(CE), after_step=project)
        norms = np.concatenate([np.linalg.norm(W, axis=0) for W in trainer.get_weights() if W.ndim == 2])
        assert np.isclose(norms, 0.8, rtol=1e-12).any(), "the limit was never met, so nothing was tested"

    def test_decoupled_weight_decay(self, name: str) -> None:
        """weight_decay multiplies the matrices, and only them, by 1 − η·weight_decay beside the update."""
        ours, theirs = OPTIMIZERS[name]
        optimizer = ours(weight_decay=0.5)

        @torch.no_grad()
        def decay(twin: Twin, step: int) -> None:
            for W in twin.matrices:
                W *= 1 - optimizer.learning_rate * 0.5

        compare(NET, CE, optimizer, theirs, *data(CE), before_step=decay)

    def test_sample_weights(self, name: str) -> None:
        """The batch loss is Σ w L / Σ w."""
        ours, theirs = OPTIMIZERS[name]
        w = np.random.default_rng(1).uniform(0, 3, ROWS)
        compare(NET, CE, ours(), theirs, *data(CE), sample_weight=w)


@pytest.mark.parametrize("name", ["SGD", "SGD nesterov", "Adam", "AdamW"])
def test_schedule(name: str) -> None:
    """A schedule's factor multiplies the rate of each update, counted from 0, as torch's LambdaLR."""
    ours, theirs = OPTIMIZERS[name]
    schedule = dl.schedules.CosineDecay(15, floor=0.1)
    rates: list[float] = []

    def optimizer(twin: Twin) -> Any:
        made = theirs(twin)
        rates.extend(group["lr"] for group in made.param_groups)
        twin.optimizer = made  # type: ignore[attr-defined]
        return made

    def set_rate(twin: Twin, step: int) -> None:
        for group, rate in zip(twin.optimizer.param_groups, rates, strict=True):  # type: ignore[attr-defined]
            group["lr"] = rate * schedule(step)

    compare(NET, CE, ours(schedule=schedule), optimizer, *data(CE), before_step=set_rate)


@pytest.mark.parametrize("name", ["SGD", "SGD nesterov", "Adam"])
def test_decay_schedule(name: str) -> None:
    """It multiplies the weight decay of each update, counted from 0, beside the schedule of the rate."""
    ours, theirs = OPTIMIZERS[name]
    schedule, decays = dl.schedules.WarmUp(15), dl.schedules.CosineDecay(15, floor=0.1)
    optimizer = ours(weight_decay=0.5, schedule=schedule, decay_schedule=decays)

    def made(twin: Twin) -> Any:
        twin.optimizer = theirs(twin)  # type: ignore[attr-defined]
        return twin.optimizer  # type: ignore[attr-defined]

    @torch.no_grad()
    def before(twin: Twin, step: int) -> None:
        eta = optimizer.learning_rate * schedule(step)
        for group in twin.optimizer.param_groups:  # type: ignore[attr-defined]
            group["lr"] = eta
        for W in twin.matrices:
            W *= 1 - eta * 0.5 * decays(step)

    compare(NET, CE, optimizer, made, *data(CE), before_step=before)


@pytest.mark.parametrize(
    ("kind", "step"), [(dl.Adam, adam_inside), (dl.AdaGrad, adagrad_inside), (dl.RMSProp, rmsprop_inside)]
)
def test_epsilon_inside_the_root(kind: Any, step: Any) -> None:
    """epsilon_inside_root=True divides by √(v + ε), as the lectures write these rules."""
    optimizer = kind(0.01, epsilon=1e-3, epsilon_inside_root=True)
    compare(NET, CE, optimizer, lambda t: WrittenOut(t.parameters, 0.01, step), *data(CE))


@pytest.mark.parametrize("loss", SMOOTHED, ids=label)
def test_look_ahead_beta_is_nesterovs_path(loss: dl.Loss, tmp_path: Any) -> None:
    """With look_ahead = β the points θ − ηβv are those of torch's SGD((1 − β) η, momentum=β, nesterov=True)."""
    eta, beta = 0.2, 0.9
    optimizer = dl.MovingAverageSGD(eta, beta, nesterov=True, look_ahead=beta)
    trainer = dl.Trainer(NET, loss, optimizer, dtype="float64", seed=SEED)
    twin = Twin(NET, trainer.get_weights(), SEED)
    X, y = data(loss)
    trainer.fit(X, y, epochs=EPOCHS, batch_size=BATCH)
    nesterov = torch.optim.SGD(twin.parameters, (1 - beta) * eta, momentum=beta, nesterov=True)
    train(twin, loss, nesterov, X, y, batch_size=BATCH, epochs=EPOCHS)
    trainer.save(tmp_path / "run.safetensors")
    arrays, _ = store.read(tmp_path / "run.safetensors")
    shifted = [arrays[f"theta/{name}"] - eta * beta * arrays[f"slot/v/{name}"] for name in twin.tensors]
    assert relative_difference(shifted, twin.weights()) < TOLERANCE
    assert relative_difference(trainer.get_weights(), twin.weights()) > 1e-4  # θ itself is another path


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_distributions_as_targets(smoothing: float, weighted: bool) -> None:
    """Targets (n, C) that are distributions train as in torch, with and without smoothing and weights."""
    loss = dl.SoftmaxCrossEntropy(smoothing)
    random = np.random.default_rng(2)
    y = random.dirichlet(np.ones(OUTPUTS), ROWS)
    w = random.uniform(0, 2, ROWS) if weighted else None
    compare(NET, loss, dl.Adam(0.01), OPTIMIZERS["Adam"][1], data(loss)[0], y, sample_weight=w)


@pytest.mark.parametrize("loss", [*SMOOTHED, *OTHERS], ids=label)
def test_sample_weights_of_every_loss(loss: dl.Loss) -> None:
    """Rows weigh the same in every loss."""
    w = np.random.default_rng(4).uniform(0, 2, ROWS)
    compare(NET, loss, dl.SGD(0.1), OPTIMIZERS["SGD"][1], *data(loss), sample_weight=w)


NETWORKS = {
    "BatchNorm": [dl.Dense(3, 5, bias=False), dl.BatchNorm(5), dl.Tanh(), dl.Dense(5, 3)],
    "BatchNorm momentum": [dl.Dense(3, 5, bias=False), dl.BatchNorm(5, momentum=0.7, epsilon=0.1), dl.Dense(5, 3)],
    "BatchNorm first": [dl.BatchNorm(3), dl.Dense(3, 5), dl.ReLU(), dl.Dense(5, 3)],
    "LayerNorm": [dl.Dense(3, 5), dl.LayerNorm(5), dl.GELU(), dl.Dense(5, 3)],
    "LayerNorm epsilon": [dl.LayerNorm(3, epsilon=0.1), dl.Dense(3, 5), dl.Sigmoid(), dl.Dense(5, 3)],
    "PReLU": [dl.Dense(3, 5), dl.PReLU(0.4), dl.Dense(5, 5), dl.PReLU(), dl.Dense(5, 3)],
    "PReLU first": [dl.PReLU(), dl.Dense(3, 5), dl.Tanh(), dl.Dense(5, 3)],
    "Dropout": [dl.Dense(3, 5), dl.ReLU(), dl.Dropout(0.4), dl.Dense(5, 5), dl.Dropout(0.2), dl.Dense(5, 3)],
    "Dropout with schedules": [
        dl.Dropout(0.2),
        dl.Dense(3, 5),
        dl.Tanh(),
        dl.Dropout(0.6, schedule=dl.schedules.WarmUp(12)),
        dl.Dense(5, 5),
        dl.Dropout(0.4, schedule=dl.schedules.CosineDecay(20)),
        dl.Dense(5, 3),
    ],
    "Dropout first": [dl.Dropout(0.3), dl.Dense(3, 5), dl.Dropout(0.5), dl.Softplus(), dl.Dense(5, 3)],
    "Residual": [dl.Dense(3, 5), dl.Residual(dl.Dense(5, 4), dl.ReLU(), dl.Dense(4, 5)), dl.SiLU(), dl.Dense(5, 3)],
    "Residual with BatchNorm": [
        dl.Residual(dl.Dense(3, 5, bias=False), dl.BatchNorm(5), dl.Tanh(), dl.Dense(5, 3)),
        dl.LayerNorm(3),
        dl.Dense(3, 3),
    ],
    "Residual in Residual": [
        dl.Dense(3, 4),
        dl.Residual(dl.ELU(), dl.Residual(dl.PReLU(), dl.Dense(4, 4)), dl.LayerNorm(4)),
        dl.Dense(4, 3),
    ],
    "no bias": [dl.Dense(3, 5, bias=False), dl.Tanh(), dl.Dense(5, 3, bias=False)],
    "one layer": [dl.Dense(3, 3)],
    "activation first": [dl.Tanh(), dl.Dense(3, 5), dl.ReLU(), dl.SiLU(), dl.Sigmoid(), dl.Dense(5, 3)],
    "activation last": [dl.Dense(3, 5), dl.ReLU(), dl.Dense(5, 3), dl.Tanh()],
    "frozen at the bottom": [dl.Dense(3, 5, trainable=False), dl.Tanh(), dl.Dense(5, 3)],
    "frozen in the middle": [dl.Dense(3, 5), dl.ReLU(), dl.Dense(5, 4, trainable=False), dl.Tanh(), dl.Dense(4, 3)],
    "frozen at the top": [dl.Dense(3, 5), dl.SELU(), dl.Dense(5, 3, trainable=False)],
}


@pytest.mark.parametrize("optimizer", ["SGD momentum", "Adam", "AdamW"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_kind_of_layer(network: str, optimizer: str) -> None:
    """Parameters, and running statistics with them, end where torch's do; so do predictions, by the running statistics."""
    ours, theirs = OPTIMIZERS[optimizer]
    trainer, twin = compare(dl.Sequential(*NETWORKS[network]), CE, ours(), theirs, *data(CE))
    X = np.random.default_rng(5).standard_normal((7, COLUMNS))
    with torch.no_grad():
        expected = torch.softmax(twin.forward(torch.tensor(X), training=False), dim=1).numpy()
    np.testing.assert_allclose(trainer.predict(X), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("loss", [*SMOOTHED, *OTHERS], ids=label)
def test_evaluate_is_the_weighted_mean_of_row_losses(loss: dl.Loss) -> None:
    """`evaluate` gives Σ w L / Σ w, with label smoothing off."""
    trainer = dl.Trainer(NET, loss, dl.SGD(0.1), dtype="float64", seed=SEED)
    X, y = data(loss)
    w = np.random.default_rng(6).uniform(0, 2, ROWS)
    z = Twin(NET, trainer.get_weights()).forward(torch.tensor(X), training=False)
    plain = loss.evaluation()
    expected = (torch.tensor(w) * row_losses(plain, z, torch.tensor(y))).sum() / w.sum()
    assert trainer.evaluate(X, y, w)["loss"] == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("scale", [1e4, -1e4])
@pytest.mark.parametrize("loss", SMOOTHED, ids=label)
def test_logits_of_1e4_are_stable(loss: dl.Loss, scale: float) -> None:
    """One step from logits of ±1e4 is torch's, finite."""
    model = dl.Sequential(dl.Dense(1, OUTPUTS))
    trainer = dl.Trainer(model, loss, dl.SGD(1e-3), dtype="float64", seed=SEED)
    weights = [np.array([[0.3, 1.0, -0.2]]), np.zeros(3)]
    trainer.set_weights(weights)
    twin = Twin(model, weights, SEED)
    X, y = np.array([[scale], [scale / 2]]), targets(loss, 2, OUTPUTS)
    trainer.fit(X, y, epochs=1, batch_size=None)
    train(twin, loss, torch.optim.SGD(twin.parameters, 1e-3), X, y, batch_size=2, epochs=1)
    assert relative_difference(trainer.get_weights(), twin.weights()) < 1e-12
