"""The tasks of the contestants: a network, a batch size, and data that are the same for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """float32 features and int64 labels; there may be no test rows."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Task:
    """A ReLU network of these widths, softmax cross-entropy, Adam, and batches of shuffled rows.

    rows   of the training set, a multiple of the batch: some contestants compile a program for each batch shape
    data   "planted" (random features, labels by a random rule, a tenth of them wrong, so that the loss stays away from 0),
           "digits" (bundled), or the folder of MNIST's four files
    l2     λ of ½ λ Σ‖W‖² over the matrices
    """

    widths: tuple[int, ...]
    batch: int
    rows: int
    data: str = "planted"
    l2: float = 0.0
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.rows < self.batch or self.rows % self.batch:
            raise ValueError(f"{self.rows} rows are not a multiple of the batch, {self.batch}")

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch}"

    @property
    def steps(self) -> int:
        """Number of steps in an epoch."""
        return self.rows // self.batch

    def with_rows(self, rows: int) -> Task:
        """This task with at most `rows` rows, but at least one batch."""
        return replace(self, rows=max(1, rows // self.batch) * self.batch)

    def products(self) -> list[tuple[str, int, int, int]]:
        """(kind, m, k, n) of the step's matrix products, m × k times k × n.

        "forward" is x W, "weights" is xᵀ δ, "inputs" is δ Wᵀ; the lowest layer needs no gradient of its input.
        """
        layers = list(pairwise(self.widths))
        forward = [("forward", self.batch, i, o) for i, o in layers]
        weights = [("weights", i, self.batch, o) for i, o in layers]
        inputs = [("inputs", self.batch, o, i) for i, o in layers[1:]]
        return forward + weights + inputs

    @property
    def operations(self) -> int:
        """Floating point operations of these products."""
        return sum(2 * m * k * n for _, m, k, n in self.products())

    def load(self) -> Data:
        """The data.  Raises DataError for files of MNIST that are missing or torn, ValueError for too few rows."""
        data = _planted(self) if self.data == "planted" else _digits() if self.data == "digits" else _mnist(self.data)
        if len(data.X) < self.rows:
            raise ValueError(f"{self.data} has {len(data.X)} training rows, and the task asks for {self.rows}")
        return data._replace(X=data.X[: self.rows], y=data.y[: self.rows])


# a small table, MNIST with one and two hidden layers, and a network that fills a processor; the last two are for a GPU.  With
# the rows of MNIST the data do not fit into a cache, so gathering them costs what it costs a user
NETWORKS = (
    Task((64, 32, 10), 32, 65_536),
    Task((784, 256, 10), 128, 59_904),
    Task((784, 512, 512, 10), 128, 59_904),
    Task((784, 1024, 1024, 1024, 10), 512, 59_904),
    Task((784, 512, 512, 10), 1024, 59_392),
    Task((784, 4096, 4096, 4096, 10), 8192, 57_344),
)
OF_A_DEVICE = {"cpu": (1, 2, 3, 4), "cuda": (3, 5, 6)}  # default networks


def _planted(task: Task) -> Data:
    random = np.random.default_rng(0)
    X = random.random((task.rows, task.widths[0]), dtype=np.float32)
    rule = random.standard_normal((task.widths[0], task.widths[-1]), dtype=np.float32)
    y = ((X - 0.5) @ rule).argmax(axis=1)
    wrong = random.random(task.rows) < 0.1
    y[wrong] = random.integers(0, task.widths[-1], wrong.sum())
    return Data(X, y, X[:0], y[:0])


def _digits() -> Data:
    from dlcore.data.digits import load_digits

    return Data(*load_digits())


def _mnist(folder: str) -> Data:
    from dlcore.data.idx import read_idx

    def images(name: str) -> np.ndarray:
        values = read_idx(Path(folder) / f"{name}-images-idx3-ubyte.gz")
        return values.reshape(len(values), -1).astype(np.float32) / np.float32(255)

    def labels(name: str) -> np.ndarray:
        return read_idx(Path(folder) / f"{name}-labels-idx1-ubyte.gz").astype(np.int64)

    return Data(images("train"), labels("train"), images("t10k"), labels("t10k"))
