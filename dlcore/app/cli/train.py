"""`dlcore train DATA`: check everything and make the folder, then train."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .arguments import add_flags_of_a_run, configuration_of, path, positive
from .messages import say

if TYPE_CHECKING:
    from ...training.trainer import Trainer
    from ..configuration import Configuration

SUMMARY = "train a network and report how well it does on test rows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        help="what to train on: digits (bundled, needs no network), mnist, fashion-mnist; a file with a table (CSV, Parquet, "
        "Arrow, NPY, NPZ) and --target; or a configuration file, FILE.toml",
    )
    add_flags_of_a_run(parser)
    files = parser.add_argument_group("results")
    files.add_argument(
        "--out", type=path, metavar="DIR", help="a new folder for metrics, checkpoints, summary and curves"
    )
    files.add_argument(
        "--checkpoint-every", type=positive, default=1, metavar="N", help="epochs between checkpoints (default 1)"
    )
    files.add_argument("--no-progress", action="store_true", help="no live line")


def run(arguments: argparse.Namespace) -> int:
    configuration = configuration_of(arguments)

    from contextlib import nullcontext
    from dataclasses import replace

    from ...interrupts import check_interrupt
    from ..assembly import load, make_trainer, resolved, row_weights
    from ..run_data import RunData
    from ..runs import RunDirectory
    from .results import draw, print_summary, summarize, test_predictions, time_note
    from .session import Interrupted, Session

    configuration = resolved(configuration)
    check_interrupt()  # here and below: one may have been lost in the imports
    data, validation = load(configuration).split(configuration.validation)
    trainer = make_trainer(configuration, data)  # raises for what cannot work, before a folder is made
    weights = row_weights(configuration, data)
    configuration = replace(configuration, device=trainer.device)
    with RunDirectory(arguments.out) if arguments.out is not None else nullcontext() as directory:
        if directory:
            directory.write_configuration(configuration.sections())
            directory.write_json("data.json", RunData.of(configuration, data, validation).describe())
        say(_headline(configuration, trainer, len(data.X)))
        session = Session(
            configuration,
            data,
            validation,
            weights,
            directory,
            arguments.checkpoint_every,
            progress=not arguments.no_progress,
        )
        try:
            trainer, restarts = session.train(trainer)
        except Interrupted as stop:
            say(str(stop))
            return 128 + stop.number
        check_interrupt()
        summary = summarize(trainer, data)
        if directory:
            directory.write("test_predictions.csv", test_predictions(trainer, data))
            draw(directory, trainer, data)
            directory.write_json("summary.json", {**summary, **restarts})
    print_summary(summary)
    if note := time_note(summary):
        say(note)
    say(
        f"results are in {directory.path}"
        if directory
        else "nothing was saved; --out DIR keeps the network and its figures"
    )
    return 0


def _headline(configuration: Configuration, trainer: Trainer, rows: int) -> str:
    model, count = trainer.model, sum(weight.size for weight in trainer.get_weights())
    widths = "-".join(map(str, (model.input_width, *configuration.hidden, model.output_width)))
    activation = f" {configuration.activation}" if configuration.hidden else ""
    return (
        f"{os.path.basename(configuration.data)}, {rows:,} rows; {widths}{activation}, {count:,} parameters; "
        f"{trainer.device} {trainer.dtype}"
    )
