"""Where output goes: readers who leave, closed streams, full disks."""

import csv
import io
import os
import re
import sys

import numpy as np
import pytest

from dlcore.app.cli import main
from dlcore.app.cli.arguments import decoded

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


# -- names that a terminal cannot show, or would obey --------------------------------------------------------------------

NAMES = ["größe", "\x1b[2Jred", "東京", "kind\x1b]0;title\x07"]  # of columns; the last is the target
CLASSES = ["groß €", "\x1b[31mklein\u202e"]
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A table whose names are not ASCII and hold what a terminal would obey, and a run on it."""
    path = tmp_path_factory.mktemp("odd")
    random = np.random.default_rng(0)
    with (path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        for a, b in random.normal(size=(60, 2)).round(3):
            writer.writerow([a, b, random.choice(["Köln", "東京"]), CLASSES[int(a > b)]])
    assert main(train_on(path / "t.csv", "--out", str(path / "run"))) == 0
    return path


def train_on(file, *more):
    return ["train", str(file), "--target", NAMES[-1], "--epochs", "1", "--hidden", "4", "--device", "cpu", *more]


def commands(odd):
    table, run = str(odd / "t.csv"), str(odd / "run")
    return {
        "train": train_on(table), "predict": ["predict", run, table], "evaluate": ["evaluate", run, table],
        "json": ["evaluate", run, table, "--json"], "init": ["init", "-", "--data", table, "--target", NAMES[-1]],
        "info": ["info"], "help": ["train", "--help"], "error": ["train", table, "--target", "kind"],
    }  # fmt: skip


class Terminal(io.TextIOWrapper):
    """A stream of bytes in one encoding, perhaps a terminal."""

    def __init__(self, encoding, errors="strict", tty=False):
        super().__init__(io.BytesIO(), encoding=encoding, errors=errors, newline="\n")
        self.tty = tty

    def isatty(self):
        return self.tty

    def seen(self):
        self.flush()
        return self.buffer.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("what", ["train", "predict", "evaluate", "json", "init", "info", "help", "error"])
def test_every_command_writes_in_every_encoding(odd, monkeypatch, encoding, what):
    out, err = Terminal(encoding), Terminal(encoding, "backslashreplace")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(commands(odd)[what]) == (3 if what == "error" else 0)
    assert out.errors == "strict"  # as it was
    if what == "predict":
        names = [f"probability_{name}" for name in sorted(CLASSES)]
        assert next(csv.reader(io.StringIO(out.seen().decode()))) == ["prediction", *names]
    else:
        assert not RAW.search(out.seen().decode("utf-8" if what == "init" else encoding))
    assert not RAW.search(err.seen().decode(encoding))


@pytest.mark.parametrize("what", ["train", "predict", "evaluate", "json", "init", "error"])
def test_no_name_reaches_a_terminal_as_a_command(odd, monkeypatch, what):
    monkeypatch.setenv("TERM", "dumb")  # then the library of the tables sends no commands of its own
    out, err = Terminal("utf-8", tty=True), Terminal("utf-8", tty=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main([*commands(odd)[what], "--debug"]) == (3 if what == "error" else 0)
    assert not RAW.search(out.seen().decode())
    assert not RAW.search(err.seen().decode().replace("\r", ""))


@pytest.mark.parametrize(
    "more", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_predictions_are_utf8_in_any_locale(odd, more):
    with a_process("-m", "dlcore", *commands(odd)["predict"], env=more, text=False) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert CLASSES[0] in out.decode()


def test_a_name_in_a_locale_without_it_is_read_as_utf8():
    assert decoded("größe".encode().decode("ascii", "surrogateescape")) == "größe"
    assert decoded("größe") == "größe"
    assert decoded("\udcff") == "\udcff"
