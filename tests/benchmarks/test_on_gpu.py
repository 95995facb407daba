"""on_gpu.sh where there is no GPU, and what it does with parts that fail or hang, beside a python that only pretends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import probe_epilogues
import pytest
import record

from dlcore.backends.backend import Backend
from dlcore.errors import DeviceError

from ..kernels.cuda.emulation import EmulatedDevice
from ..kernels.cuda.mock_cublaslt import Epilogue, MockCublasLt

SCRIPT = Path(record.__file__).with_name("on_gpu.sh")
# finds every module and a GPU; epilogues fail, peers hang, all else prints a line
PRETENDS = """#!/bin/sh
case "$*" in
    *probe_epilogues*) echo no such library; exit 3 ;;
    *time_peers*) exec sleep 60 ;;
    -c*) ;;
    *) echo "a line of $1 $2" ;;
esac
"""


def start(*arguments: object, first_on_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = [str(first_on_path or Path(sys.executable).parent), os.environ["PATH"]]
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    env = {**os.environ, "PATH": os.pathsep.join(path)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=100)


def test_the_parts_are_listed() -> None:
    """All together have the 9 minutes, and each names its limit."""
    result = start("--list")
    parts = [line.split()[0] for line in result.stdout.splitlines() if " at most " in line]
    assert set(parts) == {
        "info", "epilogues", "tests", "time_step", "time_peers_3", "time_peers_5", "time_peers_6", "time_kernels", "devices",
        "memcheck", "racecheck",
    }  # fmt: skip
    limits = [int(line.split(" at most ")[1].split()[0]) for line in result.stdout.splitlines() if " at most " in line]
    assert sum(limits) <= 9 * 60 - 10  # what the last part may take to end
    assert result.returncode == 0


def test_without_a_gpu_it_says_what_is_missing(tmp_path: Path) -> None:
    try:
        Backend.for_device("cuda")
    except DeviceError:
        result = start(tmp_path / "results")
        assert result.returncode == 1
        assert "nothing was run: " in result.stderr
        assert "cupy" in result.stderr or "GPU" in result.stderr
        assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("arguments", [(), ("--sceonds", "3"), ("--seconds", "x", "out"), (".",), ("a", "b")])
def test_wrong_usage_is_said(arguments: tuple[str, ...]) -> None:
    result = start(*arguments)
    assert result.returncode == 2
    assert "usage: benchmarks/on_gpu.sh FOLDER" in result.stderr


def test_a_part_that_fails_or_hangs_does_not_stop_the_others(tmp_path: Path) -> None:
    """Of a run of 2 s: what failed, what hung, what came in time, and what had no time left."""
    pretended, out = tmp_path / "bin", tmp_path / "results"
    pretended.mkdir()
    (pretended / "python").write_text(PRETENDS)
    (pretended / "python").chmod(0o755)
    result = start(out, "--seconds", "2", first_on_path=pretended)
    outcomes = {row["part"]: row["outcome"] for row in json.loads((out / "summary.json").read_text())}
    assert outcomes["info"] == outcomes["tests"] == outcomes["time_step"] == "passed"
    assert outcomes["epilogues"] == "FAILED with exit code 3"
    assert outcomes["time_peers_3"].startswith("stopped after its ")
    assert outcomes["time_kernels"] == outcomes["devices"] == "no time was left"
    assert result.returncode == 1
    assert (out / "info.log").read_text() == "a line of -m dlcore\n"
    summary = (out / "summary.md").read_text()
    assert "| epilogues | FAILED with exit code 3 |" in summary
    assert "no such library" in summary


def test_single_parts_have_all_the_time(tmp_path: Path) -> None:
    """What was mended, or did not come to its end, is run again by itself."""
    pretended, out = tmp_path / "bin", tmp_path / "results"
    pretended.mkdir()
    (pretended / "python").write_text(PRETENDS.replace("-c*) ;;", "-c*) echo a warning >&2 ;;"))
    (pretended / "python").chmod(0o755)
    result = start(out, "--only", "tests devices", first_on_path=pretended)
    outcomes = {row["part"]: row["outcome"] for row in json.loads((out / "summary.json").read_text())}
    assert outcomes == {"tests": "passed", "devices": "passed"}
    assert result.returncode == 0
    assert "names no part" in start(out / "more", "--only", "device", first_on_path=pretended).stderr
    assert "at most  77 s" in start("--list", "--only", "devices", "--seconds", "77").stdout


def test_the_probe_finds_what_a_library_offers() -> None:
    """Against the mock: all is right but that its ReLU keeps a NaN or not as it is told, and what it refuses is not offered."""
    pytest.importorskip("ml_dtypes")
    library = LosesNaN((Epilogue.BGRADB,))
    rows = probe_epilogues.probe(library, EmulatedDevice(library))
    words = {(row["dtype"], row["epilogue"]): probe_epilogues.word(row) for row in rows}
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        assert words.pop((dtype, "BGRADB")) == "-"
        assert words.pop((dtype, "RELU_BIAS")) == "right, NaN lost"
    assert set(words.values()) == {"right"}, rows
    assert "| RELU_BIAS | right, NaN lost |" in probe_epilogues.table(rows)


class LosesNaN(MockCublasLt):
    """Whose ReLU makes 0 of a NaN, as NVIDIA's does."""

    def _epilogue(self, settings, left, right, dtype):  # type: ignore[no-untyped-def]
        result = super()._epilogue(settings, left, right, dtype)
        if Epilogue.RELU_BIAS in settings.values():
            result[result != result] = 0
        return result
