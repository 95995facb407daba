"""Arrays that live on a device: what a trainer takes from there, leaves there, and brings to the host.

No GPU takes part.  A namespace hands out arrays that look as CuPy's do (`__cuda_array_interface__`, `get`) and that refuse,
as CuPy's do, to become NumPy arrays by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import from_namespace

N, COLUMNS = 30, 4
X = np.random.default_rng(0).standard_normal((N, COLUMNS))
Y = np.random.default_rng(1).integers(0, 3, N)
MODEL = dl.Sequential(
    dl.Dense(COLUMNS, 6, bias=False),  # a bias here has gradient 0, of which Adam amplifies the rounding
    dl.BatchNorm(6),
    dl.ReLU(),
    dl.Dropout(0.2),
    dl.Dense(6, 3),
)


class DeviceArray(np.ndarray):
    """An array on the pretended device."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (0, False), "version": 3}

    def get(self) -> np.ndarray:
        return self.view(np.ndarray).copy()

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed; use get()")


class DeviceNamespace:
    """NumPy's functions, whose arrays are on the device."""

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name)
        if isinstance(function, type) or not callable(function):
            return function

        def call(*arguments: Any, **options: Any) -> Any:
            return placed(function(*arguments, **options))

        return call

    @staticmethod
    def asarray(value: Any, **options: Any) -> Any:
        return value if isinstance(value, DeviceArray) and not options else placed(np.array(value, **options))


def placed(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(placed(each) for each in result)
    return np.asanyarray(result).view(DeviceArray) if isinstance(result, (np.ndarray, np.generic)) else result


DEVICE = from_namespace(DeviceNamespace(), "pretended")


def on_device(array: np.ndarray) -> DeviceArray:
    return array.copy().view(DeviceArray)


def make(device: Any, dtype: str = "float64") -> dl.Trainer:
    return dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), device=device, dtype=dtype, seed=3)


def train(trainer: dl.Trainer, X: Any, y: Any, w: Any) -> dl.Trainer:
    trainer.fit(X, y, epochs=3, batch_size=8, sample_weight=w, validation=(X, y))
    return trainer


@pytest.mark.parametrize("place", [np.asarray, on_device], ids=["from the host", "from the device"])
def test_training_is_that_of_the_cpu(place: Any) -> None:
    """The same weights and history to 1e-12, wherever the data came from."""
    w = np.random.default_rng(2).uniform(0.5, 2, N)
    ours, theirs = train(make(DEVICE), place(X), place(Y), place(w)), train(make("cpu"), X, Y, w)
    for p, q in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert type(p) is np.ndarray
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.history["val_loss"], theirs.history["val_loss"], atol=1e-12)


def test_predictions_stay_where_the_rows_are() -> None:
    """Device arrays in, device arrays out; NumPy in, NumPy out; labels are NumPy's."""
    trainer = make(DEVICE)
    there, here = trainer.predict(on_device(X)), trainer.predict(X)
    assert type(there) is DeviceArray
    assert type(here) is np.ndarray
    assert np.array_equal(there.get(), here)
    assert np.array_equal(trainer.predict_labels(on_device(X)), trainer.predict_labels(X))


def test_a_run_moves_between_devices(tmp_path: Any) -> None:
    """Saved on the device, loaded on the CPU, and the other way round: the same predictions."""
    for one, other in ((DEVICE, "cpu"), ("cpu", DEVICE)):
        trainer = train(make(one), X, Y, None)
        trainer.save(tmp_path / "run.safetensors")
        loaded = dl.Trainer.load(tmp_path / "run.safetensors", device=other)
        np.testing.assert_allclose(loaded.predict(X), trainer.predict(X), rtol=0, atol=1e-12)


def test_arrays_of_another_library_on_a_gpu_are_refused() -> None:
    """PyTorch's have no get(), and dtypes of their own: what to write instead is said."""

    class Tensor:
        __cuda_array_interface__ = None

    backend = from_namespace(DeviceNamespace(), "device")
    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.SGD(0.1), device=backend)
    with pytest.raises(dl.DataError, match=r"X is a tests array on a GPU; give cupy.asarray\(X\)"):
        trainer.fit(Tensor(), Y)
    with pytest.raises(dl.DataError, match="y"):
        trainer.fit(X.view(DeviceArray), Tensor())


def test_bad_rows_on_the_device_are_refused() -> None:
    """NaN is found there too, and a CPU trainer does not take device arrays."""
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(dl.DataError, match="NaN or infinity"):
        make(DEVICE).predict(on_device(bad))
    bad[3, 1] = -4e38
    with pytest.raises(dl.DataError, match=r"holds 4e\+38, and float32 at most 3.4"):
        make(DEVICE, dtype="float32").predict(on_device(bad))
    with pytest.raises(dl.DataError, match="lives on a GPU"):
        make("cpu").predict(on_device(X))
