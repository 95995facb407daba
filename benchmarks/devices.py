"""CPU against GPU: the step of a network with two hidden layers, for a sweep of widths and batch sizes.

Two hidden layers as wide as the input, ten classes, float32, Adam, softmax cross-entropy, shuffled batches.  If a device is
absent, the other one is measured alone; a cell whose step would take longer than --limit is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import record
import tables
from contestants import BARE, Field
from rounds import Spread, ratios
from tasks import Task

from dlcore.backends.backend import Backend
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
    rates: dict[str, float] = {}  # device -> most operations per second so far
    for width in chosen.widths:
        for batch in chosen.batches:
            measure(run, cell(width, batch, chosen.quick), devices, rates, chosen)
    run.finish(summary)


def cell(width: int, batch: int, quick: bool) -> Task:
    """The task of a cell, with at least one batch of rows, and at most 65,536 rows unless the batch is larger."""
    rows = max(batch, min(65_536, DATA // width, 16 * batch if quick else 65_536))
    return Task((width, width, width, 10), batch, rows // batch * batch)


def measure(run: record.Record, task: Task, devices: list[str], rates: dict[str, float], chosen: Any) -> None:
    """Add the times of one cell: the step and its bare products, on each device."""
    entries = {}
    for device in devices:
        expected = task.operations / rates[device] if device in rates else 0.0
        if expected > chosen.limit:
            run.leave_out({f"{device}, {task.name}": f"a step would take about {tables.seconds(expected)}"})
        else:
            entries[device] = ("dlcore", device)
            entries[f"{device}, bare products"] = (BARE[device.partition(":")[0]], device)
    with Field(entries, task, run.leave_out) as field:
        turns = field.turns(chosen.seconds, chosen.rounds, lambda done: None)
    for device in devices:
        if device in turns:
            times = [turn.step_seconds for turn in turns[device]]
            bare = [turn.step_seconds for turn in turns.get(f"{device}, bare products", ())]
            rates[device] = max(rates.get(device, 0.0), task.operations / Spread.of(times).median)
            run.add({
                "device": device, "width": task.widths[0], "batch": task.batch, "rows": task.rows,
                "operations": task.operations, "step_seconds": times, "bare_seconds": bare,
                "neighbours": [turn.neighbours for turn in turns[device]],
            })  # fmt: skip
    record.say(f"{task.name}: done")


def summary(values: Mapping[str, Any]) -> str:
    """For each device a table of times, and of ratios to the bare products; then the ratio of both devices, if there are two.

    Rows are widths, columns batch sizes.
    """
    results = {(r["device"], r["width"], r["batch"]): r for r in values["results"]}
    devices = list(dict.fromkeys(device for device, _, _ in results))
    widths, batches = sorted({w for _, w, _ in results}), sorted({b for _, _, b in results})

    def table(corner: str, cell: Callable[[int, int], str]) -> str:
        rows = [[str(w), *(cell(w, b) for b in batches)] for w in widths]
        return tables.markdown([f"{corner}, width", *(f"batch {b}" for b in batches)], rows)

    def times(device: str, what: str) -> Callable[[int, int], list[float]]:
        return lambda w, b: results.get((device, w, b), {}).get(what, [])

    blocks = []
    for device in devices:
        step, bare = times(device, "step_seconds"), times(device, "bare_seconds")
        blocks.append(table(f"{device}: a step", lambda w, b, step=step: _time(step(w, b))))
        blocks.append(table("step / bare products", lambda w, b, step=step, bare=bare: _ratio(step(w, b), bare(w, b))))
    if len(devices) == 2:
        first, second = (times(device, "step_seconds") for device in devices)
        blocks.append(table(" / ".join(devices), lambda w, b: _ratio(first(w, b), second(w, b))))
    return "\n\n".join(blocks)


def _time(times: Sequence[float]) -> str:
    return tables.seconds(Spread.of(times).median) if times else "left out"


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return tables.spread(ratios(ours, theirs)) if ours and theirs else ""


if __name__ == "__main__":
    main()
