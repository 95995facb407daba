"""The report: tables and charts of records, and the tables inside a page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import report

MACHINE = {
    "date": "2026-11-21",
    "versions": {"dlcore": "0.1.0", "python": "3.11", "numpy": "2.4", "numba": "0.68"},
    "machine": {"processor": "A processor", "cores_usable": 2, "memory_gib": 24, "system": "Linux x86_64"},
    "blas": {"library": "openblas", "version": "0.3", "kernel": "SkylakeX", "threads": 2},
    "gpu": None,
    "environment": {},
    "commit": "0123456789ab",
    "left_out": {"torch eager": "torch is not installed"},
}


def _record(benchmark: str, results: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    options = {"quick": False, "rounds": 3, "full_rounds": 3, "digits": False, **options}
    return {"benchmark": benchmark, "options": options, "results": results, **MACHINE}


def _step(contestant: str, times: list[float]) -> dict[str, Any]:
    return {
        "contestant": contestant, "network": "64-32-10, batch 32", "step_seconds": times, "setup_seconds": [1e-3] * 3,
        "operations": 323_584, "facts": {"version": "1.2"}, "neighbours": [0.0, 0.01, 0.0],
    }  # fmt: skip


STEPS = [
    _step("dlcore", [4e-6, 5e-6, 4e-6]),
    _step("bare products", [5e-6, 5e-6, 8e-6]),
    _step("jax jit", [5e-5, 5e-5, 6e-5]),
]
RECORDS = {
    "time_step": _record(
        "time_step",
        [
            *STEPS,
            {
                "contestant": "dlcore", "network": "784-256-10, batch 128", "data": "planted data", "rows": 59_904,
                "epoch_seconds": [[1e-3, 2e-3, 4e-3], [1e-3, 3e-3, 5e-3], [2e-3, 2e-3, 2e-3]], "neighbours": [0.0, 0.0, 0.0],
            },
        ],
    ),
    "time_peers": _record("time_peers", STEPS),
    "time_to_accuracy": _record(
        "time_to_accuracy",
        [
            {
                "contestant": name, "row": "MNIST, to 98 %", "seed": seed, "seconds": seconds * (1 + seed), "epochs": 4 + seed,
                "accuracy": 0.981, "reached": True, "loss": 0.01, "facts": {},
            }
            for name, seconds in (("dlcore", 2.0), ("scikit-learn", 14.0)) for seed in (0, 1)
        ],
    ),
    "published": _record(
        "published",
        [
            *({"row": "MLP-adam", "seed": s, "epochs": 30, "seconds": 9.0, "error": e} for s, e in enumerate((0.021, 0.022, 0.023))),
            *(
                {"row": "batch normalization, 3x100", "way": way, "seed": 0, "seconds": 60.0, "learning_rate": 0.3, "errors": [e] * 50}
                for way, e in (("with", 0.021), ("without", 0.034))
            ),
        ],
    ),
    "devices": _record(
        "devices",
        [
            {"device": d, "width": w, "batch": b, "operations": 1, "step_seconds": [t * w, t * w], "bare_seconds": [], "neighbours": []}
            for d, t in (("cpu", 1e-5), ("cuda", 1e-6)) for w in (64, 128) for b in (32, 128)
        ],
    ),
    "time_import": _record(
        "time_import",
        [
            {"part": part, "seconds": seconds}
            for part, seconds in (("NumPy", [0.05, 0.06]), ("import dlcore", [0.001, 0.002]), ("all public names", [0.09, 0.12]))
        ],
    ),
    "time_kernels": _record(
        "time_kernels",
        [{"kernel": "adam", "bytes": 28_000, "kernel_seconds": [2e-6], "reference_seconds": [8e-6], "pass_seconds": [1e-6]}],
    ),
}  # fmt: skip


def _folder(tmp_path: Path, records: dict[str, Any]) -> Path:
    for name, values in records.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    return tmp_path


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["report.py", *map(str, arguments)])
    report.main()


@pytest.mark.slow
def test_every_benchmark_has_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    import charts

    assert set(charts.ALL) == set(report.BENCHMARKS) == set(RECORDS)
    _main(monkeypatch, "--results", _folder(tmp_path, RECORDS))
    page = (tmp_path / "report.md").read_text()
    for name in RECORDS:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.png)" in page


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "charts", None)  # as without matplotlib


@pytest.mark.usefixtures("without_charts")
def test_every_benchmark_has_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(report.BENCHMARKS) == set(RECORDS)
    _main(monkeypatch, "--results", _folder(tmp_path, RECORDS))
    assert "no charts" in capsys.readouterr().err
    page = (tmp_path / "report.md").read_text()
    assert "0.800 (0.500 to 1.00)" in page  # step / products: 4/5, 5/5, 4/8
    assert "4.00 (1.00 to 5.00)" in page  # the last of three epochs beside the first
    assert "12.5 (10.0 to 15.0)" in page  # JAX: 50/4, 50/5, 60/4
    assert "7.00 (7.00 to 7.00)" in page  # scikit-learn's seconds over dlcore's, seed by seed
    assert "10.0 (10.0 to 10.0)" in page  # cpu / cuda
    assert "2.20 (2.10 to 2.30)" in page
    assert "1.90 (1.80 to 2.00) |    80.0 ms, missed |" in page  # 90/50, 120/60
    assert page.count(" reproduced |") == 1
    assert "reproduced; lowest in 50 of 50 epochs" in page
    assert "test error 2.10 % after 10 epochs, 2.10 % after 50 epochs" in page
    assert "SkylakeX kernels" in page
    assert "torch eager (torch is not installed)" in page


@pytest.mark.usefixtures("without_charts")
def test_two_records_of_a_benchmark_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a benchmark may have been run by two commits."""
    later = RECORDS["published"] | {"commit": "fedcba987654"}
    _main(monkeypatch, "--results", _folder(tmp_path, {"published": RECORDS["published"], "published_large": later}))
    titles = [line for line in (tmp_path / "report.md").read_text().splitlines() if line.startswith("## ")]
    assert [title[title.rindex("(") :] for title in titles] == ["(published.json)", "(published_large.json)"]


