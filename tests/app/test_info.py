"""The description of the machine."""

import sys
from types import SimpleNamespace

import pytest

import dlcore as dl
from dlcore.app import info
from dlcore.backends import backend
from dlcore.backends.executors import REPLAY
from dlcore.kernels import blas
from dlcore.kernels.table import KernelTable


def test_facts_are_complete_on_any_machine():
    facts = info.collect()
    assert facts["versions"]["dlcore"] == dl.__version__
    assert facts["machine"]["cores_usable"] >= 1
    assert set(facts["blas"]) == {"library", "version", "kernel", "threads"}
    assert isinstance(facts["cuda"]["usable"], bool)


def test_a_missing_cupy_is_named_with_the_command(monkeypatch):
    backend._cuda.cache_clear()
    monkeypatch.setitem(sys.modules, "cupy", None)
    cuda = info.collect()["cuda"]
    assert cuda["usable"] is False
    assert 'pip install "cupy-cuda' in cuda["reason"]


def test_without_numba_the_reason_is_named(monkeypatch):
    kernels = KernelTable({}, "cpu", lambda calls: REPLAY, f"numba cannot be imported; {backend.NUMBA_COMMAND}")
    slow = backend.Backend("cpu", None, kernels)
    monkeypatch.setattr(backend, "_cpu", lambda: slow)
    assert info.collect()["kernels"] == {
        "cpu": f"reference only: numba cannot be imported; {backend.NUMBA_COMMAND}",
        "cache_folder": None,
    }


def test_a_broken_cuda_installation_is_reported(monkeypatch):
    def broken(number, matmul_precision):
        raise OSError("libcuda.so.1: file too short")

    monkeypatch.setattr(backend, "_cuda", broken)
    cuda = info.collect()["cuda"]
    assert (cuda["usable"], cuda["reason"]) == (False, "OSError: libcuda.so.1: file too short")


def test_a_blas_that_threadpoolctl_does_not_know(monkeypatch):
    monkeypatch.setattr(blas, "_libraries", lambda: SimpleNamespace(lib_controllers=[]))
    assert info.collect()["blas"]["threads"] is None


@pytest.mark.parametrize(("value", "shown"), [(None, "unknown"), (True, "yes"), (False, "no"), (1, "1"), ("x", "x")])
def test_the_report_says_it_in_words(value, shown):
    assert info.report({"blas": {"some_fact": value}}) == f"blas\n  some fact         {shown}"
