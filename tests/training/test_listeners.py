"""Callbacks across interruptions: who was told, what was decided, and what a file says of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .runs import everything, same_bits

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((30, 4)), RANDOM.integers(0, 3, 30)
HELD_OUT = RANDOM.standard_normal((12, 4)), RANDOM.integers(0, 3, 12)
CHANCE = dl.Sequential(dl.Dense(4, 12), dl.ReLU(), dl.Dropout(0.3), dl.Dense(12, 3))


class Stop(Exception):
    """An interruption."""


class At(dl.Callback):
    """Chunks of one step; does something at the end of one chunk, or of one epoch."""

    def __init__(self, do: Callable[[dl.Trainer], Any], chunk: int = 0, epoch: int = 0) -> None:
        self.do, self.chunk, self.epoch, self.seen = do, chunk, epoch, 0

    def on_chunk_end(self, trainer: dl.Trainer) -> None:
        trainer.pace.steps = 1
        self.seen += 1
        if self.seen == self.chunk:
            self.do(trainer)

    def on_epoch_end(self, trainer: dl.Trainer, logs: Mapping[str, float]) -> None:
        if trainer.epoch == self.epoch:
            self.do(trainer)


def stop(trainer: dl.Trainer) -> None:
    raise Stop


def make(optimizer: dl.Optimizer = dl.Adam(0.05)) -> dl.Trainer:  # noqa: B008
    trainer = dl.Trainer(CHANCE, dl.SoftmaxCrossEntropy(), optimizer, dtype="float64", seed=1)
    trainer.pace.steps = 1
    return trainer


def fit(trainer: dl.Trainer, *callbacks: dl.Callback, epochs: int = 9, resume: bool = False, **options: Any) -> None:
    options = {"batch_size": 8, "validation": HELD_OUT} | options
    trainer.fit(X, Y, epochs=epochs, callbacks=callbacks, resume=resume, **options)


@pytest.mark.parametrize("where", [{"chunk": 10}, {"epoch": 3}], ids=str)
def test_a_run_that_was_interrupted_goes_on_as_it_was(where: dict[str, int], tmp_path: Path) -> None:
    """In the same process, with EarlyStopping: the best weights came back only at the end, and decisions are the same."""
    whole, halves = make(), make()
    early, other = dl.EarlyStopping("val_loss", patience=3), dl.EarlyStopping("val_loss", patience=3)
    fit(whole, early)
    with pytest.raises(Stop):
        fit(halves, At(stop, **where), other)
    assert not halves.finished
    fit(halves, other, resume=True)
    assert everything(halves, tmp_path) == everything(whole, tmp_path)
    assert (other.best_epoch, other.stopped) == (early.best_epoch, early.stopped)


def test_a_fit_that_cannot_begin_forgets_nothing(tmp_path: Path) -> None:
    """A misspelled monitor, then the right one: the decisions of the saved run are still there."""
    run, path = make(), tmp_path / "run.safetensors"
    with pytest.raises(Stop):
        fit(run, dl.EarlyStopping("val_loss"), At(lambda t: (t.save(path), stop(t)), chunk=9))
    loaded, early = dl.Trainer.load(path), dl.EarlyStopping("val_loss")
    with pytest.raises(dl.ConfigurationError, match="vall_loss"):
        fit(loaded, dl.EarlyStopping("vall_loss"), resume=True)
    fit(loaded, early, epochs=2, resume=True)
    assert early.best_epoch > 0
    assert early.best < np.inf


def test_a_run_that_a_callback_stopped_stays_stopped(tmp_path: Path) -> None:
    """However often it is resumed, and also from a file; without that callback it goes on."""
    run = make()
    early = dl.EarlyStopping("val_loss", patience=1)
    fit(run, early)
    assert early.stopped
    epoch = run.epoch
    run.save(tmp_path / "run.safetensors")
    loaded, again = dl.Trainer.load(tmp_path / "run.safetensors"), dl.EarlyStopping("val_loss", patience=1)
    for _ in range(2):
        fit(loaded, again, epochs=99, resume=True)
        assert (loaded.epoch, again.stopped) == (epoch, True)
    with pytest.warns(UserWarning, match="without EarlyStopping"):
        fit(loaded, epochs=epoch + 1, resume=True)
    assert loaded.epoch == epoch + 1


def test_states_go_to_callbacks_that_watch_the_same_number(tmp_path: Path) -> None:
    """Two of a class in another order."""
    run, path = make(), tmp_path / "run.safetensors"
    one, two = dl.EarlyStopping("val_loss", patience=9), dl.EarlyStopping("loss", patience=9)
    fit(run, one, two, epochs=2)
    run.save(path)
    loaded = dl.Trainer.load(path)
    first, second = dl.EarlyStopping("loss", patience=9), dl.EarlyStopping("val_loss", patience=9)
    fit(loaded, first, second, epochs=2, resume=True)
    assert (first.best, second.best) == (two.best, one.best)


def test_new_callbacks_are_named_and_told_of_what_comes(tmp_path: Path) -> None:
    run = make()
    fit(run, epochs=2)
    early = dl.EarlyStopping("val_loss")
    with pytest.warns(UserWarning, match="with EarlyStopping, whose state was not"):
        fit(run, early, epochs=3, resume=True)
    assert early.best_epoch == 3


def test_an_epoch_whose_number_is_nan_is_told_of_later(tmp_path: Path) -> None:
    """A file written before the callback that watches it."""
    path, run = tmp_path / "run.safetensors", make()
    held_out = np.full((3, 4), 1e308), np.zeros(3, int)  # outputs that are infinite have no loss
    with pytest.raises(Stop):
        fit(run, At(lambda t: (t.save(path), stop(t)), epoch=1), dl.EarlyStopping(), validation=held_out)
    assert np.isnan(run.history["val_loss"][0])
    early = dl.EarlyStopping()
    fit(dl.Trainer.load(path), early, epochs=1, resume=True, validation=held_out)
    assert early.waited == 1


class Odd(dl.Callback):
    """Its state is anything."""

    def __init__(self, state: Any) -> None:
        self.given, self.loaded = state, None

    def state(self) -> Any:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.loaded = state


@pytest.mark.parametrize(
    "state",
    [None, [1], {"x": object()}, {1: 2}, {"x": np.array(["a"])}, {"x": {"$array": 3}}, {"x": {1, 2}}],
    ids=lambda state: repr(state)[:12],
)
def test_a_state_that_no_file_can_hold_is_refused(state: Any, tmp_path: Path) -> None:
    """The error names the callback, and the file of before is left."""
    path, run = tmp_path / "run.safetensors", make()
    run.save(path)
    before = path.read_bytes()
    with pytest.raises(dl.CheckpointError, match=r"Odd\.state\(\)"):
        fit(run, Odd(state), At(lambda t: t.save(path), chunk=1), epochs=1)
    assert path.read_bytes() == before


def test_states_come_back_as_they_were(tmp_path: Path) -> None:
    """Arrays of any shape, NumPy's numbers, what is nested."""
    state = {
        "scalar": np.array(2.5), "empty": np.zeros((0, 3)), "a/b": np.arange(3), "a": {"b": [np.eye(2), None]},
        "number": np.float32(0.5), "count": np.int64(7), "flag": np.True_, "array": {"array": 1.5},
    }  # fmt: skip
    run = make()
    fit(run, Odd(state), epochs=1)
    run.save(tmp_path / "run.safetensors")
    loaded = Odd({})
    fit(dl.Trainer.load(tmp_path / "run.safetensors"), loaded, epochs=1, resume=True)
    found: Any = loaded.loaded
    assert found["scalar"].shape == ()
    assert found["empty"].shape == (0, 3)
    assert np.array_equal(found["a"]["b"][0], np.eye(2))
    assert [found[name] for name in ("number", "count", "flag", "array")] == [0.5, 7, True, {"array": 1.5}]


