"""Parsing of the command line: a parser for each command, errors in one line, flags from the settings of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field
from types import ModuleType
from typing import Any, NoReturn

from ... import __version__
from ...errors import ConfigurationError
from ...suggestions import did_you_mean
from ..configuration import (
    FILES,
    NAMED_DATA,
    SETTINGS,
    Configuration,
    configure,
    read_assignments,
    read_toml,
)
from ..values import count, text

EPILOG = """\
example: dlcore train digits --out runs/first

exit codes: 0 done, 1 training failed, 2 usage, 3 data, 4 checkpoint or disk, 5 device, 130 and 143 signals"""

READING = (
    "separator",
    "header",
    "quote",
    "encoding",
    "missing",
    "bad_rows",
    "unknown_categories",
)  # settings for reading a file
_USUAL = {"epochs": 0, "batch_size": 1}  # positions of these defaults in NAMED_DATA


class Parser(argparse.ArgumentParser):
    """Raises ConfigurationError instead of printing the usage and exiting, and OSError if --help cannot be written."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and (stream := file or sys.stdout) is not None:
            stream.write(message)


def parse(words: Sequence[str], commands: Mapping[str, ModuleType]) -> argparse.Namespace:
    """The arguments, with the command's function as `run`.  Raises ConfigurationError for unknown or wrong ones."""
    parser, parsers = _parsers(commands)
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in parsers:
        parser.error(f"{command!r} is not a command{did_you_mean(command, parsers)}; there are {', '.join(parsers)}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        known = [option for option in parsers[str(command)]._option_string_actions if option.startswith("--")]
        word = unknown[0].partition("=")[0]
        if word in known:
            parsers[str(command)].error(f"{word} stands after --, where flags are not read; put it before")
        parsers[str(command)].error(f"unknown argument {unknown[0]!r}{did_you_mean(word, known)}")
    return arguments


def _parsers(commands: Mapping[str, ModuleType]) -> tuple[Parser, dict[str, Parser]]:
    """The main parser, and the parser of each command."""
    debug = Parser(add_help=False)
    debug.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks of errors")
    parser = Parser(
        prog="dlcore", description="Train neural networks on a CPU or a GPU.", epilog=EPILOG, parents=[debug],
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"dlcore {__version__}")
    added = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parsers: dict[str, Parser] = {}
    for name, command in commands.items():
        parsers[name] = added.add_parser(
            name, help=command.SUMMARY, description=command.SUMMARY, parents=[debug], allow_abbrev=False
        )
        parsers[name].set_defaults(run=command.run)
        command.add_arguments(parsers[name])
    return parser, parsers


# -- types of arguments ----------------------------------------------------------------------------------------------------


def typed(read: Callable[[Any], Any]) -> Callable[[str], Any]:
    """A reader of configuration.py as a type for argparse, whose error then names the flag."""

    def argument(word: str) -> Any:
        try:
            return read(word)
        except ConfigurationError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return argument


positive = typed(count)
path = typed(text)  # refuses "", which would be the current directory


# -- a run -----------------------------------------------------------------------------------------------------------------


def add_flags_of_a_run(parser: argparse.ArgumentParser) -> None:
    """Add --set, and a flag for each setting except DATA; without defaults, so that only given flags are set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="a setting by its name in a configuration file",
    )
    groups: dict[str, Any] = {}
    for name, each in SETTINGS.items():
        section = name.partition(".")[0]
        if each.name == "data":
            continue
        if section not in groups:
            groups[section] = parser.add_argument_group(section, argument_default=argparse.SUPPRESS)
        _add_setting(groups[section], each)


def add_reading_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags for reading FILE, and --device."""
    group = parser.add_argument_group("how FILE is read", argument_default=argparse.SUPPRESS)
    for each in SETTINGS.values():
        if each.name in READING:
            _add_setting(group, each)
    _add_setting(parser, next(each for each in SETTINGS.values() if each.name == "device"))


def _add_setting(parser: Any, each: Field[Any]) -> None:
    meaning = each.metadata["meaning"] + _default(each.name, each.default)
    parser.add_argument(
        flag(each.name), type=typed(each.metadata["read"]), metavar=each.metadata["metavar"],
        help=meaning.replace("%", "%%"), default=argparse.SUPPRESS,
    )  # fmt: skip


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _default(name: str, value: Any) -> str:
    if name in _USUAL:
        usual: dict[int, list[str]] = {}
        for data, values in NAMED_DATA.items():
            usual.setdefault(values[_USUAL[name]], []).append(data)
        usual.setdefault(FILES[_USUAL[name]], []).append("files")
        return f" (default {', '.join(f'{value} for ' + ' and '.join(data) for value, data in usual.items())})"
    if value is None or value is MISSING:
        return ""
    shown = (
        ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else value
    )
    return f" (default {shown})"


def configuration_of(arguments: argparse.Namespace) -> Configuration:
    """The configuration of a command line: defaults, then the configuration file if DATA is one, then --set and flags.

    Raises ConfigurationError for a file or a setting that cannot be used, and if a flag and --set give the same setting.
    """
    words = vars(arguments)
    flags = {each.name: words[each.name] for each in SETTINGS.values() if each.name in words}
    file = {}
    if flags.get("data", "").lower().endswith(".toml"):
        file = read_toml(flags.pop("data"))
        if "data" not in file:
            raise ConfigurationError(f"{arguments.data}: data.source is missing: what to train on")
    sets = read_assignments(arguments.set)
    twice = sorted(set(sets) & set(flags))
    if twice:
        raise ConfigurationError(f"--set and {_word(twice[0])} both give {_name(twice[0])}")
    return configure(file | sets | flags)


def _word(name: str) -> str:
    return "DATA" if name == "data" else flag(name)


def _name(wanted: str) -> str:
    return next(name for name, each in SETTINGS.items() if each.name == wanted)
