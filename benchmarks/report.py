"""Tables and charts of the records in benchmarks/results, as results/report.md and a PNG for each record.

--readme FILE also puts the main tables between the two lines of MARKS in that file.  Records of --quick runs are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import devices
import published
import record
import time_import
import time_kernels
import time_peers
import time_step
import time_to_accuracy

# in the order of the report
BENCHMARKS = {
    module.__name__: module
    for module in (time_step, time_peers, time_to_accuracy, published, devices, time_kernels, time_import)
}
MARKS = ("<!-- results: begin, written by benchmarks/report.py -->", "<!-- results: end -->")
RESULTS = Path(__file__).parent / "results"


class ReportError(Exception):
    """A file that cannot be read; the message names it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="(default: results beside this file)"
    )
    parser.add_argument(
        "--readme", type=Path, metavar="FILE", help="put the main tables into this file, between the marks"
    )
    parser.add_argument(
        "--quick", action="store_true", help="take records of --quick runs too, to see what a report looks like"
    )
    chosen = parser.parse_args()
    try:
        records = read(chosen.results, chosen.quick)
        page = chosen.readme.read_text(encoding="utf-8") if chosen.readme else ""
        changed = between_marks(page, main_tables(records), str(chosen.readme)) if chosen.readme else ""
    except (ReportError, OSError) as error:
        parser.error(str(error))
    write(records, chosen.results)
    if chosen.readme:
        chosen.readme.write_text(changed, encoding="utf-8")
        print(chosen.readme)


def read(folder: Path, quick: bool) -> dict[str, dict[str, Any]]:
    """File name without ending -> record, in the order of BENCHMARKS.  Raises ReportError."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            benchmark, is_quick = values["benchmark"], values["options"]["quick"]
        except (ValueError, KeyError, TypeError) as error:
            raise ReportError(f"{path} is not a record of these benchmarks: {error!r}") from error
        if benchmark not in BENCHMARKS:
            raise ReportError(f"{path} is a record of {benchmark!r}, expected one of {', '.join(BENCHMARKS)}")
        if is_quick and not quick:
            print(f"{path.name}: a --quick run, left out", file=sys.stderr)
        elif not values["results"]:
            print(f"{path.name}: it has no results, left out", file=sys.stderr)
        else:
            records[path.stem] = values
    if not records:
        raise ReportError(f"{folder} has no records to report; a benchmark writes one with --json {folder}/NAME.json")
    place = list(BENCHMARKS)
    return dict(sorted(records.items(), key=lambda item: place.index(item[1]["benchmark"])))


def write(records: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """report.md and the charts, beside the records."""
    try:
        import charts
    except ModuleNotFoundError as error:
        print(f"no charts: {error}", file=sys.stderr)
        charts = None
    count = Counter(values["benchmark"] for values in records.values())
    sections = ["# Results\n\nWritten by `benchmarks/report.py` from the records in this folder.\n"]
    for name, values in records.items():
        title = (BENCHMARKS[values["benchmark"]].__doc__ or "").partition("\n")[0]
        place = f" ({name}.json)" if count[values["benchmark"]] > 1 else ""
        parts = [f"## {title}{place}", record.machine_line(values), BENCHMARKS[values["benchmark"]].summary(values)]
        parts += record.warnings(values)
        if values["left_out"]:
            reasons = (f"{who} ({why.strip().splitlines()[-1]})" for who, why in values["left_out"].items())
            parts.append(f"Left out: {'; '.join(reasons)}.")
        if charts:
            figure = charts.ALL[values["benchmark"]](values)
            figure.savefig(folder / f"{name}.png", dpi=140)
            parts.append(f"![{title}]({name}.png)")
            print(folder / f"{name}.png")
        sections.append("\n\n".join(parts) + "\n")
    (folder / "report.md").write_text("\n".join(sections), encoding="utf-8")
    print(folder / "report.md")


def main_tables(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables for README: steps, the best of each library, and seconds to accuracy, each with its machine."""
    parts = []
    for values in records.values():
        module = BENCHMARKS[values["benchmark"]]
        table = module.best_of_libraries(values) if module is time_peers else module.summary(values)
        if module in (time_step, time_peers, time_to_accuracy) and table:
            parts += [table, *record.warnings(values), record.machine_line(values)]
    return "\n\n".join(parts)


def between_marks(page: str, tables: str, name: str) -> str:
    """The page with `tables` between its two marks.  Raises ReportError unless it has each of them once, in order."""
    begin, end = MARKS
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ReportError(f"{name} needs these two lines, once, in this order:\n{begin}\n{end}")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{tables}\n\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    main()
