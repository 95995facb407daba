"""What a trainer that was loaded says of how it is run now, if it was run otherwise before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend
from dlcore.kernels.blas import Blas
from dlcore.training import reproducibility

pytestmark = pytest.mark.skipif(
    Backend.for_device("cpu").kernels.executor([]).name != "worker", reason="there is no worker here"
)


def test_another_executor_is_told_of_when_training_goes_on(tmp_path: Path) -> None:
    """Not when a run is only looked at; once; also after a machine that did not train; and not where all is as it was."""
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    run.save(tmp_path / "untrained.safetensors")
    run.fit(X, y, epochs=1)
    run.save(tmp_path / "run.safetensors")
    dl.Trainer.load(tmp_path / "run.safetensors").fit(X, y, epochs=1)
    dl.Trainer.load(tmp_path / "untrained.safetensors", graph=False).fit(X, y, epochs=1)
    other = dl.Trainer.load(tmp_path / "run.safetensors", graph=False)
    other.evaluate(X, y)
    other.save(tmp_path / "looked at.safetensors")
    dl.Trainer.load(tmp_path / "looked at.safetensors").fit(X, y, epochs=1)
    with pytest.warns(UserWarning, match="resumed with executor 'replay', not 'worker': its bits may differ"):
        other.fit(X, y, epochs=1)
    assert other.step.executor.name == "replay"
    with pytest.raises(dl.ConfigurationError, match="graph='no', expected True or False"):
        dl.Trainer.load(tmp_path / "run.safetensors", graph="no")  # type: ignore[arg-type]
    other.fit(X, y, epochs=1)
    other.save(tmp_path / "other.safetensors")
    dl.Trainer.load(tmp_path / "other.safetensors", graph=False).fit(X, y, epochs=1)


def test_another_gpu_of_the_same_machine_is_not_told_of(recwarn: pytest.WarningsRecorder) -> None:
    """Its number says nothing of the bits; its kind does."""
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    run.fit(X, y, epochs=1)
    before = reproducibility.run_by(run.backend, run.step) | {"dtype": run.dtype}
    for device, warnings in (("cpu:1", 0), ("cuda:1", 1)):
        run._resumed_from = before | {"device": device}
        run.fit(X, y, epochs=1)
        assert len(recwarn) == warnings


def test_another_blas_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, version and kernels, as the file has them."""
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.Adam(0.01))
    run.fit(X, y, epochs=1)
    monkeypatch.setattr(reproducibility, "numpys_blas", lambda: Blas("mkl", "2026.0", "avx512", 1))
    run.save(tmp_path / "run.safetensors")
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="resumed with blas '.*', not 'mkl 2026.0 avx512'"):
        dl.Trainer.load(tmp_path / "run.safetensors").fit(X, y, epochs=1)


def test_a_trainer_saved_after_its_optimizer_was_replaced_can_be_loaded(tmp_path: Path) -> None:
    """The slots of the new one are 0 until it makes an update."""
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.01, momentum=0.9))
    run.fit(X, y, epochs=1)
    run.optimizer = dl.Adam(0.01)
    run.save(tmp_path / "run.safetensors")
    again = dl.Trainer.load(tmp_path / "run.safetensors")
    for trainer in (run, again):
        trainer.fit(X, y, epochs=1)
    assert all(np.array_equal(a, b) for a, b in zip(run.get_weights(), again.get_weights(), strict=True))


def test_a_network_that_is_frozen_throughout_is_saved(tmp_path: Path) -> None:
    """It cannot be trained, and predicts as well as any."""
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 2, trainable=False), dl.ReLU()), dl.SquaredError(), dl.SGD(0.1))
    run.save(tmp_path / "run.safetensors")
    assert np.array_equal(dl.Trainer.load(tmp_path / "run.safetensors").predict(np.eye(3)), run.predict(np.eye(3)))
