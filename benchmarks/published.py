"""Published learning results, trained again with dlcore: the same configuration, the same data, several seeds.

published_rows.py says what was published, how it is trained here, and when it counts as reproduced.  --quick trains the same
configurations on the bundled digits for three epochs and judges nothing; --quick with --data-dir trains a few epochs on
MNIST, whose result must be below the row's limit for short runs.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, stdev
from typing import Any

import record
import tables
from machine import Neighbours
from peers.dlcore_trainer import Watch
from published_rows import ROWS, ErrorRow, OrderRow, Way
from rounds import Spread
from rules import NoImprovement
from tasks import Data, Task

import dlcore as dl

SEEDS = 3
DIGITS_EPOCHS = 3


def main() -> None:
    parser = record.options(__doc__, rounds=SEEDS)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the folder of MNIST's four files")
    parser.add_argument("--resume", action="store_true", help="train what the record in --json does not have yet")
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS], metavar="NAME", help="(default: all)")
    chosen = record.begin(parser)
    if not chosen.quick and chosen.data_dir is None:
        parser.error(
            "give --data-dir, the folder that holds train-images-idx3-ubyte.gz and MNIST's other files; or --quick"
        )
    try:
        data = Task((784, 10), 60_000, 60_000, data=str(chosen.data_dir)).load() if chosen.data_dir else None
    except dl.DataError as error:
        parser.error(f"--data-dir: {error}")
    chosen.digits = data is None
    data = data or Task((64, 10), 1437, 1437, data="digits").load()
    run = record.Record("published", chosen)
    if chosen.resume:
        if chosen.json is None:
            parser.error("--resume needs --json, the record to go on with")
        try:
            run.resume()
        except record.RecordError as error:
            parser.error(f"--resume: {error}")
    rows = [row for row in ROWS if chosen.rows is None or row.name in chosen.rows]
    ways: dict[str, dict[str, tuple[Way, Tried]]] = {}
    for seed in range(
        1 if chosen.quick else chosen.rounds
    ):  # every row gets its first seed before any gets a second one
        for row in rows:
            if seed >= row.seeds:
                continue
            had = [r for r in run.values["results"] if r["row"] == row.name]
            if isinstance(row, ErrorRow):
                if seed not in (r["seed"] for r in had):
                    run.add(error_of(row, data, seed, chosen))
                continue
            for name in row.ways:
                if (name, seed) not in ((r["way"], r["seed"]) for r in had):
                    ways[row.name] = ways.get(row.name) or searched(row, data, chosen, had)
                    run.add(curve_of(row, name, *ways[row.name][name], data, seed, chosen))
    run.finish(summary)
    failed = [name for name, verdict in verdicts(run.values).items() if verdict not in GOOD]
    if failed:
        sys.exit(f"not as published: {', '.join(failed)}")


# -- training --------------------------------------------------------------------------------------------------------


def trained(
    row: ErrorRow | OrderRow,
    way: Way,
    data: Data,
    seed: int,
    epochs: int,
    device: str,
    rule: NoImprovement | None = None,
) -> tuple[dict[str, Any], dl.Trainer]:
    """Train from fresh weights to the last epoch, or until the rule stops.  The losses include the l2 term."""
    losses: list[float] = []
    errors: list[float] = []
    (optimizer,) = way.optimizers

    def after_epoch(loss: float) -> bool:
        losses.append(loss)
        if isinstance(row, OrderRow) and row.measure == "test error":
            errors.append(test_error(trainer, data))
        return rule is not None and rule(loss, lambda: 0.0)

    trainer = dl.Trainer(way.model(data.X.shape[1]), dl.SoftmaxCrossEntropy(), optimizer, device=device, seed=seed)
    neighbours, start = Neighbours(), time.perf_counter()
    watch = Watch(lambda: None, after_epoch, optimizer.l2)
    trainer.fit(data.X, data.y, epochs=epochs, batch_size=row.batch, callbacks=[watch])
    facts = {
        "row": row.name, "seed": seed, "epochs": len(losses), "seconds": time.perf_counter() - start,
        "neighbours": [neighbours.share()], "learning_rate": optimizer.learning_rate, "losses": losses,
    }  # fmt: skip
    return (facts | {"errors": errors} if errors else facts), trainer


def test_error(trainer: dl.Trainer, data: Data) -> float:
    return 1 - trainer.evaluate(data.X_test, data.y_test)["accuracy"]


def error_of(row: ErrorRow, data: Data, seed: int, chosen: Any) -> dict[str, Any]:
    """One seed of a row with an error."""
    rule = NoImprovement(row.rule.tolerance, row.rule.epochs) if row.rule else None
    way = Way(row.model, (row.optimizer,))
    facts, trainer = trained(row, way, data, seed, epochs_of(row, chosen), chosen.device, rule)
    error = test_error(trainer, data)
    record.say(
        f"{row.name}, seed {seed}: {facts['epochs']} epochs, {tables.seconds(facts['seconds'])}, {100 * error:.2f} % wrong"
    )
    return {**facts, "loss": facts["losses"][-1], "error": error, "ended_by_rule": rule is not None and rule.met}


Tried = dict[str, float]  # learning rate -> training loss after the search, without rates that diverged


def searched(
    row: OrderRow, data: Data, chosen: Any, had: Sequence[Mapping[str, Any]] = ()
) -> dict[str, tuple[Way, Tried]]:
    """Each way of training with its best learning rate, and the rates tried; a short run takes the middle rate, without search.

    A way that `had` results keeps the rate that they were trained with, and is not searched again.
    """
    found = {}
    for name, way in row.ways.items():
        before = next((r for r in had if r["way"] == name), None)
        if before:
            best = next(o for o in way.optimizers if o.learning_rate == before["learning_rate"])
            found[name] = Way(way.model, (best,)), before["tried"]
            continue
        best, tried = way.optimizers[len(way.optimizers) // 2], Tried()
        for optimizer in () if chosen.quick else way.optimizers:
            try:
                facts, _ = trained(row, Way(way.model, (optimizer,)), data, 0, row.search, chosen.device)
            except dl.DivergenceError:
                continue
            if facts["losses"][-1] < min(tried.values(), default=math.inf):
                best = optimizer
            tried[f"{optimizer.learning_rate:g}"] = facts["losses"][-1]
        if tried:
            losses = ", ".join(f"{tables.digits(loss)} at {rate}" for rate, loss in tried.items())
            record.say(f"{row.name}, {name}: training loss {losses}")
        found[name] = Way(way.model, (best,)), tried
    return found


def curve_of(row: OrderRow, name: str, way: Way, tried: Tried, data: Data, seed: int, chosen: Any) -> dict[str, Any]:
    """One seed of a way of training."""
    facts, _ = trained(row, way, data, seed, epochs_of(row, chosen), chosen.device)
    last = curve(row, facts)[-1]
    record.say(
        f"{row.name}, {name}, seed {seed}: {tables.seconds(facts['seconds'])}, {row.measure} {tables.digits(last)}"
    )
    return {**facts, "way": name, "tried": tried}


def epochs_of(row: ErrorRow | OrderRow, chosen: Any) -> int:
    if chosen.quick:
        return DIGITS_EPOCHS if chosen.digits else row.short[0]
    return row.epochs


# -- judging ---------------------------------------------------------------------------------------------------------

GOOD = ("reproduced", "not judged", "not judged: one seed", "not judged: unfinished", "as expected")


def verdicts(values: Mapping[str, Any]) -> dict[str, str]:
    """Row -> whether it was reproduced."""
    found = {}
    for row in ROWS:
        runs = [r for r in values["results"] if r["row"] == row.name]
        if runs and isinstance(row, ErrorRow):
            found[row.name] = verdict(row, [r["error"] for r in runs], values["options"])
        elif runs and isinstance(row, OrderRow):
            found[row.name] = verdict_of_order(row, medians(row, runs), values["options"])
    return found


def verdict(row: ErrorRow, errors: Sequence[float], options: Mapping[str, Any]) -> str:
    """Whether the errors of the seeds agree with the published error."""
    if options["digits"]:
        return "not judged"
    if options["quick"]:
        return _short_verdict(row, max(errors))
    if len(errors) < 2:
        return "not judged: one seed"
    return "reproduced" if median(errors) <= row.error + 2 * stdev(errors) else "NOT reproduced"


def verdict_of_order(row: OrderRow, medians: Mapping[str, Sequence[float]], options: Mapping[str, Any]) -> str:
    """Whether the first way lies below all others at each of the row's epochs; medians over the seeds, epoch by epoch."""
    if options["digits"]:
        return "not judged"
    if set(medians) != set(row.ways):
        return "not judged: unfinished"
    if options["quick"]:
        return _short_verdict(row, medians[row.first][-1])
    ahead = [
        f"{name} after {epoch} epochs"
        for epoch in row.at
        for name, values in medians.items()
        if name != row.first and values[epoch - 1] <= medians[row.first][epoch - 1]
    ]
    return f"NOT reproduced: {row.first} is not below {', '.join(ahead)}" if ahead else "reproduced"


