"""Steps of several contestants, network by network, in interleaved rounds; common to time_step.py and time_peers.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from contestants import Field, Turn
from record import Record, count, duration, say
from tasks import NETWORKS, OF_A_DEVICE, Task

QUICK_ROWS = 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    numbers = range(1, len(NETWORKS) + 1)
    listed = "; ".join(f"{i}: {task.name}" for i, task in zip(numbers, NETWORKS, strict=True))
    parser.add_argument(
        "--networks",
        type=int,
        nargs="+",
        choices=numbers,
        metavar="N",
        help=f"{listed} (default: 1 to 4, on a GPU 3, 5, 6; quick: 1)",
    )
    parser.add_argument("--rows", type=count, help="of the training set (default: 59,904, and 65,536 for network 1)")
    parser.add_argument("--seconds", type=duration, help="of each turn, at least (default: 0.5; quick: 0.01)")


def networks(chosen: argparse.Namespace) -> list[Task]:
    """The tasks that the options ask for; `seconds` gets its value."""
    chosen.networks = chosen.networks or ([1] if chosen.quick else list(OF_A_DEVICE[chosen.device.partition(":")[0]]))
    chosen.seconds = chosen.seconds or (0.01 if chosen.quick else 0.5)
    rows = chosen.rows or (QUICK_ROWS if chosen.quick else None)
    tasks = [NETWORKS[n - 1] for n in chosen.networks]
    return [task.with_rows(rows) if rows else task for task in tasks]


def measure(record: Record, names: Sequence[str], tasks: Sequence[Task], chosen: argparse.Namespace) -> None:
    """Add the contestants' times for each task to the record."""
    for task in tasks:
        say(f"{task.name}: starting {len(names)} contestants")
        with Field({name: (name, chosen.device) for name in names}, task, record.leave_out) as field:
            turns = field.turns(chosen.seconds, chosen.rounds, partial(_say_round, task, chosen.rounds))
            facts = {name: field.ask(name, "facts") for name in turns}
            record.add(*(_result(name, task, taken, facts[name] or {}) for name, taken in turns.items()))


def _say_round(task: Task, rounds: int, done: int) -> None:
    say(f"{task.name}: round {done} of {rounds}")


def _result(name: str, task: Task, turns: Sequence[Turn], facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "contestant": name,
        "network": task.name,
        "rows": task.rows,
        "operations": task.operations,
        "steps_of_a_turn": turns[0].steps,
        "step_seconds": [turn.step_seconds for turn in turns],
        "setup_seconds": [turn.setup_seconds for turn in turns],
        "loss": turns[-1].loss if turns[-1].loss == turns[-1].loss else None,  # NaN is not JSON
        "neighbours": [turn.neighbours for turn in turns],
        "facts": dict(facts),
    }


def by_network(record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
    """(network, contestant -> result), in the order of measurement."""
    results = [result for result in record["results"] if "step_seconds" in result]
    for network in dict.fromkeys(result["network"] for result in results):
        yield network, {r["contestant"]: r for r in results if r["network"] == network}
