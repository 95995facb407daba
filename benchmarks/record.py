"""Common to all benchmarks: options, environment, the record, and its file."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import machine
from rounds import FEWEST

EVERY = "cpu and cuda"  # the device of a benchmark that compares devices


def options(description: str | None, rounds: int = FEWEST) -> argparse.ArgumentParser:
    """A parser of the options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds: shows that it works, measures nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the record of this run there")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1 (default: cpu)")
    parser.add_argument("--rounds", type=count, default=None, help=f"interleaved rounds (default: {rounds}; quick: 2)")
    parser.set_defaults(full_rounds=rounds)
    return parser


def count(text: str) -> int:
    """A positive integer.  Raises ValueError, which argparse reports."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def duration(text: str) -> float:
    """Positive seconds.  Raises ValueError, which argparse reports."""
    value = float(text)
    if not 0 < value < 3600:
        raise ValueError
    return value


def begin(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of this run, in a clean environment; ends the program with a usage error if they cannot be run."""
    chosen = parser.parse_args()
    machine.clean_environment()
    try:
        from dlcore.backends.backend import Backend
        from dlcore.errors import DlcoreError
    except ModuleNotFoundError as error:
        parser.error(f'{error}; from the clone: pip install -e ".[bench]"')
    if chosen.json:
        try:
            chosen.json.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=chosen.json.parent):
                pass
        except OSError as error:
            parser.error(f"--json {chosen.json}: nothing can be written there: {error}")
    if chosen.device == "auto":
        parser.error("--device auto: a figure needs a device that is named; use cpu or cuda")
    if chosen.device != EVERY:
        try:
            Backend.for_device(chosen.device)
        except DlcoreError as error:
            parser.error(str(error))
    chosen.rounds = chosen.rounds or (2 if chosen.quick else chosen.full_rounds)
    return chosen


class RecordError(Exception):
    """A record that cannot be continued; the message says why."""


class Record:
    """The results of a run and all facts about it; written after each addition, so that nothing is lost."""

    def __init__(self, benchmark: str, chosen: argparse.Namespace) -> None:
        hidden = ("json", "data_dir")
        self._file: Path | None = chosen.json
        self._start = time.perf_counter()
        self.values: dict[str, Any] = {
            "benchmark": benchmark,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "options": {name: value for name, value in vars(chosen).items() if name not in hidden},
            **machine.describe(chosen.device),
            "results": [],
            "left_out": {},
        }

    def resume(self) -> None:
        """Continue with the results in the file, if it exists.

        Raises RecordError unless they are from the same benchmark, commit, versions and data: figures of two programs must
        not be mixed.
        """
        if self._file is None or not self._file.exists():
            return
        try:
            had = json.loads(self._file.read_text(encoding="utf-8"))
            for name in ("benchmark", "commit", "versions", "machine", "blas"):
                if had[name] != self.values[name]:
                    raise RecordError(f"{self._file}: its {name} is {had[name]!r}, here it is {self.values[name]!r}")
            for name in ("quick", "digits", "device"):
                if had["options"].get(name) != self.values["options"].get(name):
                    raise RecordError(f"{self._file}: it was made with other options: {had['options']}")
            self.values |= {"results": had["results"], "left_out": had["left_out"], "seconds": had.get("seconds")}
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{self._file} is not a record of this benchmark: {error!r}") from error

    def add(self, *results: Mapping[str, Any]) -> None:
        self.values["results"] += results
        self._keep()

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Print and record what was not measured, with the reasons."""
        for name, why in reasons.items():
            if name not in self.values["left_out"]:
                say(f"left out: {name}: {why.strip().splitlines()[-1] if why.strip() else 'no reason given'}")
        self.values["left_out"] |= reasons
        self._keep()

    def finish(self, summary: Callable[[Mapping[str, Any]], str]) -> None:
        """Print the machine and the table; ends the program with exit code 1 if there are no results."""
        self.values["seconds"] = round(time.perf_counter() - self._start, 1)
        self._keep()
        if not self.values["results"]:
            sys.exit("nothing was measured; see above for who was left out and why")
        print(f"\n{machine_line(self.values)}\n\n{summary(self.values)}")
        for warning in warnings(self.values):
            print(f"\n{warning}")

    def _keep(self) -> None:
        if self._file:
            from dlcore import files  # here: `begin` cleans the environment before anything of dlcore is loaded

            files.write(self._file, (json.dumps(self.values, indent=1) + "\n").encode())


def say(text: str) -> None:
    """Print progress to standard error, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def machine_line(record: Mapping[str, Any]) -> str:
    """One paragraph on the machine, the versions and the BLAS kernels of a record."""
    m, v, b = record["machine"], record["versions"], record["blas"]
    where = f"{m['processor']}, {m['cores_usable']} cores, {m['memory_gib']} GiB, {m['system']}"
    if record["gpu"]:
        where += f"; {record['gpu']['name']}, driver {record['gpu']['driver']}"
    numpy = f"NumPy {v['numpy']} with {b['library']} {b['version']}, {b['kernel']} kernels, {b['threads']} threads"
    kept = ", ".join(f"{name}={value}" for name, value in record["environment"].items())
    commit = f"dlcore {v['dlcore']} ({record['commit'] or 'no commit'})"
    return f"{commit} on {where}; Python {v['python']}, {numpy}; numba {v['numba']}; {record['date']}" + (
        f"; environment: {kept}" if kept else ""
    )


def warnings(record: Mapping[str, Any]) -> list[str]:
    """Reasons not to publish the figures of a record."""
    found = []
    if record["options"]["quick"]:
        found.append("--quick: these figures show that the benchmark works, and measure nothing.")
    elif record["options"]["rounds"] < record["options"]["full_rounds"]:
        found.append(f"Fewer than {record['options']['full_rounds']} rounds: not figures to publish.")
    shares = sorted(s for result in record["results"] for s in result.get("neighbours", ()) if s is not None)
    if shares and shares[len(shares) // 2] > 0.05:
        found.append(
            f"Other processes used {shares[len(shares) // 2]:.0%} of the machine (median over all turns): trust no time and few ratios."
        )
    if "+changes" in (record["commit"] or ""):
        found.append("The files of dlcore or of the benchmarks differ from the commit.")
    return found
