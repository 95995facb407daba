"""`dlcore evaluate RUN [FILE]`: loss and metrics of a trained network on rows with known targets."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypedDict

from .arguments import add_reading_flags, name, path

if TYPE_CHECKING:
    from ...training.trainer import Trainer
    from .rows import Rows

SUMMARY = "measure a trained network on its test rows, or on the rows of a file"

_SHOWN = 12  # classes of a confusion matrix that fit a terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", type=path, metavar="RUN", help="the folder of a run, or a checkpoint file")
    parser.add_argument(
        "data", type=path, metavar="FILE", nargs="?",
        help="rows with targets, or digits, mnist, ...: their test rows; without it the test rows of the run",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=name, metavar="COLUMN", help="column of the targets, for a network saved without preprocessing"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    from ..texts import dumps
    from .rows import network, rows_of

    trainer, settings = network(arguments)
    figures = measured(trainer, rows_of(trainer, arguments, settings, targets=True))
    if arguments.json:
        print(dumps(figures, indent=2))
    else:
        _print(figures)
    return 0


class Figures(TypedDict, total=False):
    """What is measured: of classes or of numbers."""

    rows: int
    rows_left_out: int
    loss: float
    classes: list[str]
    accuracy: float
    balanced_accuracy: float
    log_loss: float
    auc: float | None
    confusion: list[list[int]]
    rmse: float
    mae: float
    r2: float | None


def measured(trainer: Trainer, rows: Rows) -> Figures:
    """Number of rows, loss, and the metrics of metrics.py; those of a regression are in units of the target."""
    from ...training import metrics

    assert rows.y is not None  # they were read with their targets
    loss = trainer.evaluate(rows.X, rows.y)["loss"]
    figures: Figures = {"rows": len(rows.X), "rows_left_out": rows.count - len(rows.X), "loss": loss}
    a = trainer.predict(rows.X)
    if not rows.classes:
        y, a = rows.in_units(rows.y), rows.in_units(a)
        return {**figures, **metrics.regression(y.reshape(-1), a.reshape(-1))}
    return {**figures, "classes": list(rows.classes), **metrics.classification(rows.y.astype("int64"), a)}


def _print(figures: Figures) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from ...training.figures import shown
    from .results import print_table, show
    from .streams import visible

    cells = {"rows": f"{figures['rows']:,}"}
    if figures["rows_left_out"]:
        cells["left out"] = f"{figures['rows_left_out']:,}"
    values: dict[str, float | None] = {}
    if "accuracy" in figures:
        values |= {"accuracy": figures["accuracy"], "balanced accuracy": figures["balanced_accuracy"]}
        values |= {"log loss": figures["log_loss"], "AUC": figures["auc"]}
    if "rmse" in figures:
        values |= {"RMSE": figures["rmse"], "MAE": figures["mae"], "R2": figures["r2"]}
    cells |= {each: shown(each, value) for each, value in values.items()}
    print_table(cells)
    classes = figures.get("classes", [])
    if 0 < len(classes) <= _SHOWN:
        table = Table(box=SIMPLE_HEAD, show_edge=False)
        table.add_column("class \\ predicted")
        for each in classes:
            table.add_column(Text(visible(each)), justify="right")  # Text, not markup: a class may be called [0, 10)
        for each, row in zip(classes, figures["confusion"], strict=True):
            table.add_row(Text(visible(each)), *map(str, row))
        show(table)
    elif classes:
        print(f"{len(classes)} classes; --json has the confusion matrix")
