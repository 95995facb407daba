"""Seconds from arrays on the host to a trained network: to 98 % on MNIST, and the whole run of scikit-learn's benchmark.

All start Glorot uniform and train with Adam in float32 on batches of shuffled rows.  Times include everything except work that
is done once per process: importing, starting threads and compiling happen in an epoch and an evaluation before the first
round.  Rounds are seeds: in each, all contestants train, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import record
import tables
from contestants import Field
from rounds import Spread, order, ratios
from rules import NoImprovement, Reaches
from tasks import Task

CONTESTANTS = ("dlcore", "torch fused", "torch 1 thread", "torch compile", "torch graph", "jax scan", "scikit-learn")
SEEDS = 5


def rows(data_dir: Path | None) -> dict[str, tuple[Task, Any, int]]:
    """name -> (task, rule that ends it, most epochs); on the bundled digits if MNIST is not given."""
    if data_dir is None:
        network = Task((64, 64, 10), 64, 1408, data="digits")
        return {
            "digits, to 90 %": (network, Reaches(0.90), 40),
            "digits, until the loss stays": (network, NoImprovement(tolerance=0.05, epochs=3), 40),
        }
    mnist = str(data_dir)
    return {
        "MNIST, to 98 %": (Task((784, 512, 512, 10), 128, 59_904, data=mnist), Reaches(0.98), 40),
        # benchmarks/bench_mnist.py of scikit-learn, MLP-adam; alpha=1e-4 for batches of 200 is l2 = 5e-7
        "scikit-learn's bench_mnist": (
            Task((784, 100, 100, 10), 200, 60_000, data=mnist, l2=1e-4 / 200), NoImprovement(1e-4, 10), 400,
        ),
    }  # fmt: skip


def main() -> None:
    parser = record.options(__doc__, rounds=SEEDS)
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="the folder of MNIST's four files; not for --quick"
    )
    parser.add_argument("--rows", nargs="+", type=int, choices=(1, 2), help="1: to 98 %%, 2: scikit-learn's row")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, metavar="NAME", help=f"of: {', '.join(CONTESTANTS)}")
    chosen = record.begin(parser)
    if not chosen.quick and not (chosen.data_dir and (chosen.data_dir / "train-images-idx3-ubyte.gz").is_file()):
        parser.error(
            "give --data-dir, the folder that holds train-images-idx3-ubyte.gz and MNIST's other files; or --quick"
        )
    run = record.Record("time_to_accuracy", chosen)
    for number, (name, (task, rule, epochs)) in enumerate(rows(None if chosen.quick else chosen.data_dir).items(), 1):
        if chosen.rows is None or number in chosen.rows:
            measure(run, name, task, rule, epochs, chosen)
    run.finish(summary)


def measure(run: record.Record, name: str, task: Task, rule: Any, epochs: int, chosen: Any) -> None:
    """Train every contestant with every seed; each run is recorded as soon as it is over."""
    names = [n for n in CONTESTANTS if n in (chosen.only or CONTESTANTS)]
    with Field({n: (n, chosen.device) for n in names}, task, run.leave_out) as field:
        for contestant in list(field.present):
            field.ask(contestant, "learn", 0, 1, rule)  # compiles training and evaluation
        turns = list(field.present)
        for i, contestant in enumerate(order(turns, chosen.rounds)):
            seed = i // len(turns)
            result, facts = field.ask(contestant, "learn", seed, epochs, rule), field.ask(contestant, "facts")
            if result and facts:
                run.add({"contestant": contestant, "row": name, "seed": seed, **result, "facts": facts})
                record.say(
                    f"{name}, seed {seed}, {contestant}: {result['epochs']} epochs, "
                    f"{tables.seconds(result['seconds'])}, {100 * (1 - result['accuracy']):.2f} % wrong"
                )


def summary(values: Mapping[str, Any]) -> str:
    """For each row: seconds over the seeds, and the ratio to dlcore's with the same seed; epochs and errors beside it."""
    blocks = []
    for name in dict.fromkeys(result["row"] for result in values["results"]):
        runs: dict[str, dict[int, Mapping[str, Any]]] = {}
        for result in values["results"]:
            if result["row"] == name:
                runs.setdefault(result["contestant"], {})[result["seed"]] = result
        ours = runs.get("dlcore", {})
        lines = []
        for contestant, by_seed in runs.items():
            mine = list(by_seed.values())
            both = [seed for seed in by_seed if seed in ours]
            ratio = ratios([by_seed[s]["seconds"] for s in both], [ours[s]["seconds"] for s in both]) if both else None
            wrong = Spread.of([100 * (1 - r["accuracy"]) for r in mine])
            epochs, seconds = Spread.of([r["epochs"] for r in mine]), Spread.of([r["seconds"] for r in mine])
            lines.append((
                contestant,
                tables.spread(seconds),
                tables.spread(ratio) if ratio else "",
                f"{epochs.median:g} ({epochs.least} to {epochs.most})",
                f"{wrong.median:.2f} ({wrong.least:.2f} to {wrong.most:.2f})",
                f"{sum(r['reached'] for r in mine)} of {len(mine)}",
            ))  # fmt: skip
        header = (name, "seconds", "times dlcore's", "epochs", "% wrong", "ended by the rule")
        blocks.append(tables.markdown(header, lines))
    return "\n\n".join(blocks)


if __name__ == "__main__":
    main()
