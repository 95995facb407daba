"""CPU against GPU: the step of a network with two hidden layers, for a sweep of widths and batch sizes.

Two hidden layers as wide as the input, ten classes, float32, Adam, softmax cross-entropy, shuffled batches.  Where a device
is absent the other one is measured alone; a cell whose step would take longer than --limit is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import record
import tables
from contestants import Contestant, Missing, Turn
from rounds import Spread, interleaved, ratios
from tasks import Task

from dlcore.backend import Backend
from dlcore.errors import DeviceError

WIDTHS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
BATCHES = (32, 128, 512, 2048, 8192, 16384)
DATA = 1 << 24  # numbers in the features: 64 MiB, more than most caches


def main() -> None:
    parser = record.options(__doc__)
    parser.set_defaults(device=record.EVERY)
    parser.add_argument("--widths", type=record.count, nargs="+", metavar="N", help=f"(default: {WIDTHS}; quick: 64)")
    parser.add_argument("--batches", type=record.count, nargs="+", metavar="N", help=f"(default: {BATCHES}; quick: 32)")
    parser.add_argument("--seconds", type=record.duration, help="of each turn, at least (default: 0.2; quick: 0.01)")
    parser.add_argument(
        "--limit", type=record.duration, default=2.0, help="seconds of a step; longer ones are left out (default: 2)"
    )
    chosen = record.begin(parser)
    chosen.widths = chosen.widths or ([64] if chosen.quick else list(WIDTHS))
    chosen.batches = chosen.batches or ([32] if chosen.quick else list(BATCHES))
    chosen.seconds = chosen.seconds or (0.01 if chosen.quick else 0.2)
    run = record.Record("devices", chosen)
    devices = [chosen.device]
    if chosen.device == record.EVERY:
        devices = ["cpu"]
        try:
            devices.append(Backend.for_device("cuda").name)
        except DeviceError as error:
            run.leave_out({"cuda": str(error)})
    rates: dict[str, float] = {}  # the most operations per second that a device has shown
    for width in chosen.widths:
        for batch in chosen.batches:
            measure(run, cell(width, batch, chosen.quick), devices, rates, chosen)
    run.finish(summary)


def cell(width: int, batch: int, quick: bool) -> Task:
    """At least one batch of rows, at most 65,536 of them unless the batch is larger."""
    rows = max(batch, min(65_536, DATA // width, 16 * batch if quick else 65_536))
    return Task((width, width, width, 10), batch, rows // batch * batch)


def measure(run: record.Record, task: Task, devices: list[str], rates: dict[str, float], chosen: Any) -> None:
    """Add the times of one cell."""
    with ExitStack() as processes:
        turns = {}
        for device in devices:
            expected = task.operations / rates[device] if device in rates else 0.0
            if expected > chosen.limit:
                run.leave_out({f"{device}, {task.name}": f"a step would take about {tables.seconds(expected)}"})
                continue
            try:
                contestant = processes.enter_context(Contestant("dlcore", task, device))
                turns[device] = partial(contestant.turn, contestant.steady(chosen.seconds))
            except (Missing, RuntimeError) as error:  # out of memory, say
                run.leave_out({f"{device}, {task.name}": str(error)})
        try:
            results: dict[str, list[Turn]] = interleaved(turns, chosen.rounds)
        except RuntimeError as error:
            run.leave_out({task.name: str(error)})
            return
    for device, taken in results.items():
        times = [turn.step_seconds for turn in taken]
        rates[device] = max(rates.get(device, 0.0), task.operations / Spread.of(times).median)
        run.add({
            "device": device, "width": task.widths[0], "batch": task.batch, "rows": task.rows,
            "operations": task.operations, "step_seconds": times, "neighbours": [turn.neighbours for turn in taken],
        })  # fmt: skip
    record.say(f"{task.name}: done")


def summary(values: Mapping[str, Any]) -> str:
    """A table of times for each device, and of the ratio of both where there are two; rows are widths, columns batch sizes."""
    times = {(r["device"], r["width"], r["batch"]): r["step_seconds"] for r in values["results"]}
    devices = list(dict.fromkeys(device for device, _, _ in times))
    widths, batches = sorted({w for _, w, _ in times}), sorted({b for _, _, b in times})
    header = [f"batch {b}" for b in batches]
    blocks = []
    for device in devices:
        cells = [[_time(times.get((device, w, b))) for b in batches] for w in widths]
        blocks.append(_table(f"{device}, width", header, widths, cells))
    if len(devices) == 2:
        first, second = devices
        cells = [[_ratio(times.get((first, w, b)), times.get((second, w, b))) for b in batches] for w in widths]
        blocks.append(_table(f"{first} / {second}, width", header, widths, cells))
    return "\n\n".join(blocks)


def _table(corner: str, header: list[str], widths: list[int], cells: list[list[str]]) -> str:
    return tables.markdown([corner, *header], [[str(w), *row] for w, row in zip(widths, cells, strict=True)])


def _time(times: list[float] | None) -> str:
    return tables.seconds(Spread.of(times).median) if times else "left out"


def _ratio(ours: list[float] | None, theirs: list[float] | None) -> str:
    return tables.spread(ratios(ours, theirs)) if ours and theirs else ""


if __name__ == "__main__":
    main()
