"""Where output goes: readers who leave, closed streams, full disks."""

import os
import sys

import pytest

from dlcore.app.cli import main

from .running import SMALL, a_process


@pytest.fixture
def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        yield pipe


@pytest.mark.parametrize("words", [["info"], ["--help"]])
def test_a_reader_who_left_is_no_error(capsys, monkeypatch, closed_pipe, words):
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    assert main(words) == 141
    assert capsys.readouterr().err == ""


def test_training_goes_on_when_nobody_reads_the_messages(capsys, monkeypatch, closed_pipe, tmp_path):
    monkeypatch.setattr(sys, "stderr", closed_pipe)
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_streams_may_be_closed_from_the_beginning(monkeypatch, stream):
    monkeypatch.setattr(sys, stream, None)
    assert main([*SMALL, "--epochs", "1"]) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["info"]])
def test_output_on_a_full_disk_is_code_4(words):
    with open("/dev/full", "w") as full, a_process("-m", "dlcore", *words, stdout=full) as process:
        err = process.stderr.read()
    assert (process.returncode, err) == (4, "dlcore: error: output: No space left on device\n")
