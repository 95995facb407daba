"""Running commands in tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dlcore as dl
from dlcore.app.cli import main

SMALL = ["train", "digits", "--device", "cpu", "--hidden", "32", "--no-progress"]


def fails(capsys, code, *words):
    """The message of a command that must end with this code and one line on stderr."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("dlcore: error: ")
    assert err.count("\n") == 1
    return err


def a_process(*words, **more):
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words],
        env=environment | more.pop("env", {}),
        **{"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more,
    )


def wait_for_an_epoch(out):
    metrics, end = out / "metrics.jsonl", time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size):
        assert time.monotonic() < end, "no epoch was finished in a minute"
        time.sleep(0.01)
