"""`dlcore predict RUN DATA`: predictions of a trained network for raw rows."""

from __future__ import annotations

import argparse

from .arguments import add_reading_flags, path
from .messages import say
from .streams import write_data

SUMMARY = "apply a trained network to the rows of a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", type=path, metavar="RUN", help="the folder of a run, or a checkpoint file")
    parser.add_argument(
        "data", type=path, metavar="FILE", help="rows as the network was trained on; a target is not needed"
    )
    parser.add_argument(
        "--out", type=path, metavar="FILE", help="predictions as .csv, .npy or .parquet (default CSV on the terminal)"
    )
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    import os

    from ...errors import ConfigurationError
    from ..predictions import check_target, write
    from .rows import network, rows_of

    if arguments.out is not None:
        check_target(arguments.out)
        if os.path.realpath(arguments.out) == os.path.realpath(arguments.data):
            raise ConfigurationError(f"--out {arguments.out} is the file of the rows; name another one")
    trainer, settings = network(arguments)
    predictions = rows_of(trainer, arguments, settings, targets=False).predict(trainer)
    if arguments.out is None:
        write_data(predictions.csv())
        return 0
    write(arguments.out, predictions)
    made = len(predictions.values)
    empty = "; rows that were left out are empty there" if made < predictions.count else ""
    say(f"{made:,} prediction{' is' if made == 1 else 's are'} in {arguments.out}{empty}")
    return 0
