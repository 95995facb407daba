"""What `import dlcore` and its names cost beyond NumPy, in new processes, with bytecode that is compiled already.

Processor time, since importing waits for nothing.  The limits are dlcore's own, on the fastest of the rounds, because caches
and clock only add to it: 60 ms for the package, and 80 ms for all public names together, or 0.6 of NumPy's own import where
the machine is slower.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import record
import tables
from rounds import Spread, ratios

PACKAGE_LIMIT, NAMES_LIMIT, NAMES_SHARE = 0.060, 0.080, 0.6
PARTS = ("NumPy", "import dlcore", "all public names")

PROGRAM = """
import time
times = [time.process_time()]
import numpy
times.append(time.process_time())
import dlcore
times.append(time.process_time())
dlcore.Trainer  # the first name loads all
times.append(time.process_time())
print(*(after - before for before, after in zip(times, times[1:])))
"""


def main() -> None:
    parser = record.options(__doc__, rounds=30)
    chosen = record.begin(parser)
    run = record.Record("time_import", chosen)
    with tempfile.TemporaryDirectory() as cache:
        measured(Path(cache))  # writes the bytecode
        times = [measured(Path(cache)) for _ in range(chosen.rounds)]
    run.add(
        *({"part": part, "seconds": list(taken)} for part, taken in zip(PARTS, zip(*times, strict=True), strict=True))
    )
    run.finish(summary)


def measured(cache: Path) -> tuple[float, ...]:
    """Seconds of NumPy, of dlcore after it, and of dlcore's names after that, in a new process."""
    import dlcore

    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHONDONTWRITE")}
    environment |= {"PYTHONPYCACHEPREFIX": str(cache), "PYTHONPATH": str(Path(dlcore.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


def summary(values: Mapping[str, Any]) -> str:
    """A row for each part: the median and the least of the rounds, beside NumPy's own import, and the limit on the least."""
    times = {result["part"]: result["seconds"] for result in values["results"]}
    numpys, package, names = PARTS
    limits = {package: PACKAGE_LIMIT, names: max(NAMES_LIMIT, NAMES_SHARE * min(times[numpys]))}
    rows = []
    for part, seconds in times.items():
        spread, limit = Spread.of(seconds), limits.get(part)
        kept = "" if limit is None else tables.seconds(limit) + ("" if spread.least <= limit else ", missed")
        beside = tables.spread(ratios(seconds, times[numpys]))
        rows.append([part, tables.seconds(spread.median), tables.seconds(spread.least), beside, kept])
    return tables.markdown(["import", "median", "least", "beside NumPy's", "limit of the least"], rows)


if __name__ == "__main__":
    main()
