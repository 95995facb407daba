"""The live line of a terminal."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

import dlcore as dl

X = np.linspace(0, 1, 100, dtype=np.float32)[:, None]


def shown(monkeypatch, columns, **options):
    """What a terminal of so many columns has seen, without control sequences, from a fit of 3 epochs."""
    output = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=output, force_terminal=True, width=columns))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, 2 * X, epochs=3, batch_size=10, progress=True, **options)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()).replace("\r", "\n").splitlines()


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
        def __init__(self, *columns, console, disable):
            self.console, self.completed = console, []

        def add_task(self, description, total, **fields):
            self.total = total

        def update(self, task, completed=None, **fields):
            self.completed += [] if completed is None else [completed]

        def start(self):
            bars.append(self)

        stop = lambda self: None

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
