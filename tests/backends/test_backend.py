"""The backend boundary: one device string in, a backend or one clear error out."""

import logging
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.arrays import to_host
from dlcore.backends import backend
from dlcore.backends.backend import Backend
from dlcore.backends.executors import HOST_REPLAY, WORKER
from dlcore.kernels import blas


@pytest.fixture
def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where CuPy is not installed."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    backend._cuda.cache_clear()


def _trainer(device: str | Backend) -> dl.Trainer:
    return dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1), device=device)


# -- device strings --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_cupy")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_without_cupy_names_the_command(device: str) -> None:
    """What came, what is missing, and the command that mends it, to be copied as it is."""
    with pytest.raises(dl.DeviceError, match="CuPy is not installed") as caught:
        _trainer(device)
    assert 'pip install "cupy-cuda13x[ctk]"' in str(caught.value)
    assert f"device='cuda:{device.partition(':')[2] or 0}'" in str(caught.value)
    assert caught.value.exit_code == 5


@pytest.mark.usefixtures("without_cupy")
def test_auto_says_in_one_line_that_it_uses_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dlcore"):
        trainer = _trainer("auto")
    assert trainer.device == "cpu"
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert "using the CPU" in message
    assert "CuPy is not installed" in message
    assert "\n" not in message


def test_cpu_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("numba")
    with caplog.at_level(logging.DEBUG, logger="dlcore"):
        assert _trainer("cpu").device == "cpu"
    assert caplog.records == []


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:x", "cuda:-1", "cuda:0:1", "cpu:0", "", "tpu", 0, None])
def test_unknown_device(device: object) -> None:
    """Anything else is refused, with what would be accepted."""
    with pytest.raises(dl.DeviceError, match="expected 'cpu', 'cuda', 'cuda:1' or 'auto'") as caught:
        Backend.for_device(device)  # type: ignore[arg-type]
    assert repr(device) in str(caught.value)


def test_device_error_is_also_a_runtime_error() -> None:
    with pytest.raises(RuntimeError):
        Backend.for_device("gpu")


def test_a_backend_is_its_own_device() -> None:
    """So a backend made by hand, such as reference kernels on another namespace, goes wherever a device string goes."""
    own = backend.from_namespace(np, "reference")
    assert Backend.for_device(own) is own
    assert _trainer(own).device == "reference"


def test_one_backend_for_one_device() -> None:
    assert Backend.for_device("cpu") is Backend.for_device("cpu")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "complex64", "double"])
def test_dtype_that_the_cpu_does_not_compute_in(dtype: str) -> None:
    with pytest.raises(dl.ConfigurationError, match="expected one of float32, float64"):
        Backend.for_device("cpu").check_dtype(dtype)


