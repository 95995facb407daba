"""A step with one call that has no compiled kernel, beside the compiled step and the time of that call.

784-256-10 with batches of 128, float32, Adam.  The reference kernel of ReLU takes the place of the compiled one: the host makes
that call between two segments of the worker.  The step should cost the compiled step and the call, and little more.  The call
is timed where it is made: alone, in a loop, it would find its arrays in the cache and take half as long.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np
import record
import tables
from rounds import Spread, interleaved

import dlcore as dl
from dlcore.backends.backend import Backend, from_namespace
from dlcore.kernels.table import KernelTable

WIDTHS, BATCH = (784, 256, 10), 128


def main() -> None:
    parser = record.options(__doc__)
    parser.add_argument("--batches", type=record.count, help="steps of each turn (default: 200; quick: 5)")
    chosen = record.begin(parser)
    chosen.batches = chosen.batches or (5 if chosen.quick else 200)
    backend = Backend.for_device("cpu")
    if backend.kernels["relu"].source == "reference":
        parser.error(f"there is no compiled kernel to leave out: {backend.reason}")
    run = record.Record("time_segments", chosen)
    run.add(measure(backend, chosen.batches, chosen.rounds))
    run.finish(summary)


def measure(backend: Backend, batches: int, rounds: int) -> dict[str, Any]:
    """Seconds of a step of each kind and of the call, in interleaved rounds."""
    random = np.random.default_rng(0)
    X = random.standard_normal((batches * BATCH, WIDTHS[0])).astype(np.float32)
    y = random.integers(0, WIDTHS[-1], len(X))
    relu, spent = from_namespace(np, "numpy").kernels["relu"], [0.0]

    def timed(z: Any, *, out: Any) -> None:
        start = perf_counter()
        relu.run(z, out=out)
        spent[0] += perf_counter() - start

    def fit(backend: Backend) -> Callable[[], tuple[float, float]]:
        model = dl.Sequential(dl.Dense(*WIDTHS[:2]), dl.ReLU(), dl.Dense(*WIDTHS[1:]))
        trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=backend)
        trainer.fit(X, y, epochs=1, batch_size=BATCH)  # compiles, and finds the length of a chunk

        def turn() -> tuple[float, float]:
            spent[0] = 0.0
            return trainer.fit(X, y, epochs=1, batch_size=BATCH)["seconds"][0] / batches, spent[0] / batches

        return turn

    # the compiled step is not fused with ReLU either: what fusion saves is another matter
    table = backend.kernels
    slow = {name: from_namespace(np, "numpy").kernels[name] for name in ("dense_relu", "dense_relu_dropout")}
    unfused, host = (
        dataclasses.replace(backend, kernels=KernelTable({**table, **slow, **own}, table.device, table.executor))
        for own in ({}, {"relu": dataclasses.replace(relu, run=timed)})
    )
    taken = interleaved({"compiled": fit(unfused), "with_host_call": fit(host)}, rounds)
    return {f"{name}_seconds": [step for step, _ in turns] for name, turns in taken.items()} | {
        "call_seconds": [call for _, call in taken["with_host_call"]]
    }


def summary(values: Mapping[str, Any]) -> str:
    """Median times, and the ratio of each round."""
    (result,) = values["results"]
    compiled, host, call = (result[f"{name}_seconds"] for name in ("compiled", "with_host_call", "call"))
    ratio = Spread.of([h / (c + own) for h, c, own in zip(host, compiled, call, strict=True)])
    row = (*(tables.seconds(Spread.of(times).median) for times in (compiled, call, host)), tables.spread(ratio))
    header = ("compiled step", "the call", "step with the host call", "step / (compiled + call)")
    return tables.markdown(header, [row])


if __name__ == "__main__":
    main()
