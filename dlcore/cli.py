"""The command line.  `dlcore train digits` trains a network, `dlcore info` describes the machine.

Results go to stdout, messages to stderr.  What went wrong is one line there, with a traceback only by --debug, and the exit
code of errors.py; 130 and 143 stand for SIGINT and SIGTERM, 141 for a reader of the output who left.
A command is a parser in `_parser` and a function of its name further down.
Only argparse is imported before the arguments are understood: NumPy alone takes longer than --help may.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from . import __version__
from .errors import ConfigurationError, DivergenceError, DlcoreError
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from .callbacks import Callback
    from .configuration import Configuration
    from .data.digits import Digits
    from .runs import Recording, RunDirectory
    from .trainer import Trainer

EPILOG = """\
example: dlcore train digits --out runs/first

exit codes: 0 done, 1 training failed, 2 usage, 3 data, 4 checkpoint or disk, 5 device, 130 and 143 signals"""

FAILED, INTERRUPTED, NO_READER = 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _command(words)
        if sys.stdout is not None:  # it is None where it was closed from the beginning
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        _leave(sys.stdout)
        return NO_READER
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        say(f"error: {_text(error)}")
        return error.exit_code if isinstance(error, DlcoreError) else FAILED


def _command(words: Sequence[str]) -> int:
    try:
        arguments = parse(words)
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    with _plain_messages():
        code: int = arguments.run(arguments)
    return code


def say(message: str) -> None:
    """A line to the user, on stderr.  If nobody reads it, training goes on."""
    try:
        if sys.stderr is not None:
            print(f"dlcore: {' '.join(message.split())}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        _leave(sys.stderr)


def _leave(stream: TextIO) -> None:
    """Lead a stream without a reader nowhere: what is in its buffer would fail again when Python flushes it at its end."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _text(error: Exception) -> str:
    if isinstance(error, DlcoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    return f"{type(error).__name__}: {error} (not expected; --debug shows where)"


@contextlib.contextmanager
def _plain_messages() -> Iterator[None]:
    """What the library logs or warns of becomes a line each."""
    import logging
    import warnings

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    def warn(message: Warning | str, *where: Any, **details: Any) -> None:
        say(f"warning: {message}")

    logger, lines = logging.getLogger("dlcore"), Lines()
    logger.addHandler(lines)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=UserWarning, module=r"dlcore\.")
            warnings.showwarning = warn
            yield
    finally:
        logger.removeHandler(lines)