# -- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (1000,), (0, 4), (5, 3), (7, 1, 2)])
def test_zeros_begin_on_a_cache_line(shape: tuple[int, ...], dtype: str) -> None:
    """Of the shape and dtype asked for, zero, contiguous, writable, and on a 64-byte boundary."""
    array = Backend.for_device("cpu").zeros(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert not array.any()
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.ctypes.data % 64 == 0 or array.size == 0


def test_zeros_are_not_shared() -> None:
    one, other = (Backend.for_device("cpu").zeros((8,), "float32") for _ in range(2))
    one[:] = 1
    assert not other.any()


def test_asarray_does_not_copy() -> None:
    cpu, x = Backend.for_device("cpu"), np.arange(6.0)
    assert cpu.asarray(x) is x
    assert to_host(x) is x


# -- without numba ---------------------------------------------------------------------------------------------------

_WITHOUT_NUMBA = """
import sys

class NoNumba:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoNumba())
import numpy as np
import dlcore as dl
from dlcore.arrays import to_host

X = np.random.default_rng(0).normal(size=(200, 5))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
model = dl.Sequential(
    dl.Dense(5, 16), dl.BatchNorm(16), dl.ReLU(), dl.Dropout(0.1), dl.Residual(dl.Dense(16, 16), dl.Tanh(), dl.LayerNorm(16)),
    dl.PReLU(), dl.Dense(16, 2),
)
for optimizer in (dl.Adam(0.01), dl.SGD(0.1, momentum=0.9), dl.MovingAverageSGD(0.5, nesterov=True)):
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), optimizer)
    history = trainer.fit(X, y, epochs=30, batch_size=32)
    assert history["loss"][-1] < 0.7 * history["loss"][0], history["loss"]
    assert trainer.evaluate(X, y)["accuracy"] > 0.85
trainer.save("run.safetensors")
assert (dl.Trainer.load("run.safetensors").predict(X) == trainer.predict(X)).all()
assert dl.check_gradients(dl.Sequential(dl.Dense(5, 4), dl.GELU(), dl.Dense(4, 2)), dl.SoftmaxCrossEntropy(), X[:7], y[:7])
print(trainer.step)
"""


def test_without_numba_everything_works_with_one_hint(tmp_path: Path) -> None:
    """Training, prediction, files and gradient checks by the reference kernels; one hint, and the plan says so."""
    root = str(Path(dl.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", _WITHOUT_NUMBA],
        env={**os.environ, "PYTHONPATH": root}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    hint = result.stderr.splitlines()
    assert len(hint) == 1
    assert "reference kernels" in hint[0]
    assert backend.NUMBA_COMMAND in hint[0]
    plan = result.stdout.splitlines()
    calls = [line for line in plan if " -> " in line]
    assert len(calls) > 10
    assert all(line.split()[2] == "reference" for line in calls)
    assert plan[-1].startswith("reference kernels: numba cannot be imported")
    assert backend.NUMBA_COMMAND in plan[-1]


# what numba may change in the parts that are not public, and how the hint names it
CHANGES = {
    "a name is gone, seen when it is imported": (
        "del dispatcher._FunctionCompiler",
        r"cannot import name '_FunctionCompiler' from 'numba\.core\.dispatcher'",
    ),
    "a function takes other arguments, seen when something is compiled": (
        "dispatcher._FunctionCompiler.__init__ = lambda self, function: None",
        r"TypeError: .*positional argument",
    ),
    "a name is read no more, seen when its work is missing": (
        "codegen.JITCPUCodegen._library_class = property(lambda self: codegen.JITCodeLibrary, lambda self, kind: None, lambda self: None)",
        r"AttributeError: 'JITCodeLibrary' object has no attribute 'object_code'",
    ),
}
_CHANGED_NUMBA = """
import numba
import numba.core.codegen as codegen
import numba.core.dispatcher as dispatcher
numba.__version__ = "0.99.0"
{change}
import numpy as np
import dlcore as dl

X = np.random.default_rng(0).standard_normal((32, 3))
for _ in range(2):  # the second says nothing
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2), dl.ReLU(), dl.Dense(2, 1)), dl.SquaredError(), dl.Adam(0.01))
    losses = trainer.fit(X, X[:, :1], epochs=30, batch_size=8)["loss"]
    assert losses[-1] < losses[0]
    assert trainer.predict(X).shape == (32, 1)
print(trainer.step)
"""


@pytest.mark.parametrize("change", CHANGES)
def test_a_numba_with_other_private_parts_leaves_the_reference_kernels_and_one_hint(
    change: str, tmp_path: Path
) -> None:
    """It says what is missing, the version found, those tested, and the command that mends it; and everything works."""
    pytest.importorskip("numba")
    code, named = CHANGES[change]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", _CHANGED_NUMBA.format(change=code)],
        # a cache of its own: what is on disk is not compiled
        env={**os.environ, "PYTHONPATH": str(Path(dl.__file__).parents[1]), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    hint = result.stderr.splitlines()
    assert len(hint) == 1
    assert hint[0].startswith("dlcore uses its slower reference kernels: numba 0.99.0 cannot be used (")
    assert re.search(named, hint[0])
    assert hint[0].endswith(f"; dlcore was tested with numba {backend.NUMBA_TESTED}; {backend.NUMBA_COMMAND}")
    assert hint[0].partition(": ")[2] in result.stdout.splitlines()[-1]


def test_the_versions_of_numba_are_those_of_pyproject() -> None:
    """The command installs the range that the package asks for, which ends after the newest version that was tested."""
    page = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    words = [word.partition(";")[0] for word in page["project"]["dependencies"] if word.startswith("numba")]
    assert f'"{words[0]}"' in backend.NUMBA_COMMAND
    first, last = backend.NUMBA_TESTED.split(" to ")
    major, minor = last.split(".")
    assert words[0] == f"numba>={first},<{major}.{int(minor) + 1}"


def test_a_numba_whose_inside_has_changed_leaves_the_reference_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are compiled through parts of numba that other versions may rename: an attribute that is gone is no crash."""

    class Changed:
        def __getattr__(self, name: str) -> object:
            raise AttributeError(f"numba has no {name}")

    for name in [name for name in sys.modules if name.startswith("dlcore.kernels.cpu")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(dl.kernels, "cpu", raising=False)
    monkeypatch.setattr(pytest.importorskip("numba"), "config", Changed())
    kernels = backend._cpu.__wrapped__().kernels
    assert {kernel.source for kernel in kernels.values()} == {"reference"}


def test_overlapping_fits_restore_the_blas_threads() -> None:
    """Two small fits that begin and end in turn leave the process's number of BLAS threads as it was."""
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    blas._libraries.cache_clear()  # another test may have loaded one more BLAS since
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        first, second = HOST_REPLAY.limits(1.0), WORKER.limits(1.0)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        if before:
            assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before
