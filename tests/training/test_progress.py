"""The live line of a terminal."""

import io
import re
import sys

import numpy as np
import pytest
from rich.console import Console

import dlcore as dl

X = np.linspace(0, 1, 100, dtype=np.float32)[:, None]


def shown(monkeypatch, columns, **options):
    """The text, without control sequences, that a terminal of this width gets from a fit of 3 epochs."""
    output = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=output, force_terminal=True, width=columns))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, 2 * X, epochs=3, batch_size=10, progress=True, **options)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()).replace("\r", "\n").splitlines()


def a_fit(epochs=3, **options):
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, 2 * X, epochs=epochs, batch_size=10, progress=True, **options)
    return trainer


@pytest.mark.parametrize("columns", [1, 8, 20, 39, 40, 43])
def test_a_narrow_terminal_ends_no_run(monkeypatch, caplog, columns):
    lines = shown(monkeypatch, columns, validation=(X, 2 * X))
    assert max(map(len, lines)) <= columns
    assert caplog.messages == []


class Broken(io.StringIO):
    """A terminal of which the write number `works` + 1 and all that follow fail."""

    def __init__(self, works, error):
        super().__init__()
        self.works, self.error = works, error

    def write(self, text):
        self.works -= 1
        if self.works < 0:
            raise self.error
        return super().write(text)

    isatty = lambda self: True


@pytest.mark.parametrize("works", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error"),
        BrokenPipeError(32, "Broken pipe"),
        ValueError("I/O operation on closed file"),
        UnicodeEncodeError("ascii", "━", 0, 1, "ordinal not in range(128)"),
        IndexError("pop from empty list"),
        SystemExit(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_error_of_the_display_ends_a_run(monkeypatch, caplog, works, error):
    monkeypatch.setattr("dlcore.training.progress._PAUSE", -1.0)  # every chunk is drawn
    monkeypatch.setattr(sys, "stdout", Broken(10**9, None))  # terminals, which rich takes over while it draws
    monkeypatch.setattr(sys, "stderr", Broken(works, error))
    monkeypatch.setenv("FORCE_COLOR", "1")
    streams = sys.stdout, sys.stderr
    assert a_fit().epoch == 3
    assert (sys.stdout, sys.stderr) == streams
    (line,) = caplog.messages
    assert line.startswith(f"the progress line is off, training goes on: {type(error).__name__}: ")


def test_ctrl_c_while_drawing_is_no_error_of_the_display(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Broken(0, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        a_fit()


def test_what_a_callback_prints_goes_where_stdout_leads(monkeypatch, capsys):
    class Speaks(dl.Callback):
        def on_epoch_end(self, trainer, logs):
            print("an epoch")

    monkeypatch.setattr(sys, "stderr", Broken(10**9, None))
    a_fit(callbacks=[Speaks()])
    assert capsys.readouterr().out == "an epoch\n" * 3


@pytest.mark.parametrize("columns", [44, 60, 80, 120])
def test_the_time_left_is_whole_in_a_terminal_of_any_width(monkeypatch, columns):
    lines = shown(monkeypatch, columns, validation=(X, 2 * X))
    last = [line for line in lines if line.startswith("epoch")][-1]
    assert re.match(r"epoch 3/3 ━{16} .*0:00:00 left", last)
    assert len(last.rstrip()) <= columns
    assert ("val_rmse" in last) == (columns == 120)


def test_the_bar_moves_inside_an_epoch(monkeypatch):
    seen = []

    class Look(dl.Callback):
        def on_chunk_end(self, trainer):
            seen.append(trainer.updates)

    class Bar:
        def __init__(self, *columns, console, **options):
            self.console, self.completed = console, []

        def add_task(self, description, total, **fields):
            self.total = total

        def update(self, task, completed=None, **fields):
            self.completed += [] if completed is None else [completed]

        def start(self):
            bars.append(self)

        refresh = stop = lambda self: None

    bars = []
    monkeypatch.setattr("rich.progress.Progress", Bar)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, 2 * X, epochs=1, batch_size=10)
    trainer.fit(X, 2 * X, epochs=2, batch_size=10, accumulate=3, progress=True, callbacks=[Look()])
    (bar,) = bars
    assert bar.completed == [updates - 10 for updates in seen]
    assert bar.completed[-1] == bar.total == 8


def test_nothing_is_written_where_the_output_is_no_terminal(capsys):
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, 2 * X, epochs=2, progress=True)
    assert "".join(capsys.readouterr()) == ""


def test_the_live_line_says_where_all_labels_must_be_right(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=output, force_terminal=True, width=150))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 2)), dl.BinaryCrossEntropy(), dl.SGD(0.1))
    y = np.zeros((100, 2))
    trainer.fit(X, y, epochs=1, progress=True, validation=(X, y))
    assert "val_accuracy (all labels) " in output.getvalue()
