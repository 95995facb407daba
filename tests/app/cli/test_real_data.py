"""Adult, California housing and MNIST from their raw files, through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlcore.app.cli import main
from dlcore.data import csv_files
from dlcore.data.csv_files import read_csv
from dlcore.data.split import held_out_rows


def figures(run: Path) -> dict[str, float]:
    return json.loads((run / "summary.json").read_text())


@pytest.mark.slow
def test_adult(data_file: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a header, with "?" for missing cells, on the official split: at least 85.0 % of the test rows are right.

    Three seeds gave 85.3 to 85.7 %, the published figure of a tuned network of this kind is 85.2 %.
    """
    train, test = data_file("adult/adult.data.gz"), data_file("adult/adult.test.gz")
    words = ["--hidden", "128,64", "--l2", "1e-4", "--epochs", "10", "--batch-size", "256", "--scaling", "quantile"]
    run = tmp_path / "run"
    assert (
        main(["train", str(train), "--target", "-1", "--test", str(test), *words, "--device", "cpu", "--out", str(run)])
        == 0
    )
    assert "32,561 training rows; 16,281 test rows" in capsys.readouterr().err
    assert figures(run)["test_accuracy"] >= 0.85
    assert main(["evaluate", str(run), str(test), "--json", "--device", "cpu"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["accuracy"] == pytest.approx(figures(run)["test_accuracy"])
    assert (measured["classes"], measured["rows"]) == (["<=50K", ">50K"], 16_281)
    assert measured["auc"] > 0.9
    assert main(["predict", str(run), str(test), "--out", str(tmp_path / "p.csv"), "--device", "cpu"]) == 0
    with (tmp_path / "p.csv").open() as file:
        predicted = [row["prediction"] for row in csv.DictReader(file)]
    truth = [row[-1].strip().rstrip(".") for row in csv.reader(csv_text(test).splitlines()) if row]
    assert np.mean([p == t for p, t in zip(predicted, truth, strict=True)]) == pytest.approx(measured["accuracy"])


@pytest.mark.slow
def test_california(data_file: Callable[[str], Path], tmp_path: Path) -> None:
    """A fifth of the rows drawn from the fixed stream is predicted to 53,000 dollars (root mean square), with gaps in a column.

    Three seeds gave 50,100 to 50,500, tuned networks in the literature 49,850 on a split of their own.
    """
    file = data_file("california/housing.csv.gz")
    words = ["--scaling", "quantile", "--l2", "1e-4", "--epochs", "60", "--device", "cpu"]
    assert main(["train", str(file), "--target", "median_house_value", *words, "--out", str(tmp_path / "run")]) == 0
    assert figures(tmp_path / "run")["test_rmse"] <= 53_000
    # the figure is that of predictions of the test rows, in dollars
    assert main(["predict", str(tmp_path / "run"), str(file), "--out", str(tmp_path / "p.npy"), "--device", "cpu"]) == 0
    rows = list(csv.DictReader(csv_text(file).splitlines()))
    error = np.load(tmp_path / "p.npy") - np.array([float(row["median_house_value"]) for row in rows])
    test = held_out_rows(len(rows))
    assert np.sqrt(np.mean(error[test] ** 2)) == pytest.approx(figures(tmp_path / "run")["test_rmse"], rel=1e-5)


@pytest.mark.slow
def test_mnist(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the network that nobody asked to be otherwise, at least 97.5 % of the test rows; `evaluate` finds the files again."""
    words = ["--data-dir", str(data_dir), "--device", "cpu", "--no-progress", "--out", str(tmp_path / "run")]
    assert main(["train", "mnist", *words]) == 0
    assert figures(tmp_path / "run")["test_accuracy"] >= 0.975
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "mnist", "--json", "--device", "cpu"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["accuracy"] == pytest.approx(figures(tmp_path / "run")["test_accuracy"])
    assert np.sum(measured["confusion"]) == 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adult/adult.data.gz", "adult/adult.test.gz", "california/housing.csv.gz"])
def test_both_readers(name: str, data_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of the real files is the same with pyarrow and without."""
    pytest.importorskip("pyarrow")
    fast = read_csv(data_file(name))
    monkeypatch.setattr(csv_files, "by_pyarrow", lambda *arguments: None)
    slow = read_csv(data_file(name))
    assert fast.lines is not None
    np.testing.assert_array_equal(fast.lines, slow.lines)
    assert list(fast.columns) == list(slow.columns)
    for column, other in zip(fast.columns.values(), slow.columns.values(), strict=True):
        assert [column.cell(row) for row in range(len(column))] == [other.cell(row) for row in range(len(other))]


def csv_text(path: Path) -> str:
    import gzip

    return gzip.decompress(path.read_bytes()).decode()