@pytest.mark.usefixtures("without_charts")
def test_a_page_gets_the_tables_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once and again: what stands around them stays, old tables go."""
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n")
    results = tmp_path / "results"
    results.mkdir()
    _folder(results, {"time_step": RECORDS["time_step"]})
    for _ in range(2):
        _main(monkeypatch, "--results", results, "--readme", page)
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert sum("0.800 (0.500 to 1.00)" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "a.json is not a record of these benchmarks"),
        ("a.json", '{"benchmark": "time_all", "options": {"quick": false}}', "'time_all', expected one of time_step"),
        ("a.txt", "", "has no records to report"),
        ("a.json", json.dumps(RECORDS["devices"] | {"options": {"quick": True}}), "has no records to report"),
    ],
)
def test_what_is_no_record_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    words: str,
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit):
        _main(monkeypatch, "--results", tmp_path)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "report.md").exists()


def test_a_page_without_marks_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "README.md"
    page.write_text("nothing here\n")
    with pytest.raises(SystemExit):
        _main(monkeypatch, "--results", _folder(tmp_path, RECORDS), "--readme", page)
    assert "needs these two lines" in capsys.readouterr().err
    assert page.read_text() == "nothing here\n"


def test_figures_that_are_not_to_be_published_say_so() -> None:
    """A busy machine, files that differ from the commit, too few rounds, a quick run."""
    import record

    good = RECORDS["time_step"]
    assert record.warnings(good) == []
    busy = {**good, "results": [{"neighbours": [0.5, 0.2, None]}]}
    assert "35% of the machine" in record.warnings(busy)[0] or "50% of the machine" in record.warnings(busy)[0]
    assert "differ from the commit" in record.warnings({**good, "commit": "0123+changes"})[0]
    assert "Fewer than 7" in record.warnings(_record("time_step", STEPS, full_rounds=7))[0]
    assert "measure nothing" in record.warnings(_record("time_step", STEPS, quick=True))[0]
