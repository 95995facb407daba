"""The settings of a run: each is declared once, with its section, flag, reader, default and meaning.

The flags of `dlcore train`, the keys of a configuration file, the output of `dlcore init` and config.toml in the folder of a
run all come from the fields of Configuration.  A new setting is a new field there.
Nothing here needs NumPy, which takes longer to import than `dlcore --help` may take.  assembly.py makes data and a trainer from
a Configuration.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from .. import __version__
from ..errors import ConfigurationError
from ..suggestions import did_you_mean
from .values import character, count, forms, integer, number, one_of, share, text, widths, words, yes_or_no

# named data sets: default epochs and batch size
NAMED_DATA = {"digits": (60, 64), "mnist": (10, 128), "fashion-mnist": (10, 128)}
FILES = (50, 128)  # default epochs and batch size for files


# -- settings --------------------------------------------------------------------------------------------------------------


def setting(
    section: str, read: Callable[[Any], Any], meaning: str, *, metavar: str, default: Any = MISSING, key: str = ""
) -> Any:
    """A field of Configuration: section.key in TOML, --its-name on the command line; `key` if TOML has another name for it.

    `read` converts the text of a flag or a TOML value to the field's value, or raises ConfigurationError.  An optional setting
    has the default None.
    """
    return field(
        default=default,
        metadata={"section": section, "key": key, "read": read, "meaning": meaning, "metavar": metavar},
    )


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All settings of a run.  Names of classes and ranges of numbers are checked later, when a trainer is made from it."""

    data: str = setting(
        "data",
        text,
        "what to train on: digits, mnist, fashion-mnist, or a file with a table",
        metavar="DATA",
        key="source",
    )
    data_dir: str | None = setting(
        "data", text, "folder with the files of mnist or fashion-mnist; without it they are downloaded", metavar="DIR",
        default=None,
    )  # fmt: skip
    validation: float = setting(
        "data", share, "share of the training rows to validate with after each epoch", metavar="X", default=0.0
    )
    target: str | None = setting(
        "table", text, "the column to predict, by name or number", metavar="COLUMN", default=None
    )
    task: str | None = setting(
        "table", one_of("classification", "regression"), "classification or regression; detected from the target",
        metavar="NAME", default=None,
    )  # fmt: skip
    test: str | None = setting(
        "table",
        text,
        "file with the test rows; without it a fifth of the rows is set aside",
        metavar="FILE",
        default=None,
    )
    separator: str | None = setting(
        "table", character, "of a CSV file: one character, or tab; detected from the file", metavar="C", default=None
    )
    header: bool | None = setting(
        "table", yes_or_no, "of a CSV file: whether its first line holds names, yes or no; detected from the file",
        metavar="WORD", default=None,
    )  # fmt: skip
    quote: str | None = setting(
        "table",
        character,
        "of a CSV file: what is around cells, or none; detected from the file",
        metavar="C",
        default=None,
    )
    encoding: str | None = setting(
        "table",
        text,
        "of a CSV file: cp1252, utf-16, ...; detected from a mark, or UTF-8",
        metavar="NAME",
        default=None,
    )
    missing: tuple[str, ...] | None = setting(
        "table", words, "cells that are missing, beside empty ones; NA, NaN, null, ? and their like", metavar="WORD,...",
        default=None,
    )  # fmt: skip
    bad_rows: str | None = setting(
        "table", one_of("error", "skip"),
        "rows that cannot be used: error, or skip to leave them out; without it an error, but rows without a target are left out",
        metavar="WORD", default=None,
    )  # fmt: skip
    unknown_categories: str = setting(
        "table", one_of("error", "allow"), "a column without any category of training: error, or allow", metavar="WORD",
        default="error",
    )  # fmt: skip
    types: tuple[str, ...] | None = setting(
        "table", words, "what columns are: number, category, date or ignore; detected from their cells",
        metavar="COLUMN=TYPE,...", default=None,
    )  # fmt: skip
    scaling: str = setting(
        "table", one_of("standard", "robust", "quantile", "none"), "how numbers are scaled: standard, robust, quantile or none",
        metavar="NAME", default="standard",
    )  # fmt: skip
    categorical: str = setting(
        "table",
        one_of("onehot", "embedding"),
        "what categories become: onehot, or embedding",
        metavar="NAME",
        default="onehot",
    )
    max_categories: int = setting(
        "table", count, "categories of a column; the most frequent are kept", metavar="N", default=100
    )
    decimal: str | None = setting(
        "table",
        one_of(".", ","),
        "decimal mark of numbers in text: . or ,; detected for each column",
        metavar="C",
        default=None,
    )
    thousands: str | None = setting(
        "table", one_of(",", ".", "'", "space", "none"),
        "mark between thousands of numbers in text: , . ' space or none; detected for each column", metavar="C", default=None,
    )  # fmt: skip
    date_format: tuple[str, ...] | None = setting(
        "table", forms, "dates that are not found: %d.%m.%Y for all columns, or COLUMN=%d/%m/%Y,...", metavar="FORM",
        default=None,
    )  # fmt: skip
    hidden: tuple[int, ...] = setting(
        "model", widths, "widths of the hidden layers, or none", metavar="N,N,...", default=(256, 128)
    )
    activation: str = setting(
        "model", text, "what follows each hidden layer: relu, tanh, gelu, ...", metavar="NAME", default="relu"
    )
    optimizer: str = setting(
        "optimizer", text, "the rule of the updates: adam, sgd, ...", metavar="NAME", default="adam", key="name"
    )
    learning_rate: float = setting("optimizer", number, "step size", metavar="X", default=1e-3)
    l2: float = setting("optimizer", number, "weight of the L2 penalty", metavar="X", default=0.0)
    epochs: int = setting("training", count, "passes over the data", metavar="N")
    batch_size: int = setting("training", count, "rows in a step", metavar="N")
    patience: int | None = setting(
        "training", count, "epochs without a lower loss before training stops and the best weights come back",
        metavar="N", default=None,
    )  # fmt: skip
    restarts: int = setting(
        "training",
        count,
        "trainings from different weights; the one with the lowest loss is kept",
        metavar="K",
        default=1,
    )
    seed: int = setting(
        "training", integer, "what initial weights and the order of rows are drawn from", metavar="N", default=0
    )
    device: str = setting(
        "training", text, "where to compute: cpu, cuda, cuda:1 or auto", metavar="NAME", default="auto"
    )
    dtype: str = setting(
        "training",
        text,
        "in what numbers: float32 or float64, on a GPU also bfloat16 or float16",
        metavar="NAME",
        default="float32",
    )
    matmul_precision: str = setting(
        "training",
        one_of("highest", "high"),
        "of float32 products: highest, or high for TF32 on a GPU",
        metavar="NAME",
        default="highest",
    )

    def sections(self) -> dict[str, dict[str, Any]]:
        """The configuration as sections of TOML, without settings that are None, and without [table] for data without a table."""
        made: dict[str, dict[str, Any]] = {}
        for name, each in SETTINGS.items():
            value = getattr(self, each.name)
            if value is not None and not (self.data in NAMED_DATA and name in OF_TABLES):
                section, _, key = name.partition(".")
                made.setdefault(section, {})[key] = list(value) if isinstance(value, tuple) else value
        return made


