"""The trainer: a model, a loss and an optimizer on one device, and what can be done with them.

A new shape, dtype or batch size makes a new program, never new state.  Longer than 400 lines: it is the whole public face of
training, each method a few lines between a docstring and the module that does the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock, RLock
from typing import TYPE_CHECKING, overload

import numpy as np

from ..arrays import Array, ArrayLike, OnGpu, to_host
from ..backends import Backend
from ..checks import COUNT, FLAG, POSITIVE, at_least, check
from ..data.feature_names import check_feature_names, feature_names
from ..errors import CheckpointError, ConfigurationError, DeviceError, DivergenceError
from ..kernels.rng import key
from ..layers import Sequential
from ..losses import Loss
from ..optimizers import Optimizer
from ..plan.cache import Cache
from ..plan.program import Program
from ..plan.recipe import Batch, Recipe
from ..plan.state import State
from ..plan.step import SCALED, record_step
from ..plan.workspace import Workspace
from . import options
from .batches import BatchSession
from .callbacks import Callback
from .checkpoint import Checkpoint, file_of
from .descriptions import FAILURES, Custom
from .evaluation import Evaluator
from .figures import asks_for_all_labels
from .history import History
from .listeners import CallbackStates, Listeners
from .loop import Loop
from .pace import Pace
from .position import Batching, Position
from .progress import Progress
from .raw_rows import are_raw, as_spelled, class_indices
from .reproducibility import dtype_for, run_by, warn_of_other_bits
from .rows import Rows, check_batches, checked_features, checked_rows
from .schedule_table import schedule_table
from .sources import Resident, source_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..kernels.cuda.algorithms import Facts
    from ..preprocessing import FittedPreprocessing


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
    `preprocessing` may be set to a FittedPreprocessing, which is saved and loaded with the trainer: frames of raw rows then go into
    fit, evaluate and predict, with class labels as they are spelled; arrays are taken for features.  `feature_names` are those of
    the frame that the first fit saw; a frame with other names, or in another order, is refused from then on.  After training that
    diverged, predict, evaluate and save raise DivergenceError if parameters are not finite; `allow_nonfinite = True` lets them.
    Raises ConfigurationError for parts that do not fit together, DeviceError for a device that cannot be used.
    """

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: Optimizer,
        *,
        device: str | Backend = "cpu",
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        matmul_precision: str = "highest",
        graph: bool = True,
    ) -> None:
        options.check_part("model", model, Sequential)
        options.check_part("loss", loss, Loss)
        options.check_part("optimizer", optimizer, Optimizer)
        options.check_head(model, loss)
        key(seed)  # raises for what is not a seed
        check("", FLAG, graph=graph)
        self.backend = Backend.for_device(device, matmul_precision)
        if not graph:
            self.backend = self.backend.eager()
        self.matmul_precision = matmul_precision
        self.recipe = Recipe(model, loss, optimizer, options.dtype_name(dtype), int(seed))
        self.backend.check_dtype(self.dtype)
        options.check_dtype(model, optimizer, self.dtype)
        with self.backend.context():
            self.state = State(self.backend, self.recipe)
            self._workspace = Workspace(self.backend, self.recipe)
        self._cache, self.pace = Cache(self._workspace), Pace()
        self._evaluator = Evaluator(self.recipe, self.state)
        self._program: Program | None = None
        self._lock = RLock()  # held while a chunk of steps runs: what a checkpoint copies is whole
        self._fitting = Lock()
        self.running: BatchSession | None = None  # the session of the fit that is going on
        self._listeners: Listeners | None = None  # its callbacks
        self._callbacks: CallbackStates | None = None  # those of the last fit, which may be resumed
        self.finished = False  # the last fit came to its end: all epochs were done, or a callback said stop
        self._resumed_from: dict[str, str] | None = None  # how the steps before were run, until fit goes on
        self._algorithms: Facts | None = (
            None  # of a GPU, loaded from a file; kept for the next file where there is none
        )
        # makes X of raw rows; saved along
        self.preprocessing: FittedPreprocessing | None = None
        self.allow_nonfinite = False
        self._finite = False  # the parameters were looked at since they changed last, and are finite
        # of the frame that fit saw: frames that come later must have them, in this order
        self.feature_names: tuple[str, ...] | None = None
        self.reports: tuple[str, ...] = ()  # what the logs of the present fit hold, for callbacks
        self.reset()

    # -- state -------------------------------------------------------------------------------------------------------

    @property
    def model(self) -> Sequential:
        return self.recipe.model

    @property
    def loss(self) -> Loss:
        return self.recipe.loss

    @property
    def dtype(self) -> str:
        return self.recipe.dtype

    @property
    def seed(self) -> int:
        return self.recipe.seed

    def reset(self) -> None:
        """Initial weights of the seed, empty slots, step 0, empty history."""
        self._refuse_in_fit("reset()")
        with self.backend.context():
            self.state.initialize(self.seed)
        self.history = History(all_labels=asks_for_all_labels(self.recipe))
        self.learning_rate = float(self.optimizer.learning_rate)
        self._position, self._callbacks, self.feature_names = Position(), None, None
        self._finite = False

    def _refuse_in_fit(self, what: str) -> None:
        if self.running:
            raise ConfigurationError(
                f"{what} was called during fit, whose steps are recorded; call it between two fits"
            )

    @property
    def optimizer(self) -> Optimizer:
        """Set between two fits, it takes effect with its learning rate; a rule of another kind begins with empty slots."""
        return self.recipe.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        options.check_part("optimizer", optimizer, Optimizer)
        options.check_dtype(self.model, optimizer, self.dtype)
        self._refuse_in_fit("trainer.optimizer = …")
        if (type(optimizer), optimizer.kernel) != (type(self.optimizer), self.optimizer.kernel):
            self.state.slots.clear()  # v is a velocity to one rule, and to another a mean of squares
        self.recipe = replace(self.recipe, optimizer=optimizer)
        self._cache, self._program = Cache(self._workspace), None
        self._position = self._position.without_unfinished()  # a group of batches may have been begun by the other rule
        self.learning_rate = float(optimizer.learning_rate)

    @property
    def learning_rate(self) -> float:
        """η before the schedule's factor.  Raises ConfigurationError when set to what is not a positive number."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        check("", POSITIVE, learning_rate=rate)
        self._learning_rate = float(rate)

    @property
    def device(self) -> str:
        return self.backend.name

    @property
    def position(self) -> Position:
        """Where training is; in a callback, where its fit is."""
        return self.running.position if self.running else self._position

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self.position.epoch

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
            return self.state.counter(name)

    @property
    def step(self) -> Program:
        """The recorded program of a training step: print it.  Before fit, that of 128 rows; it allocates nothing."""
        if self._program is None:
            labels = self.loss.output == "softmax"
            self._program = record_step(self.recipe, Batch(128, 128, (128, self.dtype), labels), self.backend.kernels)
        return self._program

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of get_weights by name, in its order: "0.W" and "0.b" of layer 0, "1.mean" of a BatchNorm."""
        with self._lock, self.backend.context():
            return {name: to_host(view).copy() for name, view in self.state.weights()}

    def get_weights(self) -> list[np.ndarray]:
        """NumPy arrays layer by layer: parameters as declared (W, b, …), then state (BatchNorm: mean, variance)."""
        return list(self.weights().values())

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set what get_weights gives.  Slots and counters stay.  Raises ShapeError or DataError for what does not fit."""
        with self.backend.context():
            self.state.set_weights(weights)

    # -- training ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int | None = options.DEFAULT_BATCH_SIZE,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        validation: Sequence[ArrayLike] | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = False,
        accumulate: int = 1,
        resume: bool = False,
    ) -> History:
        """Train `epochs` further epochs on X (n, columns) and targets y; returns the history of this call.

        batch_size      rows per step, None for all; without replacement, the last batch of an epoch may be smaller
        sample_weight   (n,), >= 0: the batch loss is Σ w_i L_i / Σ w_i, and so is that of an epoch
        validation      (X, y) or (X, y, sample_weight), evaluated after each epoch
        accumulate      gradients per update: k batches count as one of k·batch_size rows
        resume          go on with the epoch that a saved or interrupted fit left unfinished, and with the decisions of its
                        callbacks; `epochs` is then the total.  Otherwise the next epoch begins, in an order of its own

        Raises DataError or ShapeError for bad data and ConfigurationError for bad options before anything is trained,
        DivergenceError when loss or gradient stop being finite: the parameters are then those before that update; and when an
        update makes parameters infinite: they are then not used until a checkpoint is loaded, or `reset` is called.
        """
        check("", at_least(0), epochs=epochs)
        check("", COUNT, accumulate=accumulate)
        check("", FLAG, shuffle=shuffle, resume=resume)
        callbacks = options.checked_callbacks(callbacks)
        if not self._fitting.acquire(blocking=False):  # its rows and its place in the epoch would be written over
            raise ConfigurationError(
                "fit was called while another fit of this trainer is going on, by a callback or a thread; "
                "call it when that has returned, or train another Trainer"
            )
        try:
            with self.backend.context():
                rows = self._checked(X, y, sample_weight)
                raw = are_raw(self.preprocessing, X)
                names = self.feature_names or (None if raw else feature_names(X))
                held_out = None
                if validation is not None:
                    held_out = self._checked(*options.validation_parts(validation), "validation ", names)
                batching = Batching(
                    len(rows), options.rows_per_batch(batch_size, len(rows)), bool(shuffle), int(accumulate)
                )
                check_batches(self.recipe, batching.size, batching.ragged)
                position, states = self._position, self._callbacks
                if resume:
                    options.check_resumed(position, batching)
                elif epochs:
                    position, states = position.without_unfinished(), None
                total = epochs if resume else position.epoch + epochs
                if progress:
                    all_labels = asks_for_all_labels(self.recipe)
                    callbacks.append(Progress(max(total - position.epoch, 0), batching.updates, all_labels=all_labels))
                validated = (f"val_{name}" for name in ("loss", self.loss.metric) if held_out)
                self.reports = ("loss", *validated, "seconds")
                self.feature_names = names
                with self._begun(rows, batching, position) as session:
                    return self._run(session, Listeners(self, callbacks, states), total, held_out)
        finally:
            self._fitting.release()

    def _begun(self, rows: Rows, batching: Batching, position: Position) -> BatchSession:
        """A session on rows of the user's, at a position."""
        source = source_of(self._workspace, rows.arrays(self.state.dtype), batching, self.seed)
        try:
            session = BatchSession(
                self.recipe, self.state, self._workspace, source, batching, self._cache, rows.different_weights
            )
        except BaseException:
            source.close()
            raise
        session.position, self._program = position, session.program
        return session

    def _run(self, session: BatchSession, listeners: Listeners, epochs: int, held_out: Rows | None) -> History:
        """The epochs of a fit, up to `epochs` in all."""

        def validate() -> dict[str, float]:
            found = self._evaluator.evaluate(held_out) if held_out else {}
            return {f"val_{name}": value for name, value in found.items()}

        if self._resumed_from and self.updates:
            warn_of_other_bits(self._resumed_from, self._run_by() | {"dtype": self.dtype})
        self._resumed_from, self.finished = None, False
        self.pace.begin(session.program.operations)
        loop = Loop(
            session, self.pace, listeners, lambda: self.learning_rate, validate, self.history.append, self._lock
        )
        try:
            self.running, self._listeners = session, listeners
            return loop.run(epochs, self._finish)
        finally:
            self.running = self._listeners = None
            self._finite = False
            self._position = session.position
            self._callbacks = listeners.states()

    def _finish(self) -> None:
        self.finished = True

    def session(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> BatchSession:
        """A session on all rows as one batch, to look at gradients: it has counters, rows and a workspace of its own, and the
        scheduled numbers of the update to come.

        Raises DataError or ShapeError as fit does.
        """
        rows = self._checked(X, y, sample_weight)
        check_batches(self.recipe, len(rows))
        workspace = Workspace(self.backend, self.recipe)
        source = Resident(workspace, rows.arrays(self.state.dtype))
        batching = Batching(len(rows), len(rows), shuffle=False)
        session = BatchSession(self.recipe, self.state.aside(), workspace, source, batching)
        session.set_schedule(schedule_table(self.recipe, self.learning_rate, self.updates, 1))
        return session

    def _checked(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        name: str = "",
        names: tuple[str, ...] | None = None,
    ) -> Rows:
        if self.preprocessing is not None and are_raw(self.preprocessing, X):
            y = class_indices(self.preprocessing, y)
        return checked_rows(self.recipe, self.backend, self._features(X, name, names), y, sample_weight, name)

    def _features(self, X: ArrayLike, name: str = "", names: tuple[str, ...] | None = None) -> ArrayLike:
        """X as the network takes it: raw rows go through `preprocessing`."""
        if self.preprocessing is not None and are_raw(self.preprocessing, X):
            return self.preprocessing.features(X, "float64" if self.dtype == "float64" else "float32")
        check_feature_names(names or self.feature_names, X, f"{name}X")
        return X

    # -- prediction --------------------------------------------------------------------------------------------------

    @overload
    def predict(self, X: npt.ArrayLike) -> np.ndarray: ...

    @overload
    def predict(self, X: OnGpu) -> Array: ...

    def predict(self, X: ArrayLike) -> Array:
        """Outputs (n, k) after the loss's output activation, also (n, 1) for one output: compare a[:, 0] with y of shape (n,).

        NumPy in, NumPy out; CuPy in, CuPy out on a GPU.
        """
        self._check_finite("predict")
        X = self._features(X)
        with self.backend.context():
            return self._evaluator.predict(checked_features(self.recipe, self.backend, X))

    def predict_labels(self, X: ArrayLike) -> np.ndarray:
        """Classes: argmax of the outputs, or outputs >= ½ for BinaryCrossEntropy.  DataError for a regression loss."""
        self.loss.labels(np.zeros((1, self.model.output_width)))  # raises before the work for a loss without classes
        labels = self.loss.labels(to_host(self.predict(X)))
        if self.preprocessing is not None and are_raw(self.preprocessing, X):
            return as_spelled(self.preprocessing, labels)
        return labels

    def evaluate(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> dict[str, float]:
        """{"loss": …, "accuracy": …}, or {"loss": …, "rmse": …} for a regression loss; label smoothing is off.

        Where rows have several labels, accuracy is the share of rows of which all labels are right (exact match).
        Classes are those of the logits; where outputs are equal only after rounding, predict_labels may choose another.
        """
        self._check_finite("evaluate")
        with self.backend.context():
            return self._evaluator.evaluate(self._checked(X, y, sample_weight))

    def _check_finite(self, what: str) -> None:
        """Raise DivergenceError where parameters are NaN or infinite, unless the user allows that."""
        if self.allow_nonfinite or (self._finite and self.running is None):
            return
        with self.backend.context():
            self._finite = self.state.finite()
        if not self._finite:
            raise DivergenceError(
                f"{what}: parameters are NaN or infinite, since training diverged; load a checkpoint or call reset(), "
                f"or set trainer.allow_nonfinite = True to {what} all the same"
            )

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write model, loss, optimizer, parameters, slots, position and history to a safetensors file, in one move.

        In a callback of fit, inside an epoch too: the file holds the place in it and the state of all callbacks.  Another
        thread that saves during a fit waits for the end of a chunk.
        A schedule that is a plain function is not stored; give it again after loading.  Raises CheckpointError if the file
        cannot be written, DivergenceError for parameters that are not finite; a file of that name is then as it was.
        """
        with self._lock:
            self._check_finite("save")
            found = self._checkpoint()
        found.write(path)

    def _checkpoint(self) -> Checkpoint:
        options.check_preprocessing(self.preprocessing, self.model.input_width)
        device, slots = self.backend.device, self.optimizer.slots
        with self._lock, self.backend.context():
            for slot in slots if self.updates else ():
                self.state.slot(slot)  # of an optimizer that was set after the last update, 0 so far
            # copies: training may go on before they are written
            arrays = {name: to_host(view).copy() for name, view in self.state.arrays(slots)}
            counters = {name: self.state.counter(name).tolist() for name in ("progress", "scaling")}
            return Checkpoint(
                self.recipe, arrays, counters, self.position, self.learning_rate, self.history.as_dict(),
                self._resumed_from or self._run_by(), self.matmul_precision,
                self._listeners.states() if self._listeners else self._callbacks,
                self.preprocessing, device.algorithms.facts() if device else self._algorithms, self.feature_names,
            )  # fmt: skip

    def _run_by(self) -> dict[str, str]:
        return run_by(self.backend, self.step if self.recipe.parameters.trainable else None)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str | Backend = "cpu",
        graph: bool = True,
        custom_objects: Custom | None = None,
    ) -> Trainer:
        """The trainer that was saved, on any device; `graph` as in Trainer.

        path             a file, or the folder of a run: then its best checkpoint
        custom_objects   classes of layers, losses, optimizers and schedules, and functions, that are not part of dlcore, by name

        A warning tells at the next fit if its bits may differ from those of a run that was not interrupted: on another kind of
        device, by another executor or BLAS.  Raises CheckpointError for a file that is torn, altered or foreign.
        """
        check("", FLAG, graph=graph)
        path = file_of(path)
        found = Checkpoint.read(path, custom_objects)
        try:
            return cls._of(found, Backend.for_device(device, found.matmul_precision), graph, path)
        except FAILURES as error:
            raise CheckpointError(f"{path}: its parts do not fit together: {error!r}") from error

    @classmethod
    def _of(cls, found: Checkpoint, backend: Backend, graph: bool, path: str | os.PathLike[str]) -> Trainer:
        recipe = found.recipe
        trainer = cls(
            recipe.model, recipe.loss, recipe.optimizer, device=backend, dtype=dtype_for(backend, recipe.dtype, path),
            seed=recipe.seed, matmul_precision=found.matmul_precision, graph=graph,
        )  # fmt: skip
        trainer._restore(found)
        return trainer

    def __reduce__(self) -> tuple[Callable[..., Trainer], tuple[Checkpoint, str]]:
        """For pickle, copy and joblib: everything that a file holds.  A GPU's trainer comes back on the CPU where there is no GPU."""
        return _unpickled, (self._checkpoint(), self.device)

    def _restore(self, found: Checkpoint) -> None:
        with self.backend.context():
            self.state.restore(found.arrays, self.optimizer.slots)
            if self.dtype != found.recipe.dtype == SCALED and self.state.sums:  # accumulated gradients are scaled there
                self.state.divide_sums(found.counters["scaling"][0])
            for name, values in found.counters.items():
                self.state.set_counter(name, np.array(values))
        self.history = History(found.history, all_labels=asks_for_all_labels(self.recipe))
        self.learning_rate = found.learning_rate
        self._position, self._callbacks = found.position, found.callbacks
        self._resumed_from = {**found.run_by, "dtype": found.recipe.dtype}
        self._algorithms, self.preprocessing = found.algorithms, found.preprocessing
        self.feature_names = found.feature_names
        if self.backend.device:
            self.backend.device.algorithms.hint(found.algorithms)


def _unpickled(found: Checkpoint, device: str) -> Trainer:
    try:
        backend = Backend.for_device(device, found.matmul_precision)
    except DeviceError:
        backend = Backend.for_device("cpu")
    return Trainer._of(found, backend, True, "a copy of a trainer")