# -- arguments -----------------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """Raises ConfigurationError instead of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; see {self.prog} --help")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments; `run` among them is the function of the command.  Raises ConfigurationError for what is not one."""
    parser, commands = _parser()
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in commands:
        parser.error(f"{command!r} is not a command{did_you_mean(command, commands)}; there are {', '.join(commands)}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        known = [option for option in commands[str(command)]._option_string_actions if option.startswith("--")]
        word = unknown[0].partition("=")[0]
        commands[str(command)].error(f"unknown argument {unknown[0]!r}{did_you_mean(word, known)}")
    return arguments


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and that of each command.  Flags of a run have no defaults here: configuration.py has them."""
    debug = Parser(add_help=False)
    debug.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks of errors")
    parser = Parser(
        prog="dlcore", description="Train neural networks on a CPU or a GPU.", epilog=EPILOG, parents=[debug],
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"dlcore {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Any, summary: str) -> Parser:
        added: Parser = commands.add_parser(
            name, help=summary, description=summary, parents=[debug], allow_abbrev=False
        )
        added.set_defaults(run=run)
        return added

    train_parser = command("train", train, "train a network and report how well it does on test rows")
    train_parser.add_argument("data", metavar="DATA", help="what to train on: digits (bundled, needs no network)")
    _add_flags_of_a_run(train_parser)
    files = train_parser.add_argument_group("results")
    files.add_argument("--out", metavar="DIR", help="a new folder for metrics, checkpoints, summary and curves")
    files.add_argument(
        "--checkpoint-every", type=_count, default=1, metavar="N", help="epochs between checkpoints (default 1)"
    )
    files.add_argument("--no-progress", action="store_true", help="no live line")

    info_parser = command("info", info, "describe this machine: versions, processor, BLAS, CUDA")
    info_parser.add_argument("--json", action="store_true", help="as JSON")
    return parser, {"train": train_parser, "info": info_parser}


def _add_flags_of_a_run(parser: Parser) -> None:
    """The flags that are fields of a Configuration."""
    network = parser.add_argument_group("network", argument_default=argparse.SUPPRESS)
    network.add_argument(
        "--hidden", type=_widths, metavar="N,N,...", help="widths of hidden layers, or none (default 256,128)"
    )
    network.add_argument(
        "--activation", metavar="NAME", help="after each hidden layer: relu, tanh, gelu, ... (default relu)"
    )
    training = parser.add_argument_group("training", argument_default=argparse.SUPPRESS)
    training.add_argument("--optimizer", metavar="NAME", help="adam, sgd, ... (default adam)")
    training.add_argument("--learning-rate", type=_number, metavar="X", help="step size (default 0.001)")
    training.add_argument("--l2", type=_number, metavar="X", help="weight of the L2 penalty (default 0)")
    training.add_argument("--epochs", type=_count, metavar="N", help="passes over the data (default for digits 60)")
    training.add_argument("--batch-size", type=_count, metavar="N", help="rows in a step (default for digits 64)")
    training.add_argument("--seed", type=_integer, metavar="N", help="of weights and of the order of rows (default 0)")
    training.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or auto (default auto)")
    training.add_argument("--dtype", metavar="NAME", help="float32 or float64 (default float32)")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None


def _count(text: str) -> int:
    if _integer(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def _widths(text: str) -> tuple[int, ...]:
    return () if text.strip().lower() in ("", "none") else tuple(_count(width) for width in text.split(","))


# -- info ----------------------------------------------------------------------------------------------------------------


def info(arguments: argparse.Namespace) -> int:
    """`dlcore info`"""
    import json

    from .info import collect, report

    facts = collect()
    print(json.dumps(facts, indent=2) if arguments.json else report(facts))
    return 0


# -- train ---------------------------------------------------------------------------------------------------------------


def train(arguments: argparse.Namespace) -> int:
    """`dlcore train DATA`: everything is checked, and the folder made, before anything is trained."""
    from dataclasses import replace

    from .configuration import configure
    from .runs import Recording, RunDirectory

    configuration = configure(vars(arguments))
    data = configuration.load()
    trainer = configuration.trainer(data.X.shape[1], int(data.y.max()) + 1)
    directory = recording = None
    if arguments.out is not None:
        directory = RunDirectory(arguments.out)
        directory.write_configuration(replace(configuration, device=trainer.device).sections())
        recording = Recording(directory, arguments.checkpoint_every)
    say(_headline(configuration, trainer, len(data.X)))
    code = _fit(trainer, configuration, data, recording, progress=not arguments.no_progress)
    if code:
        return code
    summary = _summary(trainer, data)
    if directory:
        directory.write_summary(summary)
        _draw(directory, trainer)
    _print_table(summary)
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
    trainer: Trainer, configuration: Configuration, data: Digits, recording: Recording | None, progress: bool
) -> int:
    """Train; 0, or the exit code of the signal that ended it.  However training ends, its last state is saved.

    Raises DivergenceError, which names the checkpoint of the last good state.
    """
    from .runs import Stopped, StopSignals

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


def _summary(trainer: Trainer, data: Digits) -> dict[str, Any]:
    """Results of a run.  Losses are those of the final parameters."""
    from statistics import median

    seconds = trainer.history["seconds"]
    test = trainer.evaluate(data.X_test, data.y_test)
    return {
        "device": trainer.device,
        "dtype": trainer.dtype,
        "epochs": trainer.epoch,
        "seconds": sum(seconds),  # of training, first compilation included
        "samples_per_second": len(data.X) / median(seconds),  # so compilation and a hiccup of the machine do not count
        "train_loss": trainer.evaluate(data.X, data.y)["loss"],
        "test_loss": test["loss"],
        "test_accuracy": test["accuracy"],
    }


def _draw(directory: RunDirectory, trainer: Trainer) -> None:
    """curves.png, where matplotlib is installed."""
    from . import plotting

    try:
        figure = plotting.curves(trainer.history)
    except ImportError:
        return
    directory.write("curves.png", plotting.png(figure))


def _print_table(summary: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    cells = {
        "train loss": _short(summary["train_loss"]),
        "test loss": _short(summary["test_loss"]),
        "test accuracy": f"{summary['test_accuracy']:.2%}",
        "seconds": f"{summary['seconds']:.2f}",
        "samples/s": f"{summary['samples_per_second']:,.0f}",
    }
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for name in cells:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*cells.values())
    console = Console(width=80)  # a narrower terminal wraps lines; rich would cut the numbers
    with console.capture() as text:  # printed by print, which says when nobody reads it any more
        console.print(table)
    print(f"\n{text.get()}")


def _short(loss: float) -> str:
    return f"{loss:.4f}" if loss >= 0.01 else f"{loss:.2e}"