# by their names in TOML, section.key
SETTINGS = {f"{each.metadata['section']}.{each.metadata['key'] or each.name}": each for each in fields(Configuration)}

OF_TABLES = {name: each for name, each in SETTINGS.items() if name.startswith("table.")}  # meaningless for named data


def configure(given: Mapping[str, Any]) -> Configuration:
    """The configuration with the given fields and defaults for the others; names that are no fields are ignored.

    Raises ConfigurationError for data of an unknown name, with the nearest known one, and for seeds that are too large.
    """
    if "data" not in given:
        raise ConfigurationError("data.source is missing: what to train on")
    epochs, batch_size = usual(given["data"])
    defaults = {"epochs": epochs, "batch_size": batch_size}
    made = Configuration(**defaults | {f.name: given[f.name] for f in fields(Configuration) if f.name in given})
    if made.restarts > 1 and made.seed + made.restarts > 2**64:
        raise ConfigurationError(f"seed {made.seed} leaves no seeds for {made.restarts} restarts below 2**64")
    return made


def usual(data: str) -> tuple[int, int]:
    """Default epochs and batch size for these data."""
    if data in NAMED_DATA:
        return NAMED_DATA[data]
    if not is_file_name(data):
        known = ", ".join(NAMED_DATA)
        raise ConfigurationError(
            f"DATA {data!r} is unknown{did_you_mean(data, NAMED_DATA)}; dlcore {__version__} trains on: {known}, "
            "and files with a table"
        )
    return FILES


def is_file_name(data: str) -> bool:
    """Whether DATA is a file and not a mistyped name."""
    return os.path.exists(data) or bool(os.path.splitext(data)[1]) or os.path.basename(data) != data


# -- TOML ------------------------------------------------------------------------------------------------------------------


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields that a configuration file gives.

    Raises ConfigurationError, naming the file, if it cannot be read, is not TOML, or has an unknown key or a wrong value.
    """
    import tomllib

    try:
        with open(path, encoding="utf-8-sig") as file:  # some editors begin a file with a byte order mark
            sections = tomllib.loads(file.read())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (
        tomllib.TOMLDecodeError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:  # RecursionError: deeply nested brackets
        raise ConfigurationError(f"{path}: not TOML: {error}") from error
    pairs: list[tuple[str, Any]] = []
    for section, keys in sections.items():
        pairs += (
            [(f"{section}.{key}", value) for key, value in keys.items()]
            if isinstance(keys, dict)
            else [(section, keys)]
        )
    try:
        return dict(read_setting(name, value) for name, value in pairs)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def read_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """The fields set by `section.key=value`: the value as after a flag, or as in TOML if it begins with a quote or bracket."""
    import tomllib

    given: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not equals:
            raise ConfigurationError(f"--set {assignment}: expected section.key=value")
        try:
            literal = tomllib.loads(f"value = {value}")["value"] if value[:1] in ("'", '"', "[") else value
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigurationError(f"--set {assignment}: {error}") from error
        try:
            key, read = read_setting(name, literal)
        except ConfigurationError as error:
            raise ConfigurationError(f"--set {error}") from error
        if key in given:
            raise ConfigurationError(f"--set {name} is given twice")
        given[key] = read
    return given


def read_setting(name: str, value: Any) -> tuple[str, Any]:
    """(field, value) of a setting by its name in TOML.  Raises ConfigurationError for an unknown name or a wrong value."""
    if name not in SETTINGS:
        inside = [known for known in SETTINGS if known.startswith(f"{name}.")]
        if inside:
            raise ConfigurationError(f"{name!r} is a section, expected one of its keys: {', '.join(inside)}")
        key = name.rpartition(".")[2]
        same = [
            known for known in SETTINGS if known.endswith(f".{key}")
        ]  # the key in the wrong section, or without one
        hint = f" (did you mean {same[0]!r}?)" if same else did_you_mean(name, SETTINGS)
        raise ConfigurationError(f"unknown key {name!r}{hint}")
    found = SETTINGS[name]
    try:
        return found.name, found.metadata["read"](value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error