def test_a_callback_that_fails_to_tell_its_state_locks_nothing() -> None:
    run = make()
    with pytest.raises(OSError, match="no state"):
        fit(run, Odd(OSError("no state")), epochs=1)
    fit(run, epochs=1)
    assert run.epoch == 2


# -- what may not be done while fit is going on --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "do", [lambda t: setattr(t, "optimizer", dl.SGD(0.1)), lambda t: t.reset()], ids=["optimizer", "reset"]
)
def test_what_fit_has_recorded_is_not_changed_under_it(do: Callable[[dl.Trainer], Any]) -> None:
    with pytest.raises(dl.ConfigurationError, match="during fit"):
        fit(make(), At(do, chunk=2), epochs=1)


def test_one_fit_at_a_time() -> None:
    """Of many threads one trains, and the others are refused; the run is that of one alone."""
    run, alone, refused = make(), make(), []

    def train() -> None:
        try:
            fit(run, epochs=3)
        except dl.ConfigurationError:
            refused.append(1)

    threads = [threading.Thread(target=train) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fit(alone, epochs=3 * (6 - len(refused)))
    assert same_bits(run.get_weights(), alone.get_weights())


def test_a_file_that_another_thread_writes_is_whole(tmp_path: Path) -> None:
    """Saved again and again while fit runs, in chunks of many steps: each file goes on to the same end."""
    whole, run, files = make(), make(), []
    fit(whole, epochs=40)
    done = threading.Event()

    def save() -> None:
        while not done.is_set():
            files.append(tmp_path / f"{len(files)}.safetensors")
            run.save(files[-1])

    thread = threading.Thread(target=save)
    thread.start()
    run.pace.steps = 8
    fit(run, epochs=40)
    done.set()
    thread.join()
    for file in files[:: max(1, len(files) // 8)]:
        loaded = dl.Trainer.load(file)
        fit(loaded, epochs=40, resume=True)
        assert same_bits(loaded.get_weights(), whole.get_weights()), file
