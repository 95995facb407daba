"""Learning results that others have published, trained again with dlcore: their configuration, their data, several seeds.

A row is reproduced if the median error is at most the published one plus two standard deviations over the seeds: most
published figures are of a single run.  --quick trains the same configurations on the bundled digits, one seed, and judges
nothing; --quick with --data-dir trains three epochs on MNIST, and their error must be below the row's limit for that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, stdev
from typing import Any

import record
import tables
from peers.dlcore_trainer import Watch, network
from rounds import Spread
from rules import NoImprovement
from tasks import Data, Task

import dlcore as dl


@dataclass(frozen=True)
class Row:
    """A published figure: the test error of a ReLU network with softmax cross-entropy, and how it was trained."""

    name: str
    source: str
    error: float
    hidden: tuple[int, ...]
    optimizer: dl.Optimizer
    batch: int
    epochs: int
    rule: NoImprovement
    short_limit: float  # test error after three epochs


_BENCH_MNIST = "scikit-learn, benchmarks/bench_mnist.py, docstring"
_L2 = 1e-4 / 200  # its alpha=1e-4, divided by the rows of a batch

ROWS = (
    Row("MLP-adam", _BENCH_MNIST, 0.0224, (100, 100), dl.Adam(1e-3, l2=_L2), 200, 400, NoImprovement(1e-4, 10), 0.06),
    Row(
        "MultilayerPerceptron", _BENCH_MNIST, 0.0287, (100, 100), dl.SGD(0.2, momentum=0.9, nesterov=True, l2=_L2),
        200, 400, NoImprovement(1e-4, 10), 0.08,
    ),
)  # fmt: skip


def main() -> None:
    parser = record.options(__doc__, rounds=5)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the folder of MNIST's four files")
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
    for row in ROWS:
        if chosen.rows is None or row.name in chosen.rows:
            for seed in range(1 if chosen.quick else chosen.rounds):
                run.add(train(row, data, seed, 3 if chosen.quick else row.epochs, chosen.device))
    run.finish(summary)
    failed = [name for name, verdict in verdicts(run.values).items() if verdict not in GOOD]
    if failed:
        sys.exit(f"not as published: {', '.join(failed)}")


def train(row: Row, data: Data, seed: int, epochs: int, device: str) -> dict[str, Any]:
    """One seed, from fresh weights to the end of the row's rule."""
    losses: list[float] = []
    rule = NoImprovement(row.rule.tolerance, row.rule.epochs)

    def after_epoch(loss: float) -> bool:
        losses.append(loss)
        return rule(loss, lambda: 0.0)

    widths = (data.X.shape[1], *row.hidden, 10)
    trainer = dl.Trainer(network(widths), dl.SoftmaxCrossEntropy(), row.optimizer, device=device, seed=seed)
    start = time.perf_counter()
    watch = Watch(lambda: None, after_epoch, row.optimizer.l2)
    trainer.fit(data.X, data.y, epochs=epochs, batch_size=row.batch, callbacks=[watch])
    seconds = time.perf_counter() - start
    error = 1 - trainer.evaluate(data.X_test, data.y_test)["accuracy"]
    record.say(f"{row.name}, seed {seed}: {len(losses)} epochs, {tables.seconds(seconds)}, {100 * error:.2f} % wrong")
    result = {
        "row": row.name,
        "seed": seed,
        "epochs": len(losses),
        "seconds": seconds,
        "loss": losses[-1],
        "error": error,
    }
    return {**result, "ended_by_rule": rule.met}


GOOD = ("reproduced", "not judged", "as expected")


def verdicts(values: Mapping[str, Any]) -> dict[str, str]:
    """Row -> whether it was reproduced."""
    found = {}
    for row in ROWS:
        errors = [r["error"] for r in values["results"] if r["row"] == row.name]
        if errors:
            found[row.name] = verdict(row, errors, values["options"])
    return found


def verdict(row: Row, errors: Sequence[float], options: Mapping[str, Any]) -> str:
    """Whether errors of the seeds agree with the published one."""
    if options["digits"]:
        return "not judged"
    if options["quick"]:
        return "as expected" if max(errors) < row.short_limit else "WORSE than expected after three epochs"
    if len(errors) < 2:
        return "not judged"
    return "reproduced" if median(errors) <= row.error + 2 * stdev(errors) else "NOT reproduced"


def summary(values: Mapping[str, Any]) -> str:
    """Each row beside the published figure."""
    judged = verdicts(values)
    lines = []
    for row in ROWS:
        runs = [r for r in values["results"] if r["row"] == row.name]
        if runs:
            wrong, seconds = Spread.of([100 * r["error"] for r in runs]), Spread.of([r["seconds"] for r in runs])
            lines.append((
                f"{row.name} ({row.source})",
                f"{100 * row.error:.2f}",
                f"{wrong.median:.2f} ({wrong.least:.2f} to {wrong.most:.2f})",
                str(len(runs)),
                f"{median(r['epochs'] for r in runs):g}",
                tables.seconds(seconds.median),
                judged[row.name],
            ))  # fmt: skip
    data = "digits, not the published data" if values["options"]["digits"] else "MNIST"
    return tables.markdown((data, "% wrong, published", "% wrong, dlcore", "seeds", "epochs", "time", ""), lines)


if __name__ == "__main__":
    main()
