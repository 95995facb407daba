"""The trainer: a model, a loss and an optimizer on one device, and what can be done with them.

A new shape, dtype or batch size makes a new plan, never new state.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import is_on_gpu, to_host
from ..backends.backend import Backend
from ..checks import is_number
from ..data import inputs
from ..errors import CheckpointError, ConfigurationError, DataError, ShapeError
from ..kernels.contract import dtype_name
from ..kernels.rng import key
from ..layers.sequential import Sequential
from ..losses import Loss
from ..optimizers import Optimizer
from ..plan.bound_plans import BoundPlans, Runners
from ..plan.memory import Memory
from ..plan.plan import SCALED, TrainingStep
from . import checkpoint, options, saved
from .callbacks import Callback
from .evaluation import Evaluator
from .history import History
from .loop import Loop, Updates
from .progress import Progress
from .window import Window, has_room

if TYPE_CHECKING:
    from ..preprocessing import FittedPreprocessing

FEW_BYTES = 2**20  # of training rows that are copied, so that the next call of fit finds its plan bound to them


class Trainer:
    """Trains a model by a loss and an optimizer on one device.

    device   "cpu", "cuda", "cuda:1" or "auto"
    dtype    "float32" or "float64"; on a GPU also "bfloat16" or "float16": layers compute in it, parameters, optimizer and sums
             in float32, and gradients of float16 are scaled
    seed     of initial weights, data order and dropout masks; the same seed trains the same network on every device
    matmul_precision   "highest": float32 products with all bits; "high": with the 10 bits of TF32 on a GPU, several times as fast
    graph    False: the calls of a step are made one by one, for debugging; the same numbers, slowly

    The trainer owns its parameters from construction.  `fit(epochs=E)` trains E further epochs and never initializes again;
    `reset()` does.  `history` holds all epochs, `learning_rate` may be set between chunks, `step` is the recorded plan.
    `preprocessing` may be set to a FittedPreprocessing, which is saved and loaded with the trainer.
    Raises ConfigurationError for parts that do not fit together, DeviceError for a device that cannot be used.
    """

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: Optimizer,
        *,
        device: str | Backend = "cpu",
        dtype: str = "float32",
        seed: int = 0,
        matmul_precision: str = "highest",
        graph: bool = True,
    ) -> None:
        options.check_part("model", model, Sequential)
        options.check_part("loss", loss, Loss)
        options.check_part("optimizer", optimizer, Optimizer)
        options.check_head(model, loss)
        key(seed)  # raises for what is not a seed
        dtype = options.dtype_name(dtype)
        self.model, self.loss, self._optimizer, self.seed, self.dtype = model, loss, optimizer, int(seed), dtype
        options.check_flag("graph", graph)
        self.backend = Backend.for_device(device, matmul_precision)
        if not graph:
            self.backend = self.backend.eager()
        self.matmul_precision = matmul_precision
        self.backend.check_dtype(dtype)
        options.check_dtype(model, optimizer, dtype)
        with self.backend.context():
            self.memory = Memory(model, self.backend, dtype)
        self._evaluator = Evaluator(model, loss, self.memory, dtype)
        self._steps: BoundPlans[TrainingStep] = BoundPlans(self.memory)
        self._step: TrainingStep | None = None
        self._resumed_from: dict[str, str] | None = None  # how the steps before were run, until fit goes on
        self._algorithms: Any = None  # of a GPU, loaded from a file; kept for the next file where there is none
        self._window: Window | None = None  # the way to rows that have no room on the device
        self._fitting = False
        self._chunk = 1  # updates between two returns to Python; the loop finds how many they may be
        # what made X of raw rows: not applied here, but saved along
        self.preprocessing: FittedPreprocessing | None = None
        self.reports: tuple[str, ...] = ()  # what the logs of the present fit hold, for callbacks
        self.reset()

    # -- state -------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Initial weights of the seed, empty slots, step 0, empty history."""
        with self.backend.context():
            self.memory.initialize(self.seed)
        self.history = History()
        self.learning_rate = float(self.optimizer.learning_rate)
        self.epoch = 0  # epochs finished
        self._next_order = 0  # epoch whose data order comes next; the order of an interrupted one does not come again

    @property
    def optimizer(self) -> Optimizer:
        """Set between two fits, it takes effect with its learning rate; a rule of another kind begins with empty slots."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        options.check_part("optimizer", optimizer, Optimizer)
        options.check_dtype(self.model, optimizer, self.dtype)
        if type(optimizer) is not type(self._optimizer):
            self.memory.slots.clear()  # v is a velocity to one rule, and to another a mean of squares
        self._optimizer, self.learning_rate = optimizer, float(optimizer.learning_rate)

    @property
    def learning_rate(self) -> float:
        """η before the schedule's factor.  Raises ConfigurationError when set to what is not a positive number."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if not is_number(rate) or not 0 < rate < math.inf:
            raise ConfigurationError(f"learning_rate={rate!r}, expected a positive number")
        self._learning_rate = float(rate)

    @property
    def device(self) -> str:
        return self.backend.name

    @property
    def updates(self) -> int:
        """Updates of the parameters so far."""
        return int(self._counter("progress")[3])

    @property
    def loss_scale(self) -> float:
        """What losses are multiplied with before their gradient is taken: a power of two in float16, otherwise 1."""
        return float(self._counter("scaling")[0]) if self.dtype == SCALED else 1.0

    @property
    def skipped_updates(self) -> int:
        """Updates left out because a gradient overflowed float16; each halved loss_scale."""
        return int(self._counter("scaling")[2])

    def _counter(self, name: str) -> np.ndarray:
        with self.backend.context():
            return self.memory.counter(name)

    @property
    def step(self) -> TrainingStep:
        """The recorded plan of a training step: print it.  Before fit, the plan for 128 rows; it allocates nothing."""
        if self._step is None:
            labels = self.loss.output == "softmax"
            self._step = self._record(128, 128, (128, self.dtype), labels, shuffle=True, accumulate=False)
        return self._step

    def get_weights(self) -> list[np.ndarray]:
        """NumPy arrays layer by layer: parameters as declared (W, b, …), then state (BatchNorm: mean, variance)."""
        with self.backend.context():
            return [to_host(view).copy() for _, view in self.memory.weights()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set what get_weights gives.  Slots and counters stay.  Raises ShapeError or DataError for what does not fit."""
        with self.backend.context():
            self.memory.set_weights(weights)

    # -- training ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int = 10,
        batch_size: int | None = options.DEFAULT_BATCH_SIZE,
        shuffle: bool = True,
        sample_weight: Any = None,
        validation: Sequence[Any] | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = False,
        accumulate: int = 1,
    ) -> History:
        """Train `epochs` further epochs on X (n, columns) and targets y; returns the history of this call.

        batch_size      rows per step, None for all; without replacement, the last batch of an epoch may be smaller
        sample_weight   (n,), >= 0: the batch loss is Σ w_i L_i / Σ w_i
        validation      (X, y) or (X, y, sample_weight), evaluated after each epoch
        accumulate      gradients per update: k batches count as one of k·batch_size rows

        Raises DataError or ShapeError for bad data and ConfigurationError for bad options before anything is trained,
        DivergenceError when loss or gradient stop being finite: the parameters are then those before that update.
        """
        if self._fitting:  # its rows, its window and its place in the epoch would be written over
            raise ConfigurationError(
                "fit was called while another fit of this trainer is going on, by a callback or a thread; "
                "call it when that has returned, or train another Trainer"
            )
        options.check_count("epochs", epochs, zero=True)
        options.check_count("accumulate", accumulate)
        options.check_flag("shuffle", shuffle)
        callbacks = options.checked_callbacks(callbacks)
        with self.backend.context():
            held_out = (
                None if validation is None else self._checked(*options.validation_parts(validation), "validation ")
            )
            X, targets, weights = self._checked(X, y, sample_weight, "")
            batch = options.rows_per_batch(batch_size, len(X))
            self._check_rows(batch, len(X) % batch)
            if progress:
                callbacks.append(Progress(epochs, math.ceil(len(X) / (batch * accumulate))))
            names = ("loss", self.loss.metric)
            self.reports = ("loss", *(f"val_{name}" for name in names if held_out), "seconds")
            try:
                self._fitting = True
                self._load(X, targets, weights, batch, bool(shuffle))
                updates = self._updates(len(X), batch, bool(shuffle), accumulate)
                saved.warn_of_other_bits(self)
                with self.step.executor.limits(self.step.operations):
                    return Loop(self, callbacks).run(epochs, updates, lambda: self._validate(held_out))
            finally:
                if self._window:
                    self._window.close()
                self.memory.unload()
                self._window, self._fitting = None, False

    def _checked(self, X: Any, y: Any, sample_weight: Any, name: str) -> tuple[Any, np.ndarray, np.ndarray]:
        """Features, targets as the kernels take them, and row weights; all checks of user's data are made here."""
        self._check_place(X, name)
        X = inputs.features(X, self.model.input_width, self.dtype, f"{name}X")
        targets = self.loss.targets(y, self.model.output_width)
        if len(targets) != len(X):
            raise ShapeError(f"{name}X has {len(X)} rows, and y {len(targets)}")
        if targets.ndim == 2:
            inputs.check_finite(targets, self.memory.dtype, f"{name}y")
        return X, targets, inputs.weights(sample_weight, len(X), self.memory.dtype, f"{name}sample_weight")

    def _check_place(self, X: Any, name: str = "") -> None:
        if is_on_gpu(X) and self.backend.xp is np:
            raise DataError(f"{name}X lives on a GPU, and this trainer on device='cpu'; use device='cuda', or X.get()")

    def _check_rows(self, *batches: int) -> None:
        for rows in batches:
            for layer in self.model:
                layer.check_rows(rows)

    def _load(
        self, X: Any, targets: np.ndarray, weights: np.ndarray, batch: int | None = None, shuffle: bool = False
    ) -> None:
        """Checked data to the device; given a batch size, a window of them where they have no room."""
        data = {
            "X": X,
            "targets": targets.astype("int64" if targets.ndim == 1 else self.memory.dtype),
            "sample_weight": weights.astype(self.memory.dtype),
        }
        if batch is None or is_on_gpu(X) or has_room(self.backend, data, batch):
            few = batch is not None and sum(values.nbytes for values in data.values()) <= FEW_BYTES
            self.memory.load(data, stay=few)
        else:
            self._window = Window(self.backend, data, batch, self.seed, shuffle)
            self.memory.data = self._window.arrays

    def _record(
        self, rows: int, batch: int, data: tuple[int, str], labels: bool, *, shuffle: bool, accumulate: bool
    ) -> TrainingStep:
        return TrainingStep(
            self.model, self.loss, self.optimizer, self.backend, self.memory.parameters, self.memory.state,
            dtype=self.dtype, seed=self.seed, rows=rows, batch=batch, data=data, labels=labels,
            shuffle=shuffle, accumulate=accumulate,
        )  # fmt: skip

    def _plan(self, rows: int, batch: int, shuffle: bool, accumulate: bool) -> tuple[TrainingStep, Runners]:
        """A training step for the loaded data, recorded and bound."""
        X, targets = self.memory.data["X"], self.memory.data["targets"]
        data = X.shape[0], dtype_name(X)
        shuffle = shuffle and self._window is None  # a window holds the rows in the order of the epoch
        record = partial(self._record, rows, batch, data, targets.ndim == 1, shuffle=shuffle, accumulate=accumulate)
        if self.memory.data_stay:
            place = rows, batch, data, targets.ndim, shuffle, accumulate
            return self._steps(place, record, (self.model, self.loss, self.optimizer))
        step = record()
        runs = step.bind(self.memory.array)
        if self._window is not None:
            step.remarks = self._window.remarks
            runs |= {name: self._window.guarded(runs[name]) for name in ("gradient", "step")}
        return step, runs

    def _updates(self, n: int, batch: int, shuffle: bool, accumulate: int) -> list[Updates]:
        """What an epoch runs: full batches, then the rest."""
        full, ragged = divmod(n, batch)
        before = self._step
        self._step, whole = self._plan(batch, batch, shuffle, accumulate > 1)
        if before and before.operations != self._step.operations:
            self._chunk = 1  # another step takes another time
        rest = self._plan(ragged, batch, shuffle, accumulate > 1)[1] if ragged else None
        if accumulate == 1:
            updates = [Updates(whole["step"], full, batch)]
            return updates + ([Updates(rest["step"], 1, ragged)] if rest else [])

        for name in ("total", "sums"):  # an interrupted group may have left something
            self.memory.array(self._step.buffers.made[name])[...] = 0

        def together(count: int, last: bool) -> Callable[[int], None]:
            def run(updates: int) -> None:
                for _ in range(updates):
                    whole["before"](1)
                    whole["gradient"](count)
                    if last and rest:
                        rest["gradient"](1)
                    (rest if last and rest else whole)["update"](1)  # of the batch that was last

            return run

        groups, left = divmod(full, accumulate)
        updates = [Updates(together(accumulate, False), groups, accumulate * batch)] if groups else []
        return updates + ([Updates(together(left, True), 1, left * batch + ragged)] if left or ragged else [])

    def _begin_epoch(self) -> None:
        progress = self.memory.counter("progress")
        progress[0], progress[1] = self._next_order, 0
        self.memory.set_counter("progress", progress)
        if self._window is not None:
            self._window.begin(self._next_order)
        self._next_order += 1

    def _end_epoch(self, logs: dict[str, float]) -> None:
        self.epoch += 1
        self.history.append(logs)

    # -- prediction --------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Any:
        """Outputs (n, k) after the loss's output activation.  NumPy in, NumPy out; CuPy in, CuPy out on a GPU."""
        with self.backend.context():
            self._check_place(X)
            X = inputs.features(X, self.model.input_width, self.dtype)
            return self._evaluator.predict(X)

    def predict_labels(self, X: Any) -> np.ndarray:
        """Classes: argmax of the outputs, or outputs >= ½ for BinaryCrossEntropy.  DataError for a regression loss."""
        self.loss.labels(np.zeros((1, self.model.output_width)))  # raises before the work for a loss without classes
        return self.loss.labels(to_host(self.predict(X)))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """{"loss": …, "accuracy": …}, or {"loss": …, "rmse": …} for a regression loss; label smoothing is off.

        Classes are those of the logits; where outputs are equal only after rounding, predict_labels may choose another.
        """
        with self.backend.context():
            return self._evaluator.evaluate(*self._checked(X, y, sample_weight, ""))

    def _validate(self, held_out: tuple[Any, np.ndarray, np.ndarray] | None) -> dict[str, float]:
        found = self._evaluator.evaluate(*held_out) if held_out else {}
        return {f"val_{name}": value for name, value in found.items()}

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write model, loss, optimizer, parameters, slots, counters and history to a safetensors file, in one move.

        A schedule that is a plain function is not stored; give it again after loading.  Raises CheckpointError if the file
        cannot be written; a file of that name is then as it was.
        """
        with self.backend.context():
            for slot in self.optimizer.slots if self.updates else ():
                self.memory.slot(slot)  # of an optimizer that was set after the last update, 0 so far
            arrays = {name: to_host(view) for name, view in self.memory.named_arrays()}
            facts = saved.facts_of(self)
        checkpoint.write(path, arrays, facts)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | Backend = "cpu", graph: bool = True) -> Trainer:
        """The trainer that was saved, on any device; `graph` as in Trainer.

        A warning tells at the next fit if its bits may differ from those of a run that was not interrupted: on another kind of
        device, by another executor or BLAS.  Raises CheckpointError for a file that is torn, altered or foreign.
        """
        options.check_flag("graph", graph)
        arrays, facts = checkpoint.read(path)
        try:
            model, loss = checkpoint.build(facts["model"]), checkpoint.build(facts["loss"])
            optimizer = checkpoint.build(saved.without_function(facts["optimizer"], path))
            checkpoint.check_arrays(path, arrays, facts, model, optimizer.slots)
            backend = Backend.for_device(device, precision := facts.get("matmul_precision", "highest"))
            trainer = cls(
                model, loss, optimizer, device=backend, dtype=saved.dtype_for(backend, facts["dtype"], path), seed=facts["seed"],
                matmul_precision=precision, graph=graph,
            )  # fmt: skip
            saved.restore(trainer, arrays, facts)
        except checkpoint.FAILURES as error:
            raise CheckpointError(f"{path}: its parts do not fit together: {error!r}") from error
        return trainer
