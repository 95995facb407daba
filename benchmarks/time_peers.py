"""A training step of dlcore beside the same step in PyTorch, JAX and scikit-learn, whichever are installed.

All train the same network on the same data, float32, Adam, softmax cross-entropy, and gather shuffled batches.
"medium", "bf16" and "TF32" may multiply with fewer bits than the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import record
import steps
import tables
from contestants import ALL, ROUNDED
from rounds import Spread, ratios


def main() -> None:
    parser = record.options(__doc__)
    steps.add_options(parser)
    parser.add_argument("--only", nargs="+", choices=ALL, metavar="NAME", help=f"of: {', '.join(ALL)}")
    chosen = record.begin(parser)
    tasks = steps.networks(chosen)
    run = record.Record("time_peers", chosen)
    steps.measure(run, chosen.only or list(ALL), tasks, chosen)
    run.finish(summary)


def summary(values: Mapping[str, Any]) -> str:
    """For each network: the median step, and the ratio to dlcore's within each round; then the best of each library."""
    blocks = []
    for network, results in steps.by_network(values):
        ours = results.get("dlcore")
        rows = []
        for name, result in results.items():
            against = tables.spread(ratios(result["step_seconds"], ours["step_seconds"])) if ours else ""
            version = result["facts"].get("version", "")
            rows.append((name, version, tables.seconds(Spread.of(result["step_seconds"]).median), against))
        header = (network, "version", "a step", "times dlcore's")
        blocks.append(tables.markdown(header, rows))
    best = best_of_libraries(values)
    if best:
        blocks.append(best)
    return "\n\n".join(blocks)


def best_of_libraries(values: Mapping[str, Any]) -> str:
    """The ratio of each library's fastest step to dlcore's, in float32 and with fewer bits; "" without dlcore."""
    kinds: dict[str, dict[str, str]] = {}
    columns = []
    for network, results in steps.by_network(values):
        if (ours := results.get("dlcore")) is None:
            continue
        columns.append(network)
        groups: dict[str, list[str]] = {}
        for name in results:
            if name != "dlcore":
                library = name if "bare" in name else name.split()[0] + (", fewer bits" if name in ROUNDED else "")
                groups.setdefault(library, []).append(name)
        for library, names in groups.items():
            name = min(names, key=lambda n: Spread.of(results[n]["step_seconds"]).median)
            ratio = tables.spread(ratios(results[name]["step_seconds"], ours["step_seconds"]))
            word = name.removeprefix(library.partition(",")[0]).strip()
            kinds.setdefault(library, {})[network] = f"{ratio} {word}".strip() if len(names) > 1 else ratio
    if not kinds:
        return ""
    rows = [(library, *(cells.get(network, "") for network in columns)) for library, cells in kinds.items()]
    return tables.markdown(("times dlcore's step", *columns), rows)


if __name__ == "__main__":
    main()
