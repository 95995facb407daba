"""A trainer that was saved and loaded is the same trainer."""

from __future__ import annotations

from pathlib import Path

import pytest

import dlcore as dl

from .runs import CLASSES, COLUMNS, OPTIMIZERS, RICH, X, Y, everything, make, same_bits


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    """A loaded trainer is the saved one in every bit, and goes on as it would have."""
    trainer = make(RICH, OPTIMIZERS[name])
    trainer.fit(X, Y, epochs=2, batch_size=4)
    trainer.learning_rate *= 0.5
    trainer.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert (loaded.model, loaded.loss, loaded.optimizer) == (trainer.model, trainer.loss, trainer.optimizer)
    assert (loaded.seed, loaded.dtype) == (trainer.seed, trainer.dtype)
    assert everything(loaded, tmp_path) == everything(trainer, tmp_path)
    assert loaded.predict(X).tobytes() == trainer.predict(X).tobytes()
    for each in (trainer, loaded):
        each.fit(X, Y, epochs=2, batch_size=4)
    assert everything(loaded, tmp_path) == everything(trainer, tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_save_before_fit(dtype: str, tmp_path: Path) -> None:
    """A trainer that never trained is saved and loaded too."""
    trainer = make(dtype=dtype)
    trainer.save(tmp_path / "new.safetensors")
    loaded = dl.Trainer.load(tmp_path / "new.safetensors")
    for each in (trainer, loaded):
        each.fit(X, Y, epochs=1, batch_size=4)
    assert same_bits(loaded.get_weights(), trainer.get_weights())


def test_frozen_layers_are_saved(tmp_path: Path) -> None:
    """Also what is not trained comes back."""
    model = dl.Sequential(dl.Dense(COLUMNS, 4, trainable=False), dl.Tanh(), dl.Dense(4, CLASSES))
    trainer = make(model)
    trainer.set_weights([w + 1 for w in trainer.get_weights()])
    trainer.fit(X, Y, epochs=1)
    trainer.save(tmp_path / "run.safetensors")
    assert same_bits(dl.Trainer.load(tmp_path / "run.safetensors").get_weights(), trainer.get_weights())


def test_a_schedule_that_is_a_function_is_not_stored(tmp_path: Path) -> None:
    """Loading says so, and trains at a constant rate."""
    trainer = make(optimizer=dl.SGD(0.1, schedule=lambda step: 0.5))
    trainer.save(tmp_path / "run.safetensors")
    with pytest.warns(UserWarning, match="schedule"):
        loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert loaded.optimizer.schedule is None


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    """One clear error."""
    with pytest.raises(dl.CheckpointError, match="could not be written"):
        make().save(tmp_path / "missing" / "run.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle costs the new file, not the old one, and leaves no rubbish."""
    path = tmp_path / "run.safetensors"
    trainer = make()
    trainer.save(path)
    before = path.read_bytes()
    trainer.fit(X, Y, epochs=1)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(dl.CheckpointError, match="No space left"):
        trainer.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]
