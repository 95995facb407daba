"""The trainer: owns parameters, slots and counters, and runs recorded plans over epochs.

A new shape, dtype or batch size makes a new plan, never new state.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import checkpoint
from .backend import Backend
from .callbacks import Callback, Progress
from .data import inputs
from .errors import CheckpointError, ConfigurationError, DataError, DivergenceError, ShapeError
from .history import History
from .interrupts import deferred_interrupts
from .kernels.table import Buffer
from .losses import Loss
from .metrics import Totals
from .optimizers import Optimizer
from .parameters import Layout
from .plan import COUNTERS, TABLE, Prediction, TrainingStep, Workspace
from .rng import Stream, key
from .sequential import Sequential

PREDICTION_ROWS = 4096
CHUNK_SECONDS = 0.03  # between two returns to Python: 5 to 100 ms
_PLANS_KEPT = 8


class _Default(int):
    """A number nobody gave."""


DEFAULT_BATCH_SIZE = _Default(128)


class Trainer:
    """Trains a model by a loss and an optimizer on one device.

    device   "cpu", "cuda", "cuda:1" or "auto"
    dtype    "float32" or "float64"
    seed     of initial weights, data order and dropout masks; the same seed trains the same network on every device

    The trainer owns its parameters from construction.  `fit(epochs=E)` trains E further epochs and never initializes again;
    `reset()` does.  `history` holds all epochs, `learning_rate` may be set between chunks, `step` is the recorded plan.
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
    ) -> None:
        for name, value, kind in (
            ("model", model, Sequential),
            ("loss", loss, Loss),
            ("optimizer", optimizer, Optimizer),
        ):
            if not isinstance(value, kind):
                hint = ": write it with parentheses" if isinstance(value, type) and issubclass(value, kind) else ""
                raise ConfigurationError(f"Trainer: {name}={value!r}, expected a {kind.__name__}{hint}")
        _check_head(model, loss)
        key(seed)
        self.model, self.loss, self.optimizer, self.seed, self.dtype = model, loss, optimizer, int(seed), dtype
        self.backend = Backend.for_device(device)
        self.backend.check_dtype(dtype)
        self.parameters, self.state = Layout(model.parameters().items()), Layout(model.state().items())
        with self.backend.context():
            self._theta = self.backend.zeros((self.parameters.size,), dtype)
            self._state = self.backend.zeros((self.state.size,), dtype)
            self._counters = {
                name: self.backend.zeros(shape, dtype if kind == "real" else kind)
                for name, (shape, kind) in COUNTERS.items()
            }
        self._workspace = Workspace(self.backend)
        self._data: dict[str, Any] = {}
        self._predictions: dict[tuple[int, str | None], Prediction] = {}
        self._step: TrainingStep | None = None
        self._chunk = 1
        self._slots: dict[str, Any] = {}
        self.reset()

    # -- state -------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Initial weights of the seed, empty slots, step 0, empty history."""
        with self.backend.context():
            self._theta[...] = self._from_host(self.parameters.initial(lambda i: Stream(self.seed, i)))
            count = len(self.parameters.parameters)
            self._state[...] = self._from_host(self.state.initial(lambda i: Stream(self.seed, count + i)))
            for array in (*self._counters.values(), *self._slots.values()):
                array[...] = 0
        self.history = History()
        self.learning_rate = float(self.optimizer.learning_rate)
        self.epoch = 0  # epochs finished
        self._next_order = 0  # epoch whose data order comes next; an interrupted one is not repeated

    @property
    def device(self) -> str:
        return self.backend.name

    @property
    def updates(self) -> int:
        """Updates of the parameters so far."""
        return int(self._host_counter("progress")[3])

    @property
    def step(self) -> TrainingStep:
        """The recorded plan of a training step: print it.  Before the first fit, the plan for 128 rows; it allocates nothing."""
        if self._step is None:
            labels = self.loss.metric == "accuracy" and self.loss.output == "softmax"
            self._step = self._record(128, 128, (128, self.dtype), labels, shuffle=True, accumulate=False)
        return self._step

    def get_weights(self) -> list[np.ndarray]:
        """NumPy arrays layer by layer: parameters as declared (W, b, …), then the layer's state (BatchNorm: mean, variance)."""
        with self.backend.context():
            return [self.backend.to_host(view).copy() for _, view in self._weight_views()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set what get_weights gives.  Slots and counters stay.  Raises ShapeError, DataError for arrays that do not fit."""
        views = self._weight_views()
        if len(weights) != len(views):
            raise ShapeError(
                f"set_weights: {len(weights)} arrays, expected {len(views)}: {', '.join(name for name, _ in views)}"
            )
        arrays = []
        for (name, view), weight in zip(views, weights, strict=True):
            array = np.asarray(weight.get() if inputs.is_on_gpu(weight) else weight)
            if array.shape != tuple(view.shape):
                raise ShapeError(f"set_weights: {name} has shape {array.shape}, expected {tuple(view.shape)}")
            if array.dtype.kind not in "biuf":
                raise DataError(f"set_weights: {name} is {array.dtype}, expected numbers")
            arrays.append(array)
        with self.backend.context():
            for (_, view), array in zip(views, arrays, strict=True):
                view[...] = self._from_host(array)

    def _weight_views(self) -> list[tuple[str, Any]]:
        xp, views = self.backend.xp, []
        for i, layer in enumerate(self.model):
            views += [
                (f"{i}.{name}", self.parameters.view(xp, self._theta, f"{i}.{name}")) for name in layer.parameters()
            ]
            views += [(f"{i}.{name}", self.state.view(xp, self._state, f"{i}.{name}")) for name in layer.state()]
        return views

    # -- training ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int = 10,
        batch_size: int | None = DEFAULT_BATCH_SIZE,
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
        _positive("epochs", epochs, zero=True)
        _positive("accumulate", accumulate)
        callbacks = _checked_callbacks(callbacks)
        with self.backend.context():
            held_out = None if validation is None else self._checked(*_validation(validation), "validation ")
            n = self._load(X, y, sample_weight)
            batch = _batch_size(batch_size, n)
            full, ragged = divmod(n, batch)
            for rows in (batch, ragged):
                for layer in self.model:
                    layer.check_rows(rows)
            if progress:
                callbacks = [*callbacks, Progress(epochs)]
            history = History()
            try:
                updates = self._plans(n, batch, full, ragged, bool(shuffle), accumulate)
                with deferred_interrupts() as check_interrupt:
                    for callback in callbacks:
                        callback.on_fit_begin(self)
                    try:
                        self._epochs(epochs, updates, held_out, callbacks, history, check_interrupt)
                    finally:
                        for callback in callbacks:
                            callback.on_fit_end(self)
            finally:
                self._data = {}
        return history

    def _epochs(
        self,
        epochs: int,
        updates: list[tuple[Callable[[int], None], int, int]],
        held_out: tuple[Any, np.ndarray, np.ndarray] | None,
        callbacks: Sequence[Callback],
        history: History,
        check_interrupt: Callable[[], None],
    ) -> None:
        for _ in range(epochs):
            start = time.perf_counter()
            self._begin_epoch()
            total = rows_seen = 0.0
            for run, count, rows in updates:
                for losses in self._chunks(run, count):
                    for loss in losses.tolist():  # one by one: the bits must not depend on where a chunk ends
                        total += rows * loss
                    rows_seen += rows * len(losses)
                    for callback in callbacks:
                        callback.on_chunk_end(self)
                    check_interrupt()
            logs = {"loss": total / rows_seen}
            seconds = time.perf_counter() - start
            if held_out is not None:
                logs |= {f"val_{name}": value for name, value in self._evaluate(*held_out).items()}
            logs["seconds"] = seconds
            self.epoch += 1
            history.append(logs)
            self.history.append(logs)
            stops = [callback.on_epoch_end(self, logs) is True for callback in callbacks]  # every one is called
            if any(stops):
                return
            check_interrupt()

    def _begin_epoch(self) -> None:
        progress = self._host_counter("progress")
        progress[0], progress[1] = self._next_order, 0
        self._set_counter("progress", progress)
        self._next_order += 1

    def _chunks(self, run: Callable[[int], None], count: int) -> Iterator[np.ndarray]:
        """Run `count` updates in chunks; gives the losses of each chunk."""
        while count:
            steps = min(count, self._chunk, TABLE)
            first = self.updates
            factor = self.optimizer.schedule or (lambda _: 1.0)
            rates = np.array([self.learning_rate * float(factor(first + i)) for i in range(steps)])
            if not np.isfinite(rates).all():
                raise ConfigurationError(
                    f"the learning rate is not finite at update {first + int(np.argmin(np.isfinite(rates)))}"
                )
            self._counters["rates"][:steps] = self._from_host(rates)
            self._set_counter("slot", np.zeros(1, np.int64))
            start = time.perf_counter()
            run(steps)
            losses = self.backend.to_host(self._counters["losses"][:steps]).copy()
            seconds = time.perf_counter() - start
            self._check_fault(losses, rates)
            if steps == self._chunk or seconds > CHUNK_SECONDS:
                self._chunk = max(1, min(TABLE, int(steps * CHUNK_SECONDS / max(seconds, 1e-9)), 2 * steps + 1))
            count -= steps
            yield losses

    def _check_fault(self, losses: np.ndarray, rates: np.ndarray) -> None:
        fault = int(self._host_counter("fault")[0])
        if not fault:
            return
        self._set_counter("fault", np.zeros(1, np.int64))  # training may go on, say with a smaller rate
        bad = ~np.isfinite(losses)
        what = f"the loss is {losses[int(np.argmax(bad))]}" if bad.any() else "the gradient is not finite"
        raise DivergenceError(
            f"training diverged at update {fault} (epoch {self.epoch + 1}): {what}; learning rate {rates[0]:g}. "
            "The parameters are those before that update; try a smaller learning rate, clip_norm, or scaled inputs"
        )

    def _load(self, X: Any, y: Any, sample_weight: Any) -> int:
        """Check the training data and put them on the device; the number of rows."""
        X, targets, w = self._checked(X, y, sample_weight, "")
        self._data = {
            "X": self.backend.asarray(X),
            "targets": self.backend.asarray(targets, "int64" if targets.ndim == 1 else self.dtype),
            "sample_weight": self.backend.asarray(w, self.dtype),
        }
        return len(w)

    def _checked(self, X: Any, y: Any, sample_weight: Any, name: str) -> tuple[Any, np.ndarray, np.ndarray]:
        if inputs.is_on_gpu(X) and self.backend.xp is np:
            raise DataError(f"{name}X lives on a GPU, and this trainer on device='cpu'; use device='cuda', or X.get()")
        X = inputs.features(X, self.model.input_width, self.dtype, f"{name}X")
        targets = self.loss.targets(y, self.model.output_width)
        if len(targets) != len(X):
            raise ShapeError(f"{name}X has {len(X)} rows, and y {len(targets)}")
        inputs.check_finite(targets, self.dtype, f"{name}y") if targets.ndim == 2 else None
        return X, targets, inputs.weights(sample_weight, len(X), f"{name}sample_weight")

    def _record(
        self, rows: int, batch: int, data: tuple[int, str], labels: bool, *, shuffle: bool, accumulate: bool
    ) -> TrainingStep:
        return TrainingStep(
            self.model, self.loss, self.optimizer, self.backend, self.parameters, self.state,
            dtype=self.dtype, seed=self.seed, rows=rows, batch=batch, data=data, labels=labels, shuffle=shuffle, accumulate=accumulate,
        )  # fmt: skip

    def _plans(
        self, n: int, batch: int, full: int, ragged: int, shuffle: bool, accumulate: int
    ) -> list[tuple[Callable[[int], None], int, int]]:
        """What an epoch runs: (run(m): m updates, how many of them, rows in each)."""
        stored = str(self._data["X"].dtype).rsplit(".", 1)[-1]
        labels = self._data["targets"].ndim == 1

        def plan(rows: int) -> tuple[TrainingStep, dict[str, Callable[[int], None]]]:
            step = self._record(rows, batch, (n, stored), labels, shuffle=shuffle, accumulate=accumulate > 1)
            return step, step.bind(self._array)

        self._step, whole = plan(batch)
        rest = plan(ragged)[1] if ragged else None
        if accumulate == 1:
            return [(whole["step"], full, batch)] + ([(rest["step"], 1, ragged)] if rest else [])

        def group(count: int, last: bool) -> Callable[[int], None]:
            def run(updates: int) -> None:
                for _ in range(updates):
                    whole.get("before", _nothing)(1)
                    whole["gradient"](count)
                    if last and rest:
                        rest["gradient"](1)
                    whole["update"](1)

            return run

        groups, left = divmod(full, accumulate)
        updates = [(group(accumulate, False), groups, accumulate * batch)] if groups else []
        return updates + ([(group(left, bool(ragged)), 1, left * batch + ragged)] if left or ragged else [])

    # -- prediction --------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Any:
        """Outputs (n, k) after the loss's output activation.  NumPy in, NumPy out; CuPy in, CuPy out on a GPU."""
        with self.backend.context():
            X = inputs.features(X, self.model.input_width, self.dtype)
            stay = inputs.is_on_gpu(X)
            if stay and self.backend.xp is np:
                raise DataError("X lives on a GPU, and this trainer on device='cpu'; use device='cuda', or X.get()")
            xp = self.backend.xp if stay else np
            out = xp.empty((len(X), self.model.output_width), dtype=getattr(xp, self.dtype))
            for rows, plan, run in self._blocks(len(X), None):
                self._fill(plan.x, X[rows])
                run["predict"](1)
                a = self._array(plan.a)
                out[rows] = a if stay else self.backend.to_host(a)
            return out

    def predict_labels(self, X: Any) -> np.ndarray:
        """Classes: argmax of the outputs, or outputs >= ½ for BinaryCrossEntropy.  Raises DataError for a regression loss."""
        self.loss.labels(np.zeros((1, self.model.output_width)))  # raises before the work for a loss without classes
        a = self.predict(X)
        return self.loss.labels(a.get() if inputs.is_on_gpu(a) else a)

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """{"loss": …, "accuracy": …}, or {"loss": …, "rmse": …} for a regression loss; label smoothing is off."""
        with self.backend.context():
            return self._evaluate(*self._checked(X, y, sample_weight, ""))

    def _evaluate(self, X: Any, targets: np.ndarray, w: np.ndarray) -> dict[str, float]:
        totals = Totals(self.loss)
        for rows, plan, run in self._blocks(len(X), "labels" if targets.ndim == 1 else "values"):
            self._fill(plan.x, X[rows])
            self._fill(plan.y, targets[rows])
            self._fill(plan.w, w[rows])
            run["step"](1)
            loss = float(self.backend.to_host(self._array(plan.loss))[0])
            totals.add(loss, self.backend.to_host(self._array(plan.a)), targets[rows], w[rows])
        return totals.result()

    def _blocks(
        self, n: int, targets: str | None
    ) -> Iterator[tuple[slice, Prediction, dict[str, Callable[[int], None]]]]:
        for start in range(0, n, PREDICTION_ROWS):
            rows = min(PREDICTION_ROWS, n - start)
            if (rows, targets) not in self._predictions:
                if len(self._predictions) >= _PLANS_KEPT:
                    self._predictions.pop(next(iter(self._predictions)))
                plan = Prediction(
                    self.model,
                    self.loss,
                    self.backend,
                    self.parameters,
                    self.state,
                    dtype=self.dtype,
                    rows=rows,
                    targets=targets,
                )
                self._predictions[rows, targets] = plan
            plan = self._predictions[rows, targets]
            # bound anew each time: a larger plan since then may have replaced the arrays of the workspace
            yield slice(start, start + rows), plan, plan.bind(self._array)

    # -- arrays ------------------------------------------------------------------------------------------------------

    def _array(self, buffer: Buffer) -> Any:
        """The array of a plan's buffer."""
        name, xp = buffer.name, self.backend.xp
        if name in self._data:
            return self._data[name]
        if name in self._counters:
            return self._counters[name]
        if name == "theta":
            return self._theta[: self.parameters.trainable]
        if name in self.parameters.parameters:
            return self.parameters.view(xp, self._theta, name)
        if name in self.state.parameters:
            return self.state.view(xp, self._state, name)
        if name.startswith("slot "):
            return self._slot(name.removeprefix("slot "))
        if name.startswith("grad "):
            grad = self._workspace.array(Buffer("grad", (self.parameters.trainable,), self.dtype))
            return self.parameters.view(xp, grad, name.removeprefix("grad "))
        return self._workspace.array(buffer)

    def _slot(self, name: str) -> Any:
        if name not in self._slots:
            self._slots[name] = self.backend.zeros((self.parameters.trainable,), self.dtype)
        return self._slots[name]

    def _from_host(self, array: np.ndarray) -> Any:
        return self.backend.asarray(np.asarray(array).astype(self.dtype))

    def _fill(self, buffer: Buffer, values: Any) -> None:
        """Copy rows into a plan's buffer, casting."""
        array = self._array(buffer)
        array[...] = (
            values.astype(buffer.dtype)
            if inputs.is_on_gpu(values)
            else self.backend.asarray(values.astype(buffer.dtype))
        )

    def _host_counter(self, name: str) -> np.ndarray:
        return self.backend.to_host(self._counters[name]).copy()

    def _set_counter(self, name: str, value: np.ndarray) -> None:
        self._counters[name][...] = self.backend.asarray(value)

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write model, loss, optimizer, parameters, slots, counters and history to a safetensors file, in one move.

        A schedule that is a plain function is not stored; give it again after loading.  Raises CheckpointError if the file
        cannot be written; a file of that name is then as it was.
        """
        with self.backend.context():
            arrays = {
                f"parameter {name}": self._view("parameters", self._theta, name) for name in self.parameters.starts
            }
            arrays |= {f"state {name}": self._view("state", self._state, name) for name in self.state.starts}
            for slot, flat in self._slots.items():
                arrays |= {
                    f"slot {slot} {name}": self._view("parameters", flat, name) for name in self._trainable_names()
                }
            progress = self._host_counter("progress")
        facts = {
            "model": checkpoint.describe(self.model),
            "loss": checkpoint.describe(self.loss),
            "optimizer": checkpoint.describe(self.optimizer),
            "dtype": self.dtype,
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            "epoch": self.epoch,
            "next_order": self._next_order,
            "progress": progress.tolist(),
            "history": self.history.as_dict(),
            "device": self.backend.name,
            "executor": self.backend.executor_name,
        }
        checkpoint.write(path, arrays, facts)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | Backend = "cpu") -> Trainer:
        """The trainer that was saved, on any device.  Raises CheckpointError for a file that is torn, altered or not dlcore's."""
        arrays, facts = checkpoint.read(path)
        try:
            description = dict(facts["optimizer"])
            schedule = description.get("schedule")
            if isinstance(schedule, dict) and "." in str(schedule.get("type")):
                warnings.warn(
                    f"{path}: the schedule {schedule['type']} is a function and was not stored; the rate is constant now",
                    stacklevel=2,
                )
                description["schedule"] = None
            trainer = cls(
                checkpoint.build(facts["model"]), checkpoint.build(facts["loss"]), checkpoint.build(description),
                device=device, dtype=facts["dtype"], seed=facts["seed"],
            )  # fmt: skip
            trainer._restore(arrays, facts)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: its parts do not fit together: {error!r}") from error
        return trainer

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        slots = [name for name in self.optimizer.slots if any(key.startswith(f"slot {name} ") for key in arrays)]
        with self.backend.context():
            targets = {
                f"parameter {name}": self.parameters.view(self.backend.xp, self._theta, name)
                for name in self.parameters.starts
            }
            targets |= {
                f"state {name}": self.state.view(self.backend.xp, self._state, name) for name in self.state.starts
            }
            for slot in slots:
                flat = self._slot(slot)
                targets |= {
                    f"slot {slot} {n}": self.parameters.view(self.backend.xp, flat, n) for n in self._trainable_names()
                }
            for name, target in targets.items():
                if arrays[name].shape != tuple(target.shape):
                    raise ShapeError(f"{name} has shape {arrays[name].shape}, the model {tuple(target.shape)}")
                target[...] = self._from_host(arrays[name])
            self._set_counter("progress", np.array(facts["progress"], np.int64))
        self.history = History(facts["history"])
        self.learning_rate, self.epoch, self._next_order = facts["learning_rate"], facts["epoch"], facts["next_order"]

    def _view(self, layout: str, flat: Any, name: str) -> np.ndarray:
        return self.backend.to_host(getattr(self, layout).view(self.backend.xp, flat, name))

    def _trainable_names(self) -> list[str]:
        return [name for name, p in self.parameters.parameters.items() if p.trainable]


# -- checks of options ---------------------------------------------------------------------------------------------------


def _nothing(steps: int) -> None:
    """An empty list of calls, run any number of times."""


def _check_head(model: Sequential, loss: Loss) -> None:
    last = type(model[-1]).__name__
    if last in loss.built_in:
        raise ConfigurationError(
            f"{type(loss).__name__} takes logits and has its output activation built in; remove the {last} layer before it"
        )
    if loss.output == "softmax" and model.output_width < 2:
        raise ConfigurationError(
            f"{type(loss).__name__} needs at least 2 outputs, the network has 1; use BinaryCrossEntropy for one"
        )


def _positive(name: str, value: Any, zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < (0 if zero else 1):
        raise ConfigurationError(f"{name}={value!r}, expected {'an integer >= 0' if zero else 'a positive integer'}")


def _batch_size(batch_size: int | None, n: int) -> int:
    if batch_size is None:
        return n
    _positive("batch_size", batch_size)
    if batch_size > n and not isinstance(batch_size, _Default):
        warnings.warn(f"batch_size={batch_size} is larger than the data; {n} rows are used", stacklevel=3)
    return min(int(batch_size), n)


def _checked_callbacks(callbacks: Sequence[Callback]) -> list[Callback]:
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise ConfigurationError(f"callbacks: {callback!r} is not a dlcore.Callback")
    return list(callbacks)


def _validation(validation: Any) -> tuple[Any, Any, Any]:
    """(X, y, sample_weight or None)"""
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise ConfigurationError("validation: expected a tuple (X, y) or (X, y, sample_weight)")
    X, y, *sample_weight = validation
    return X, y, sample_weight[0] if sample_weight else None