def _short_verdict(row: ErrorRow | OrderRow, value: float) -> str:
    epochs, limit = row.short
    return "as expected" if value < limit else f"WORSE than expected after {epochs} epochs"


def curve(row: OrderRow, facts: Mapping[str, Any]) -> list[float]:
    """The row's measure after each epoch."""
    return list(facts["errors" if row.measure == "test error" else "losses"])


def medians(row: OrderRow, runs: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Way -> its measure after each epoch, the median over the seeds."""
    return {
        way: [median(values) for values in zip(*(curve(row, r) for r in runs if r["way"] == way), strict=True)]
        for way in dict.fromkeys(r["way"] for r in runs)
    }


# -- showing ---------------------------------------------------------------------------------------------------------


def summary(values: Mapping[str, Any]) -> str:
    """Each row beside the published result, and the differences from the published configuration."""
    judged = verdicts(values)
    data = "digits, not the published data" if values["options"]["digits"] else "MNIST"
    errors, orders, notes = [], [], []
    for row in ROWS:
        runs = [r for r in values["results"] if r["row"] == row.name]
        if not runs:
            continue
        if row.differs:
            notes.append(f"- {row.name}: {row.differs}.")
        if isinstance(row, ErrorRow):
            errors.append(_error_line(row, runs, judged[row.name]))
        else:
            orders += _order_lines(row, runs, judged[row.name])
    parts = []
    if errors:
        header = (data, "% wrong, published", "% wrong, dlcore", "seeds", "epochs", "time", "")
        parts.append(tables.markdown(header, errors))
    if orders:
        header = (data, "learning rate", "measured", "seeds", "time", "published: the first of each row is the lowest")
        parts.append(tables.markdown(header, orders))
    if notes:
        parts.append("Not as published:\n\n" + "\n".join(notes))
    return "\n\n".join(parts)


def _error_line(row: ErrorRow, runs: Sequence[Mapping[str, Any]], judged: str) -> tuple[str, ...]:
    wrong, seconds = Spread.of([100 * r["error"] for r in runs]), Spread.of([r["seconds"] for r in runs])
    return (
        f"{row.name} ({row.source})",
        f"{100 * row.error:.2f}",
        f"{wrong.median:.2f} ({wrong.least:.2f} to {wrong.most:.2f})",
        str(len(runs)),
        f"{median(r['epochs'] for r in runs):g}",
        tables.seconds(seconds.median),
        judged,
    )


def _order_lines(row: OrderRow, runs: Sequence[Mapping[str, Any]], judged: str) -> list[tuple[str, ...]]:
    lines = []
    found = medians(row, runs)
    lowest = sum(min(values) == values[0] for values in zip(*found.values(), strict=True))  # the first way comes first
    for way, values in found.items():
        own = [r for r in runs if r["way"] == way]
        at = [epoch for epoch in row.at if epoch <= len(values)] or [len(values)]
        percent = row.measure == "test error"
        shown = [f"{100 * values[e - 1]:.2f} %" if percent else tables.digits(values[e - 1]) for e in at]
        lines.append((
            f"{row.name} ({row.source}): {way}",
            f"{own[0]['learning_rate']:g}",
            f"{row.measure} {', '.join(f'{value} after {e} epochs' for value, e in zip(shown, at, strict=True))}",
            str(len(own)),
            tables.seconds(median(r["seconds"] for r in own)),
            f"{judged}; lowest in {lowest} of {len(values)} epochs" if way == row.first else "",
        ))  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
