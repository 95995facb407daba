"""The same network and the same training in torch, to compare dlcore with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import dlcore as dl
from dlcore.kernels.reference.random import dropout
from dlcore.kernels.rng import key, order
from dlcore.layers import activations

KINKED = ("BinaryStep", "ELU", "LeakyReLU", "PReLU", "ReLU", "SELU")
# what torch.nn lacks
ACTIVATIONS = {"ArcTan": torch.atan, "BinaryStep": lambda z: (z >= 0).to(z.dtype) + 0 * z}


def known(layer: dl.Layer) -> bool:
    """Whether torch has this activation."""
    return type(layer).__name__ in ACTIVATIONS or hasattr(torch.nn, type(layer).__name__)


def row_losses(loss: dl.Loss, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of each row."""
    if isinstance(loss, dl.SquaredError):
        return 0.5 * F.mse_loss(z, y, reduction="none").sum(1)
    if isinstance(loss, dl.Huber):
        return F.huber_loss(z, y, delta=loss.threshold, reduction="none").sum(1)
    if isinstance(loss, dl.Poisson):
        return F.poisson_nll_loss(z, y, log_input=True, full=False, reduction="none").sum(1)
    if isinstance(loss, dl.Hinge):
        return F.relu(1 - (2 * y - 1) * z).sum(1)
    if isinstance(loss, dl.PerceptronLoss):
        return F.relu(-(2 * y - 1) * z).sum(1)
    if isinstance(loss, dl.BinaryCrossEntropy):
        return F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(1)
    if isinstance(loss, dl.SoftmaxCrossEntropy):
        return F.cross_entropy(z, y, label_smoothing=loss.label_smoothing, reduction="none")
    raise TypeError(f"no torch form of {loss}")


class Twin:
    """A dlcore model on torch tensors, with the weights of `get_weights`."""

    def __init__(self, model: dl.Sequential, weights: Sequence[np.ndarray], seed: int = 0) -> None:
        self.model, self.seed = model, seed
        self.tensors: dict[str, torch.Tensor] = {}
        self.matrices: list[torch.Tensor] = []
        self.others: list[torch.Tensor] = []
        self.evaluation = 0  # how many batches have gone through: the number of a dropout mask
        self.distance_to_kink = np.inf
        arrays = iter(weights)
        for i, layer in enumerate(model):
            for name, parameter in layer.parameters().items():
                tensor = torch.tensor(next(arrays), requires_grad=parameter.trainable)
                self.tensors[f"{i}.{name}"] = tensor
                if parameter.trainable:
                    (self.matrices if parameter.matrix else self.others).append(tensor)
            for name in layer.state():
                self.tensors[f"{i}.{name}"] = torch.tensor(next(arrays))

    @property
    def parameters(self) -> list[torch.Tensor]:
        """What is trained."""
        return self.matrices + self.others

    def weights(self) -> list[np.ndarray]:
        return [tensor.detach().numpy().copy() for tensor in self.tensors.values()]

    def forward(self, x: torch.Tensor, training: bool = True) -> torch.Tensor:
        for i, layer in enumerate(self.model):
            x = self._apply(layer, str(i), x, training)
        return x

    def _apply(self, layer: dl.Layer, path: str, x: torch.Tensor, training: bool) -> torch.Tensor:
        def t(name: str) -> torch.Tensor:
            return self.tensors[f"{path}.{name}"]

        name = type(layer).__name__
        if training and name in KINKED:
            self.distance_to_kink = min(self.distance_to_kink, float(x.detach().abs().min()))
        match layer:
            case dl.Dense():
                return x @ t("W") + t("b") if layer.bias else x @ t("W")
            case dl.BatchNorm():
                return F.batch_norm(
                    x, t("mean"), t("variance"), t("gamma"), t("beta"), training, layer.momentum, layer.epsilon
                )
            case dl.LayerNorm():
                return F.layer_norm(x, (layer.width,), t("gamma"), t("beta"), layer.epsilon)
            case dl.PReLU():
                return F.prelu(x, t("alpha"))
            case dl.Softmax():
                return F.softmax(x, dim=1)
            case dl.Dropout():
                return self._dropout(layer, path, x) if training else x
            case dl.Residual():
                h = x
                for i, inner in enumerate(layer.layers):
                    h = self._apply(inner, f"{path}.{i}", h, training)
                return x + h
        assert name in activations.__all__
        if name in ACTIVATIONS:
            return ACTIVATIONS[name](x)
        return getattr(torch.nn, name)(*astuple(layer))(x)

    def _dropout(self, layer: dl.Dropout, path: str, x: torch.Tensor) -> torch.Tensor:
        """By dlcore's mask, which is a function of (seed, place among the layers, evaluation); each evaluation is an update."""
        progress = np.array([0, 0, self.evaluation, 0])
        keep = 1 - layer.rate * (layer.schedule(self.evaluation - 1) if layer.schedule else 1)
        _, mask = dropout(np, np.ones(x.shape), progress, *key(self.seed), int(path), np.array([keep]))
        return x * torch.tensor(mask) / keep


@cache
def batches(n: int, size: int, epochs: int, seed: int) -> list[torch.Tensor]:
    """The rows of each batch, in dlcore's order."""
    orders = [torch.tensor(order(seed, epoch, n)) for epoch in range(epochs)]
    return [rows[start : start + size] for rows in orders for start in range(0, n, size)]


