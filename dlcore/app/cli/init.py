"""`dlcore init FILE --data DATA`: write the configuration of `dlcore train DATA` with the same flags, as a commented file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ..configuration import NAMED_DATA, SETTINGS
from .arguments import add_flags_of_a_run, configuration_of, path
from .messages import say
from .streams import write_data

if TYPE_CHECKING:
    from ..configuration import Configuration

SUMMARY = "write a configuration file with comments, to edit and train with"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=path, metavar="FILE", nargs="?", default="config.toml",
        help="a new file that ends in .toml, or - for the terminal (default config.toml)",
    )  # fmt: skip
    parser.add_argument("--data", type=path, metavar="DATA", default="digits", help="what to train on (default digits)")
    add_flags_of_a_run(parser)


def run(arguments: argparse.Namespace) -> int:
    target = arguments.file
    if target != "-" and not target.lower().endswith(".toml"):
        hint = f"; to train on it: --data {target}" if target in NAMED_DATA else ""
        raise ConfigurationError(f"FILE {target!r} does not end in .toml{hint}")
    configuration = configuration_of(arguments)

    from ..assembly import resolved

    resolved(configuration)  # raises for unknown names
    if configuration.data not in NAMED_DATA and configuration.target is None:
        raise ConfigurationError(f"--target is missing: which column of {configuration.data} to predict")
    lines = "\n".join(commented(configuration))
    if target == "-":
        write_data(lines)
        return 0
    from pathlib import Path

    from ... import files
    from ..texts import utf8

    try:
        files.create(Path(target), utf8(lines, target))
    except FileExistsError:
        raise ConfigurationError(f"FILE {target} exists; name a new file") from None
    except OSError as error:
        raise ConfigurationError(f"FILE {target} cannot be written: {error.strerror or error}") from error
    say(f"wrote {target}; train with: dlcore train {target}")
    return 0


def commented(configuration: Configuration) -> Iterator[str]:
    """The lines of a configuration file: each setting under its meaning, unset ones as a comment."""
    import tomli_w

    yield "# dlcore train FILE runs this; flags and --set section.key=value override it, without changing the file"
    given, present = configuration.sections(), ""
    sections = list(dict.fromkeys(name.partition(".")[0] for name in SETTINGS))
    for name, each in sorted(SETTINGS.items(), key=lambda item: sections.index(item[0].partition(".")[0])):
        section, _, key = name.partition(".")
        if section not in given:
            continue
        if section != present:
            yield f"\n[{section}]"
            present = section
        yield f"# {each.metadata['meaning']}"
        if key in given[section]:
            value = given[section][key]
            yield f"{key} = {value}" if isinstance(value, list) else tomli_w.dumps({key: value}).rstrip()
        else:
            yield f'# {key} = "{each.metadata["metavar"]}"'
    yield ""
