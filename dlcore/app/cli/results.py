"""The results of a run: the summary, pictures, a table on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

import numpy as np

from ... import plotting
from ...data.dataset import DataSet
from ...training.metrics import confusion_matrix
from ...training.trainer import Trainer
from ..runs import RunDirectory


def summarize(trainer: Trainer, data: DataSet) -> dict[str, Any]:
    """Results of a run.  Losses are those of the final parameters."""
    seconds = trainer.history["seconds"]
    test = trainer.evaluate(data.X_test, data.y_test)
    if "rmse" in test:
        test["rmse"] *= data.scale  # in units of the target
    return {
        "device": trainer.device,
        "dtype": trainer.dtype,
        "epochs": trainer.epoch,
        "seconds": sum(seconds),  # of training, with compilation
        "samples_per_second": len(data.X)
        / median(seconds),  # the median leaves out compilation and hiccups of the machine
        "train_loss": trainer.evaluate(data.X, data.y)["loss"],
        **{f"test_{name}": value for name, value in test.items()},  # loss, and accuracy or rmse
        **({"rows_left_out": data.left_out} if data.left_out else {}),
    }


def draw(directory: RunDirectory, trainer: Trainer, data: DataSet) -> None:
    """curves.png, and confusion_matrix.png or predicted_against_true.png of the test rows, where matplotlib is installed."""
    try:
        for name, figure in _figures(trainer, data):
            directory.write(f"{name}.png", plotting.png(figure))
    except ImportError:
        return


def _figures(trainer: Trainer, data: DataSet) -> Iterator[tuple[str, Any]]:
    yield "curves", plotting.curves(trainer.history)
    if data.classes:
        counts = confusion_matrix(data.y_test, trainer.predict_labels(data.X_test), len(data.classes))
        yield "confusion_matrix", plotting.confusion_matrix(counts, data.classes)
    else:
        predicted = trainer.predict(data.X_test)
        if predicted.shape[1] == 1:
            a, y = (
                data.center + data.scale * np.asarray(values, np.float64).reshape(-1)
                for values in (predicted, data.y_test)
            )
            figure = plotting.predicted_against_true(a, y, data.target)
            yield "predicted_against_true", figure


def print_summary(summary: dict[str, Any]) -> None:
    cells = {
        "train loss": _short(summary["train_loss"]),
        "test loss": _short(summary["test_loss"]),
        **_test_metric(summary),
        "seconds": f"{summary['seconds']:.2f}",
        "samples/s": f"{summary['samples_per_second']:,.0f}",
    }
    print_table(cells)


def print_table(cells: Mapping[str, str]) -> None:
    """Print a row of values under their names."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for name in cells:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*cells.values())
    show(table)


def show(table: Any) -> None:
    """Print a rich table to stdout, by print(), which raises BrokenPipeError if the reader has gone."""
    from rich.console import Console

    needed = (
        Console(width=10_000).measure(table).minimum
    )  # in less width rich would cut numbers; a terminal only wraps lines
    console = Console(width=max(80, needed))
    with console.capture() as text:
        console.print(table)
    print(f"\n{text.get()}")


def _short(loss: float) -> str:
    return f"{loss:.4f}" if loss >= 0.01 else f"{loss:.2e}"


def _test_metric(summary: dict[str, Any]) -> dict[str, str]:
    if "test_accuracy" in summary:
        return {"test accuracy": f"{summary['test_accuracy']:.2%}"}
    return {"test rmse": f"{summary['test_rmse']:.5g}"}