def train(
    twin: Twin,
    loss: dl.Loss,
    optimizer: Any,
    X: np.ndarray,
    y: np.ndarray,
    *,
    batch_size: int,
    epochs: int,
    sample_weight: np.ndarray | None = None,
    l2: float = 0.0,
    clip_norm: float | None = None,
    after_step: Callable[[Twin], None] = lambda twin: None,
    before_step: Callable[[Twin, int], None] = lambda twin, step: None,
) -> list[float]:
    """Train by the definitions: batch loss Σ w L / Σ w, plus ½ l2 Σ‖W‖², clipped, then a step; the losses of the steps."""
    x, t = torch.tensor(X), torch.tensor(y)
    w = None if sample_weight is None else torch.tensor(sample_weight)
    shift, restore = getattr(optimizer, "shift", None), getattr(optimizer, "restore", None)
    losses = []
    for step, rows in enumerate(batches(len(X), batch_size, epochs, twin.seed)):
        twin.evaluation += 1
        optimizer.zero_grad()
        if shift:
            shift()
        L = row_losses(loss, twin.forward(x[rows]), t[rows])
        data = L.mean() if w is None else (w[rows] * L).sum() / w[rows].sum()
        objective = data + 0.5 * l2 * sum((W * W).sum() for W in twin.matrices) if l2 else data
        objective.backward()
        if restore:
            restore()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(twin.parameters, clip_norm)
        before_step(twin, step)
        optimizer.step()
        after_step(twin)
        losses.append(data.item())
    return losses


class LecturesNesterov:
    """v ← β v + (1 − β) g;  θ ← θ − η v, with g at θ − η·look_ahead·v, written out."""

    def __init__(self, parameters: Sequence[torch.Tensor], eta: float, beta: float, look_ahead: float) -> None:
        self.theta, self.eta, self.beta, self.look_ahead = list(parameters), eta, beta, look_ahead
        self.v = [torch.zeros_like(p) for p in self.theta]

    def zero_grad(self) -> None:
        for p in self.theta:
            p.grad = None

    @torch.no_grad()
    def shift(self) -> None:
        self.origin = [p.clone() for p in self.theta]
        for p, v in zip(self.theta, self.v, strict=True):
            p -= self.eta * self.look_ahead * v

    @torch.no_grad()
    def restore(self) -> None:
        for p, origin in zip(self.theta, self.origin, strict=True):
            p.copy_(origin)

    @torch.no_grad()
    def step(self) -> None:
        for p, v in zip(self.theta, self.v, strict=True):
            if p.grad is not None:
                v.mul_(self.beta).add_((1 - self.beta) * p.grad)
            p -= self.eta * v


class SteadyNAdam(torch.optim.NAdam):
    """With a constant μ: its schedule is over at the first step.  The product of all μ is kept in the default dtype."""

    def __init__(self, parameters: Sequence[torch.Tensor], eta: float) -> None:
        super().__init__(parameters, eta, momentum_decay=1e7)

    def step(self) -> None:  # type: ignore[override]
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            super().step()
        finally:
            torch.set_default_dtype(before)


class WrittenOut:
    """θ ← θ − η step(g, m, v, t), where step changes the slots m and v, tensors that start at 0."""

    def __init__(self, parameters: Sequence[torch.Tensor], eta: float, step: Callable[..., torch.Tensor]) -> None:
        self.theta, self.eta, self.rule, self.t = list(parameters), eta, step, 0
        self.slots = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.theta]

    def zero_grad(self) -> None:
        for p in self.theta:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        self.t += 1
        for p, (m, v) in zip(self.theta, self.slots, strict=True):
            p -= self.eta * self.rule(torch.zeros_like(p) if p.grad is None else p.grad, m, v, self.t)


def normalized_step(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor, t: int, epsilon: float = 1e-8) -> torch.Tensor:
    return g / (g.abs() + epsilon)


def lion_step(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor, t: int) -> torch.Tensor:
    direction = torch.sign(0.9 * m + 0.1 * g)
    m.mul_(0.99).add_(0.01 * g)
    return direction


def adam_inside(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor, t: int, epsilon: float = 1e-3) -> torch.Tensor:
    """The lectures' m̂ / √(v̂ + ε)"""
    m.mul_(0.9).add_(0.1 * g)
    v.mul_(0.999).add_(0.001 * g * g)
    return (m / (1 - 0.9**t)) / torch.sqrt(v / (1 - 0.999**t) + epsilon)


def adagrad_inside(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor, t: int, epsilon: float = 1e-3) -> torch.Tensor:
    v.add_(g * g)
    return g / torch.sqrt(v + epsilon)


def rmsprop_inside(g: torch.Tensor, m: torch.Tensor, v: torch.Tensor, t: int, epsilon: float = 1e-3) -> torch.Tensor:
    v.mul_(0.9).add_(0.1 * g * g)
    return g / torch.sqrt(v + epsilon)


def relative_difference(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Largest difference of all entries, relative to the largest entry."""
    scale = max(float(np.abs(array).max()) for array in b)
    return max(float(np.abs(p - q).max()) for p, q in zip(a, b, strict=True)) / scale
