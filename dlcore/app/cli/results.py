"""The results of a run: the summary, pictures, a table on the terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from ... import plotting
from ...data.dataset import DataSet
from ...training.figures import shown
from ...training.metrics import confusion_matrix
from ...training.trainer import Trainer
from ..runs import RunDirectory
from .rows import Rows

if TYPE_CHECKING:
    from rich.table import Table


class Summary(TypedDict, total=False):
    """Results of a run.  Losses are those of the final parameters."""

    device: str
    dtype: str
    epochs: int
    seconds: float  # of all steps, compiling included
    samples_per_second: float  # in the same time
    first_epoch_seconds: float  # the one with compiling
    train_loss: float
    test_loss: float
    test_accuracy: float
    test_rmse: float  # in units of the target
    rows_left_out: int


def summarize(trainer: Trainer, data: DataSet) -> Summary:
    seconds = trainer.history["seconds"]
    test = trainer.evaluate(data.X_test, data.y_test)
    summary: Summary = {
        "device": trainer.device,
        "dtype": trainer.dtype,
        "epochs": trainer.epoch,
        "seconds": sum(seconds),
        "samples_per_second": len(data.X) * len(seconds) / sum(seconds),
        "first_epoch_seconds": seconds[0],
        "train_loss": trainer.evaluate(data.X, data.y)["loss"],
        "test_loss": test["loss"],
    }
    if "rmse" in test:
        summary["test_rmse"] = test["rmse"] * data.scale
    else:
        summary["test_accuracy"] = test["accuracy"]
    if data.left_out:
        summary["rows_left_out"] = data.left_out
    return summary


def test_predictions(trainer: Trainer, data: DataSet) -> bytes:
    """test_predictions.csv: position, target and prediction of each test row, in units of the target."""
    rows = Rows.of_test(data)
    y = data.y_test if rows.classes else rows.in_units(data.y_test)
    return rows.predict(trainer).csv_with_targets(y).encode("utf-8", "replace")


def draw(directory: RunDirectory, trainer: Trainer, data: DataSet) -> None:
    """curves.png, and confusion_matrix.png or predicted_against_true.png of the test rows, where matplotlib is installed."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # a font without a character of a name draws a box
            for name, picture in _pictures(trainer, data):
                directory.write(f"{name}.png", picture)
    except ImportError:
        return


def _pictures(trainer: Trainer, data: DataSet) -> Iterator[tuple[str, bytes]]:
    yield "curves", plotting.png(plotting.curves(trainer.history))
    if data.classes:
        counts = confusion_matrix(data.y_test, trainer.predict_labels(data.X_test), len(data.classes))
        yield "confusion_matrix", plotting.png(plotting.confusion_matrix(counts, data.classes))
    else:
        predicted = trainer.predict(data.X_test)
        if predicted.shape[1] == 1:
            a, y = (
                data.center + data.scale * np.asarray(values, np.float64).reshape(-1)
                for values in (predicted, data.y_test)
            )
            yield "predicted_against_true", plotting.png(plotting.predicted_against_true(a, y, data.target))


def print_summary(summary: Summary) -> None:
    figures = {"train loss": summary["train_loss"], "test loss": summary["test_loss"]}
    if "test_accuracy" in summary:
        figures["test accuracy"] = summary["test_accuracy"]
    if "test_rmse" in summary:
        figures["test rmse"] = summary["test_rmse"]
    cells = {name: shown(name, value) for name, value in figures.items()}
    cells |= {"seconds": f"{summary['seconds']:.2f}", "samples/s": f"{summary['samples_per_second']:,.0f}"}
    print_table(cells)


def time_note(summary: Summary) -> str:
    """What seconds and samples/s count, where the first epoch, which compiles, says little about others; otherwise ""."""
    first, epochs = summary["first_epoch_seconds"], summary["epochs"]
    later = (summary["seconds"] - first) / max(epochs - 1, 1)
    if first < 3 * later or first < 0.1 or epochs < 2:
        return ""
    rate = summary["samples_per_second"] * summary["seconds"] / epochs / later
    return f"the first epoch, which compiles, took {first:.2f} of the {summary['seconds']:.2f} seconds; without it {rate:,.0f} samples/s"


def print_table(cells: Mapping[str, str]) -> None:
    """Print a row of values under their names."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for name in cells:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*cells.values())
    show(table)


def show(table: Table) -> None:
    """Print a rich table to stdout, by print(), which raises BrokenPipeError if the reader has gone."""
    from rich.console import Console

    needed = (
        Console(width=10_000).measure(table).minimum
    )  # in less width rich would cut numbers; a terminal only wraps lines
    console = Console(width=max(80, needed))
    with console.capture() as text:
        console.print(table)
    print(f"\n{text.get()}")
