"""The cost of a training step as a user gets it, Trainer.fit(shuffle=True), beside the step's bare matrix products.

float32, ReLU, softmax cross-entropy, Adam.  Steps are timed from fit's first step to its last, including the ends of epochs;
the time that fit takes before the first step, for checking and recording, is shown beside it.  A second table
shows one long run, its last epoch beside its first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import record
import steps
import tables
from contestants import OF_A_STEP, Field
from rounds import Spread, ratios
from tasks import NETWORKS, Task

LONG = 30  # epochs, after which many of the first moments of Adam have shrunk to what a step takes for 0
LONG_NETWORK = 2
LONG_ROUNDS = 3  # each compares itself with itself, so few do


def main() -> None:
    parser = record.options(__doc__)
    steps.add_options(parser)
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help=f"of the long run of network {LONG_NETWORK}; 0: none (default: {LONG}, on a GPU 0; quick: 3 of network 1)",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="the folder of MNIST's four files, for the long run"
    )
    chosen = record.begin(parser)
    tasks = steps.networks(chosen)
    if chosen.epochs is None:
        chosen.epochs = 3 if chosen.quick else LONG if chosen.device == "cpu" else 0
    if chosen.epochs not in (0, *range(2, 1000)):
        parser.error(
            f"--epochs {chosen.epochs}: expected 0, or at least 2, of which the last is compared with the first"
        )
    run = record.Record("time_step", chosen)
    pairs = OF_A_STEP[chosen.device.partition(":")[0]]
    steps.measure(run, [*pairs, *pairs.values()], tasks, chosen)
    if chosen.epochs:
        measure_long_run(run, long_task(chosen), chosen)
    run.finish(summary)


def long_task(chosen: argparse.Namespace) -> Task:
    task = NETWORKS[0 if chosen.quick else LONG_NETWORK - 1]
    task = replace(task, data=str(chosen.data_dir)) if chosen.data_dir and not chosen.quick else task
    rows = chosen.rows or (steps.QUICK_ROWS if chosen.quick else None)
    return task.with_rows(rows) if rows else task


def measure_long_run(run: record.Record, task: Task, chosen: argparse.Namespace) -> None:
    """Add the times of every epoch of some runs to the record."""
    data = "planted data" if task.data == "planted" else "MNIST"
    record.say(f"{task.name}: {chosen.epochs} epochs on {data}")
    with Field({"dlcore": ("dlcore", chosen.device)}, task, run.leave_out) as field:
        field.ask("dlcore", "turn", 1)  # compiles
        runs = [field.ask("dlcore", "epochs", chosen.epochs) for _ in range(min(chosen.rounds, LONG_ROUNDS))]
        if field.present:
            run.add(
                {
                    "contestant": "dlcore",
                    "network": task.name,
                    "data": data,
                    "rows": task.rows,
                    "epoch_seconds": [seconds for seconds, _ in runs],
                    "neighbours": [share for _, share in runs],
                }
            )


def summary(values: Mapping[str, Any]) -> str:
    """Median times, and the ratio of each round; then the long runs."""
    parts = [_steps(values), _long_runs(values)]
    return "\n\n".join(part for part in parts if part)


def _long_runs(values: Mapping[str, Any]) -> str:
    rows = []
    for result in values["results"]:
        if "epoch_seconds" in result:
            first, last = ([epochs[i] for epochs in result["epoch_seconds"]] for i in (0, -1))
            rows.append((
                f"{result['network']}, {result['data']}, after {len(result['epoch_seconds'][0])} epochs beside the first",
                tables.seconds(Spread.of(last).median),
                tables.seconds(Spread.of(first).median),
                tables.spread(ratios(last, first)),
            ))  # fmt: skip
    return (
        tables.markdown(("network", "a step of the last epoch", "of the first", "last / first"), rows) if rows else ""
    )


def _steps(values: Mapping[str, Any]) -> str:
    rows = []
    for network, results in steps.by_network(values):
        for name, step, bare in _pairs(results):
            time = Spread.of(step["step_seconds"]).median
            rows.append((
                f"{network}{name.removeprefix('dlcore')}",
                tables.seconds(time),
                tables.seconds(Spread.of(bare["step_seconds"]).median) if bare else "not measured",
                tables.spread(ratios(step["step_seconds"], bare["step_seconds"])) if bare else "",
                f"{tables.digits(step['operations'] / time / 1e9)}",
                tables.seconds(Spread.of(step["setup_seconds"]).median),
            ))  # fmt: skip
    header = ("network", "a step of fit", "bare products", "step / products", "GFLOP/s", "fit before its first step")
    return tables.markdown(header, rows)


def _pairs(results: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(contestant, its result, that of its bare products or None)"""
    for name in (name for name in OF_A_STEP["cuda"] if name in results):
        known = [pairs[name] for pairs in OF_A_STEP.values() if name in pairs]
        yield name, results[name], next((results[bare] for bare in known if bare in results), None)


if __name__ == "__main__":
    main()
