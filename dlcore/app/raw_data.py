"""From files of raw rows to a data set: read, split, fit the preprocessing to the training rows alone, count rows left out."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import numpy as np

from ..data.csv_files import MISSING, Dialect
from ..data.dataset import DataSet
from ..data.split import SHARE, held_out_rows
from ..data.table_files import read_table
from ..data.tables import Skipped, Table
from ..errors import ConfigurationError, DataError
from ..preprocessing import FittedPreprocessing, Preprocessing
from ..preprocessing.columns import CategoryColumn, Classes, FittedColumn, Target, Values
from .configuration import Configuration

LISTED = 20  # columns of one kind that are named

_say = logging.getLogger("dlcore").info


def load_file(run: Configuration) -> DataSet:
    """The data set of a file with a target column; test rows from another file, or a fifth of this one.

    Raises ConfigurationError for settings that cannot work, DataError for files that cannot be used.
    """
    dialect, wish = dialect_of(run), preprocessing_of(run)
    # a number is the position of the target, not its name
    named = run.target is not None and not run.target.removeprefix("-").isdecimal()
    table = read_table(run.data, dialect, [run.target] if named and run.target else [])
    if run.target is None:
        names = list(table.columns)
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ConfigurationError(f"--target is missing: which column of {run.data} to predict; there are: {shown}")
    target = table.name(run.target)
    test, whole_test = None, table
    if run.test is not None:
        test = whole_test = read_table(run.test, dialect, table.columns)
        test.column(target)
    whole = wish.fit_target(
        table, target, run.task
    )  # decides how targets are read: part of the rows may look different
    table = _with_targets(table, whole, run.bad_rows)
    if test is not None:
        test = without_missing_targets(test, whole, run.bad_rows)
    if test is None:
        table, test = _split(table, whole)
    validation = None
    if run.validation:
        table, validation = _split(table, whole, run.validation)
    fitted = wish.fit(table, target, known=whole)
    parts = [
        fitted.clean(part) if run.bad_rows == "skip" else part for part in (table, test, validation) if part is not None
    ]
    _report(target, fitted, parts, drawn=run.test is None)
    dtype = "float64" if run.dtype == "float64" else "float32"
    X, X_test, *X_validation = [fitted.features(part, dtype) for part in parts]
    y, y_test, *y_validation = [fitted.targets(part) for part in parts]
    values = fitted.target if isinstance(fitted.target, Values) else Values(target, 0.0, 1.0)
    return DataSet(
        X, y, X_test, y_test,
        classes=fitted.target.labels if isinstance(fitted.target, Classes) else (),
        target=target,
        center=values.center,
        scale=values.scale,
        validation=(X_validation[0], y_validation[0]) if validation is not None else None,
        preprocessing=fitted,
        left_out=len(_skipped(parts)),
        test_places=_places(parts[1], whole_test),
    )  # fmt: skip


def dialect_of(run: Configuration) -> Dialect:
    """The dialect of this run's files."""
    # an empty cell is always missing
    missing = MISSING if run.missing is None else ("", *run.missing)
    quote = "" if run.quote == "none" else run.quote
    return Dialect(
        separator=run.separator, header=run.header, quote=quote, encoding=run.encoding, missing=missing, bad_rows=run.bad_rows or "error"
    )  # fmt: skip


def preprocessing_of(run: Configuration) -> Preprocessing:
    """The preprocessing options of this run.  Raises ConfigurationError for impossible ones."""
    types = {}
    for word in run.types or ():
        name, equals, kind = word.rpartition("=")
        if not equals:
            raise ConfigurationError(f"types: {word!r}, expected COLUMN=TYPE, for example zip=category")
        types[name] = kind
    thousands = {"none": "", "space": " "}.get(run.thousands or "", run.thousands)
    return Preprocessing(
        scaling=run.scaling, categorical=run.categorical, types=types, decimal=run.decimal, thousands=thousands,
        date_format=_date_format(run.date_format or ()), max_categories=run.max_categories, bad_rows=run.bad_rows,
    )  # fmt: skip


def _date_format(words: Sequence[str]) -> str | dict[str, str] | None:
    """One format for all columns, or formats by column."""
    forms = dict(word.split("=", 1) for word in words if "=" in word)
    if len(forms) == len(words):
        return forms or None
    if len(words) > 1:
        raise ConfigurationError(f"date_format: {', '.join(words)}: expected one format, or COLUMN=FORM,COLUMN=FORM")
    return words[0]


def without_missing_targets(table: Table, target: Target, bad_rows: str | None) -> Table:
    """The rows that have a target, unless `bad_rows` says that its absence is an error."""
    missing = table.column(target.name).missing()
    if bad_rows == "error" or missing.all():
        return table
    return table.without({int(row): f"the target {target.name!r} is missing" for row in np.flatnonzero(missing)})


