"""The cost of a training step as a user gets it, Trainer.fit(shuffle=True), beside the step's bare matrix products.

float32, ReLU, softmax cross-entropy, Adam.  Steps are timed from fit's first step to its last, epochs included; what fit
does before, checking and recording, is shown beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import record
import steps
import tables
from contestants import BARE
from rounds import Spread, ratios


def main() -> None:
    parser = record.options(__doc__)
    steps.add_options(parser)
    chosen = record.begin(parser)
    tasks = steps.networks(chosen)
    run = record.Record("time_step", chosen)
    steps.measure(run, ["dlcore", BARE[chosen.device.partition(":")[0]]], tasks, chosen)
    run.finish(summary)


def summary(values: Mapping[str, Any]) -> str:
    """Median times, and the ratio of each round."""
    rows = []
    for network, results in steps.by_network(values):
        step = results.get("dlcore")
        bare = next((results[name] for name in BARE.values() if name in results), None)
        if step:
            time = Spread.of(step["step_seconds"]).median
            rows.append((
                network,
                tables.seconds(time),
                tables.seconds(Spread.of(bare["step_seconds"]).median) if bare else "not measured",
                tables.spread(ratios(step["step_seconds"], bare["step_seconds"])) if bare else "",
                f"{tables.digits(step['operations'] / time / 1e9)}",
                tables.seconds(Spread.of(step["setup_seconds"]).median),
            ))  # fmt: skip
    header = ("network", "a step of fit", "bare products", "step / products", "GFLOP/s", "fit before its first step")
    return tables.markdown(header, rows)


if __name__ == "__main__":
    main()
