"""Each benchmark as its user starts it, --quick: what it prints, what it keeps, and what it refuses before it begins."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import pytest
import record

import dlcore as dl

Benchmark = Callable[..., tuple[str, dict[str, Any]]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A script's main in this process, which saves importing everything again."""
    monkeypatch.setattr(machine, "clean_environment", lambda: None)  # it would start pytest again

    def main(script: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
        importlib.import_module(script).main()

    return main


@pytest.fixture
def quick(start: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Benchmark:
    """What a --quick run printed, and the record that it kept."""

    def run(script: str, *arguments: str) -> tuple[str, dict[str, Any]]:
        file = tmp_path / "record.json"
        start(script, "--quick", "--json", str(file), *arguments)
        return capsys.readouterr().out, json.loads(file.read_text())

    return run


def test_time_step_in_a_process_of_its_own(tmp_path: Path) -> None:
    """A step beside its products, in a clean environment, with everything that a reader has to know."""
    dirty = {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_L2_SIZE": "256", "OMP_NUM_THREADS": "1"}
    env = {**os.environ, "PYTHONPATH": str(Path(dl.__file__).parents[1]), **dirty}
    script, file = Path(record.__file__).with_name("time_step.py"), tmp_path / "record.json"
    command = [sys.executable, str(script), "--quick", "--rows", "64", "--json", str(file)]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "64-32-10, batch 32" in result.stdout
    assert "measure nothing" in result.stdout
    kept = json.loads(file.read_text())
    *turns, long = kept["results"]
    assert {result["contestant"] for result in turns} == {"dlcore", "bare products"}
    assert all(len(result["step_seconds"]) == 2 and min(result["step_seconds"]) > 0 for result in turns)
    assert [len(epochs) for epochs in long["epoch_seconds"]] == [3, 3]
    assert min(map(min, long["epoch_seconds"])) > 0
    assert "after 3 epochs beside the first" in result.stdout
    assert kept["environment"]["OMP_NUM_THREADS"] == "1"
    assert not set(machine.REMOVED) & set(kept["environment"])
    assert kept["blas"]["kernel"] != "Nehalem"
    assert kept["versions"]["dlcore"] == dl.__version__
    facts = kept["results"][0]["facts"]
    assert facts["step"].startswith("TrainingStep: 32 rows, float32, device cpu")
    assert "Nehalem" not in str(facts["pools"])
    assert str(Path.home()) not in file.read_text()


def test_time_kernels(quick: Benchmark) -> None:
    pytest.importorskip("numba")
    printed, kept = quick("time_kernels", "--kernels", "dense_relu", "prepare_update")
    results = {result["kernel"]: result for result in kept["results"]}
    assert {name: "product_seconds" in result for name, result in results.items()} == {
        "dense_relu": True,
        "prepare_update": False,
    }
    assert results["dense_relu"]["bytes"] == 4 * (16 * 24 + 24 * 24 + 24 + 16 * 24)  # x, W, b read and a written
    assert "dense_relu" in printed


def test_time_segments(quick: Benchmark) -> None:
    pytest.importorskip("numba")
    printed, kept = quick("time_segments")
    assert "| compiled step | the call |" in printed
    assert {len(times) for times in kept["results"][0].values()} == {2}  # one for each round


def test_time_import(quick: Benchmark) -> None:
    printed, kept = quick("time_import")
    assert [(result["part"], len(result["seconds"])) for result in kept["results"]] == [
        ("NumPy", 2),
        ("import dlcore", 2),
        ("all public names", 2),
    ]
    assert min(min(result["seconds"]) for result in kept["results"]) > 0
    assert "| all public names |" in printed


def test_time_csv(quick: Benchmark) -> None:
    """A table by every reader that is installed; a cell that is too long is refused."""
    pytest.importorskip("pyarrow")
    printed, kept = quick("time_csv", "--rounds", "1")
    outcomes = {(result["file"], result["contestant"]): result["outcome"] for result in kept["results"]}
    assert outcomes["1,000 x 20 numbers", "dlcore"] == outcomes["1,000 x 20 numbers", "dlcore, csv module"] == "read"
    assert outcomes["a cell of 2 MiB in a gz file", "dlcore"] == "DataError"
    assert "| 1,000 x 20 numbers" in printed


def test_products_are_found_by_their_contracts() -> None:
    """Those of the dense family, and no other."""
    pytest.importorskip("numba")
    import time_kernels

    from dlcore.backends.backend import Backend
    from dlcore.kernels import reference

    backend, found = Backend.for_device("cpu"), set()
    for name, kernel in reference.KERNELS.items():
        sizes = dict.fromkeys(kernel.contract.letters, 4)
        inputs, _ = time_kernels.arguments(kernel.contract, backend, sizes)
        if time_kernels.bare_product(kernel.contract, inputs, backend):
            found.add(name)
    others = {"linear", "weight_grad", "input_grad"}
    assert found == others | {name for name in reference.KERNELS if name.startswith(("dense", "input_grad_"))}


def test_devices_skips_what_is_absent(quick: Benchmark) -> None:
    printed, kept = quick("devices")
    measured = {result["device"].partition(":")[0] for result in kept["results"]}
    assert "cpu" in measured
    assert measured | set(kept["left_out"]) == {"cpu", "cuda"}
    assert "| cpu: a step, width | batch 32 |" in printed
    assert all(len(result["bare_seconds"]) == 2 for result in kept["results"] if result["device"] == "cpu")


def test_time_to_accuracy(quick: Benchmark) -> None:
    printed, kept = quick("time_to_accuracy", "--rows", "1", "--only", "dlcore")
    assert [result["seed"] for result in kept["results"]] == [0, 1]
    assert all(result["reached"] and result["accuracy"] >= 0.9 for result in kept["results"])
    assert "2 of 2" in printed


def test_a_run_without_results_fails(start: Callable[..., None], tmp_path: Path) -> None:
    """The record says who was left out."""
    file = tmp_path / "record.json"
    with pytest.raises(SystemExit, match="nothing was measured"):
        start("time_peers", "--quick", "--only", "bare products, cuBLASLt", "--json", str(file))
    assert set(json.loads(file.read_text())["left_out"]) == {"bare products, cuBLASLt"}


def test_published(quick: Benchmark) -> None:
    """An error and an order, on the digits; the published figure stands beside what was measured."""
    printed, kept = quick("published", "--rows", "MLP-adam", "Adam, logistic regression")
    ways = [result.get("way") for result in kept["results"]]
    assert ways == [None, "Adam", "AdaGrad", "RMSProp", "SGD, Nesterov"]
    assert all(len(result["losses"]) == 3 for result in kept["results"])
    assert printed.count("not judged") == 2
    assert "2.24" in printed
    assert "Kingma & Ba (2015)" in printed


def test_a_record_that_was_cut_off_is_gone_on_with(
    quick: Benchmark, start: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the record has stays as it is, the rest is trained; the record of another commit is refused."""
    file, rows = tmp_path / "record.json", ["--rows", "Adam, logistic regression"]
    _, kept = quick("published", *rows)
    kept["results"] = [{**kept["results"][0], "seconds": 12.5}, kept["results"][2]]  # Adam and RMSProp
    file.write_text(json.dumps(kept))
    printed, after = quick("published", "--resume", *rows)
    assert after["results"][:2] == kept["results"]
    assert [result["way"] for result in after["results"]] == ["Adam", "RMSProp", "AdaGrad", "SGD, Nesterov"]
    assert "12.5 s" in printed
    file.write_text(json.dumps({**kept, "commit": "0123456789ab"}))
    with pytest.raises(SystemExit):
        start("published", "--quick", "--resume", "--json", str(file))
    assert "its commit is '0123456789ab'" in capsys.readouterr().err
    assert json.loads(file.read_text())["results"] == kept["results"]


@pytest.mark.slow
def test_published_rows_are_on_their_way(quick: Benchmark, data_dir: Path) -> None:
    """A few epochs on MNIST: every row below its limit."""
    import published

    printed, _ = quick("published", "--data-dir", str(data_dir))
    assert printed.count("as expected") == len(published.ROWS)


def test_a_row_is_judged_by_its_seeds() -> None:
    """Published: 2.24 %.  A median of 2.3 % with a deviation of 0.1 is within it, 2.6 % is not."""
    import published

    row, full = published.ROWS[0], {"digits": False, "quick": False}
    assert isinstance(row, published.ErrorRow)
    assert published.verdict(row, [0.022, 0.023, 0.024], full) == "reproduced"
    assert published.verdict(row, [0.025, 0.026, 0.027], full) == "NOT reproduced"
    assert published.verdict(row, [0.022], full) == "not judged: one seed"
    assert published.verdict(row, [0.059], {**full, "quick": True}) == "as expected"
    assert published.verdict(row, [0.061], {**full, "quick": True}).startswith("WORSE")


def test_an_order_is_judged_at_each_of_its_epochs() -> None:
    """With batch normalization below without after 10 and after 50 epochs; in between nobody looks.  Medians over seeds."""
    import published

    (row,) = (row for row in published.ROWS if row.name.startswith("batch normalization"))
    assert isinstance(row, published.OrderRow)
    full = {"digits": False, "quick": False}
    ahead, behind = [0.03] * 50, [0.05] * 50
    crossed = [*[0.05] * 20, *[0.01] * 30]
    assert published.verdict_of_order(row, {"with": ahead, "without": behind}, full) == "reproduced"
    found = published.verdict_of_order(row, {"with": ahead, "without": crossed}, full)
    assert found == "NOT reproduced: with is not below without after 50 epochs"
    assert published.verdict_of_order(row, {"with": ahead}, full) == "not judged: unfinished"
    seeds = [{"way": "with", "errors": [e, e / 2]} for e in (0.5, 0.1, 0.2)]
    assert published.medians(row, seeds) == {"with": [0.2, 0.1]}


def test_the_learning_rate_of_a_way_is_the_best_of_those_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that diverges is left out."""
    from types import SimpleNamespace

    import published
    from tasks import Task

    model = published.ROWS[0].model  # type: ignore[union-attr]
    way = published.Way(model, (dl.SGD(1e-4), dl.SGD(0.1), dl.SGD(1e9)))
    row = published.OrderRow("one", "nowhere", "training loss", {"SGD": way}, 64, (2,), 2, 1, (1, 1.0))
    chosen = SimpleNamespace(quick=False, device="cpu")
    best, tried = published.searched(row, Task((64, 10), 1437, 1437, data="digits").load(), chosen)["SGD"]
    assert best.optimizers == (dl.SGD(0.1),)
    assert set(tried) == {"0.0001", "0.1"}


@pytest.mark.slow
def test_time_peers(quick: Benchmark) -> None:
    """One way of each library, on the smallest network; a ratio for each that is installed."""
    names = {"dlcore", "bare products", "torch 1 thread", "jax scan", "scikit-learn"}
    printed, kept = quick("time_peers", "--only", *names)
    assert {result["contestant"] for result in kept["results"]} == names - set(kept["left_out"])
    assert all(why.endswith("is not installed") for why in kept["left_out"].values())
    for result in kept["results"]:
        assert f"| {result['contestant']} " in printed


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("time_step", ["--rounds", "0"], "--rounds"),
        ("time_step", ["--quick", "--json", "/nowhere/here/x.json"], "nothing can be written there"),
        ("time_peers", ["--device", "gpu"], "expected 'cpu', 'cuda'"),
        ("time_kernels", ["--kernels", "dense_rleu"], "nothing to measure on cpu: "),
        ("time_step", ["--epochs", "1"], "expected 0, or at least 2"),
        ("time_to_accuracy", [], "give --data-dir"),
        ("published", ["--quick", "--resume"], "--resume needs --json"),
        ("published", ["--data-dir", "/nowhere"], "/nowhere/train-images-idx3-ubyte.gz: cannot be read"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(
    script: str, arguments: list[str], words: str, start: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        start(script, *arguments)
    assert end.value.code == 2
    assert words in capsys.readouterr().err