def _with_targets(table: Table, target: Target, bad_rows: str | None) -> Table:
    """The rows whose target can be used.  Raises DataError for the others, unless bad rows are skipped or have no target."""
    table = without_missing_targets(table, target, bad_rows)
    fitted = FittedPreprocessing((), target)
    bad = fitted.problems(table)
    if bad_rows != "skip" or len(bad) == len(table):
        fitted.refuse(table, bad)
    return table.without(bad)


def _split(table: Table, target: Target, share: float = SHARE) -> tuple[Table, Table]:
    """The rows that stay, and those set aside, stratified by class.  Raises DataError if there are too few for both."""
    classes = target.encode(table.columns[target.name]) if isinstance(target, Classes) else None
    aside = held_out_rows(len(table), classes, share)
    if not aside.any():
        many = f" of {len(target.labels)} classes" if isinstance(target, Classes) else ""
        raise DataError(
            f"{table.source}: {len(table)} rows{many} are too few to set some aside for testing; "
            "give a file of test rows with --test"
        )
    return table.take(~aside), table.take(aside)


def _places(part: Table, whole: Table) -> np.ndarray:
    """Positions from 0 of these rows among all rows of their file, those included that could not be read."""
    rows = np.arange(1, len(whole) + 1) if whole.lines is None else whole.lines
    lines = np.sort(np.concatenate([rows, np.array([skipped.line for skipped in whole.skipped], rows.dtype)]))
    return np.searchsorted(lines, np.arange(1, len(part) + 1) if part.lines is None else part.lines)


def _report(name: str, fitted: FittedPreprocessing, parts: list[Table], drawn: bool) -> None:
    """Tell the user what was found, chosen and left out."""
    table, test = parts[:2]
    kinds = _by_kind(fitted)
    if isinstance(fitted.target, Classes):
        labels = fitted.target.labels
        target = f"{len(labels)} classes, {', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}"
    else:
        words = fitted.target.numeral.words if isinstance(fitted.target, Values) else ""
        target = f"a number{f' ({words})' if words else ''}"
    *first, last = (_counted(len(columns), kind) for kind, columns in kinds.items() if columns)
    found = f"{', '.join(first)} and {last}" if first else last
    verb = "make" if len(fitted.columns) > 1 else "makes"
    _say(
        f"{os.path.basename(table.source)} ({table.dialect}): {found} {verb} {_counted(fitted.width, 'input')}; "
        f"target {name!r}: {target}"
    )
    for kind, columns in kinds.items():
        if columns:
            _say(f"{_counted(len(columns), kind)}: {_listed([column.how for column in columns])}")
    for why, names in _by_reason(fitted).items():
        _say(f"{_counted(len(names), 'column')} left out: {_listed(names)} ({why})")
    where = "drawn from a fixed stream" if drawn else f"those of {os.path.basename(test.source)} ({test.dialect})"
    _say(f"{len(table):,} training rows; {len(test):,} test rows, {where}")
    report_skipped(*parts)
    report_unmatched(table)
    for part in parts:
        for note in fitted.notes(part):
            _say(f"{os.path.basename(part.source)}: {note}" if part.source != table.source else note)


def _by_kind(fitted: FittedPreprocessing) -> dict[str, list[FittedColumn]]:
    kinds: dict[str, list[FittedColumn]] = {"number": [], "date": [], "category": []}
    for column in fitted.columns:
        kind = "category" if isinstance(column, CategoryColumn) else "date" if column.date else "number"
        kinds[kind].append(column)
    return kinds


def _by_reason(fitted: FittedPreprocessing) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for column, why in fitted.left_out:
        reasons.setdefault(why, []).append(column)
    return reasons


def _listed(names: Sequence[str]) -> str:
    """The names, or the first of them where they are many."""
    return ", ".join(names[:LISTED]) + (f", ... ({len(names):,} in all)" if len(names) > LISTED else "")


def report_skipped(*parts: Table) -> None:
    """Tell the user for each file how many rows were left out, and the first of them with the reason."""
    skipped = _skipped(parts)
    for source in dict.fromkeys(part.source for part in parts):
        found = sorted((s for file, s in skipped if file == source), key=lambda s: s.line)
        if found:
            shown = "; ".join(f"{parts[0].unit} {s.line}: {s.why}" for s in found[:3]) + (
                "; ..." if len(found) > 3 else ""
            )
            _say(f"{os.path.basename(source)}: {_counted(len(found), 'row')} left out ({shown})")


def report_unmatched(table: Table) -> None:
    """Tell the user which markers of missing cells were given and are in no cell."""
    if table.unmatched:
        _say(
            f"{os.path.basename(table.source)}: no cell is {', '.join(map(repr, table.unmatched))}, given by --missing"
        )


def _skipped(parts: Sequence[Table]) -> set[tuple[str, Skipped]]:
    """The rows that were left out, with their files; a set, because parts of one file share some of them."""
    return {(part.source, skipped) for part in parts for skipped in part.skipped}


def _counted(n: int, what: str) -> str:
    plural = {"category": "categories"}.get(what, f"{what}s")
    return f"{n:,} {what if n == 1 else plural}"
