"""The cost of a training step as a user gets it, Trainer.fit(shuffle=True), beside the step's bare matrix products.

float32, ReLU, softmax cross-entropy, Adam.  Steps are timed from fit's first step to its last, including the ends of epochs;
the time that fit takes before the first step, for checking and recording, is shown beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import record
import steps
import tables
from contestants import OF_A_STEP
from rounds import Spread, ratios


def main() -> None:
    parser = record.options(__doc__)
    steps.add_options(parser)
    chosen = record.begin(parser)
    tasks = steps.networks(chosen)
    run = record.Record("time_step", chosen)
    pairs = OF_A_STEP[chosen.device.partition(":")[0]]
    steps.measure(run, [*pairs, *pairs.values()], tasks, chosen)
    run.finish(summary)


def summary(values: Mapping[str, Any]) -> str:
    """Median times, and the ratio of each round."""
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
