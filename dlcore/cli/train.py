"""`dlcore train DATA`: everything is checked, and the folder made, before anything is trained."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from ..errors import DivergenceError
from .arguments import add_flags_of_a_run, configuration_of, path, positive
from .messages import say

if TYPE_CHECKING:
    from ..callbacks import Callback
    from ..configuration import Configuration
    from ..data.dataset import DataSet
    from ..runs import Recording
    from ..trainer import Trainer

SUMMARY = "train a network and report how well it does on test rows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        help="what to train on: digits (bundled, needs no network), or a configuration file, FILE.toml",
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

    from dataclasses import replace

    from ..assembly import load, make_trainer, with_known_names
    from ..runs import Recording, RunDirectory
    from .results import draw, print_summary, summarize

    configuration = with_known_names(configuration)
    data = load(configuration)
    trainer = make_trainer(configuration, data)
    directory = recording = None
    if arguments.out is not None:
        directory = RunDirectory(arguments.out)
        directory.write_configuration(replace(configuration, device=trainer.device).sections())
        recording = Recording(directory, arguments.checkpoint_every)
    say(_headline(configuration, trainer, len(data.X)))
    code = _fit(trainer, configuration, data, recording, progress=not arguments.no_progress)
    if code:
        return code
    summary = summarize(trainer, data)
    if directory:
        directory.write_summary(summary)
        draw(directory, trainer, data)
    print_summary(summary)
    if directory:
        say(f"results are in {directory.path}")
    return 0


def _headline(configuration: Configuration, trainer: Trainer, rows: int) -> str:
    model, count = trainer.model, sum(weight.size for weight in trainer.get_weights())
    widths = "-".join(map(str, (model.input_width, *configuration.hidden, model.output_width)))
    activation = f" {configuration.activation}" if configuration.hidden else ""
    return (
        f"{configuration.data}, {rows:,} rows; {widths}{activation}, {count:,} parameters; "
        f"{trainer.device} {trainer.dtype}"
    )


def _fit(
    trainer: Trainer, configuration: Configuration, data: DataSet, recording: Recording | None, progress: bool
) -> int:
    """Train; 0, or the exit code of the signal that ended it.  However training ends, its last state is saved.

    Raises DivergenceError, which names the checkpoint of the last good state.
    """
    from ..runs import Stopped, StopSignals

    loss = math.inf  # of the last epoch, if training ended with a whole one
    with StopSignals(math.ceil(len(data.X) / configuration.batch_size)) as signals:
        callbacks: list[Callback] = [recording, signals] if recording else [signals]
        try:
            trainer.fit(
                data.X, data.y, epochs=configuration.epochs, batch_size=configuration.batch_size,
                callbacks=callbacks, progress=progress,
            )  # fmt: skip
            loss = trainer.history["loss"][-1]
        except Stopped:
            pass
        except DivergenceError as error:
            if recording is None:
                raise
            raise DivergenceError(f"{error}; the last good state is in {recording.checkpoint(trainer)}") from error
        saved = recording.checkpoint(trainer, loss) if recording else None
    if not signals.number:
        return 0
    where = f"the state is in {saved}" if saved else "nothing is kept without --out"
    say(f"interrupted after {trainer.epoch} of {configuration.epochs} epochs; {where}")
    return 128 + signals.number
