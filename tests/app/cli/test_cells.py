"""What cells mean, by the command line: units, labels, positions of columns, targets that are missing, unknown categories."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore.app.cli import main

QUICK = ["--device", "cpu", "--hidden", "16", "--no-progress", "--batch-size", "16", "--learning-rate", "1e-2"]


def write(path: Path, columns: dict[str, Any], header: bool = True) -> str:
    """A CSV file of these columns; its path."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if header:
            writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def train(file: str, target: str, out: Path, *more: str, epochs: int = 1) -> str:
    assert main(["train", file, "--target", target, *QUICK, "--epochs", str(epochs), "--out", str(out), *more]) == 0
    return str(out)


def predicted(capsys: pytest.CaptureFixture[str], run: str, file: str) -> list[str]:
    capsys.readouterr()
    assert main(["predict", run, file, "--device", "cpu"]) == 0
    return [row["prediction"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]


def last_line(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """The error of a command that must end with this code."""
    capsys.readouterr()
    assert main(list(words)) == code
    return capsys.readouterr().err.splitlines()[-1]


# -- targets in their own units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "npy", "parquet"])
def test_predictions_of_large_targets_are_not_rounded(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps of float32 at 1.7e9 are 128; predictions are 1.7e9 + 1000 x and are right to a few units, in every file."""
    import json

    x = np.random.default_rng(0).uniform(-1, 1, 400)
    y = 1.7e9 + 1000 * x
    file = write(tmp_path / "t.csv", {"x": x, "y": [repr(float(v)) for v in y]})
    run = train(file, "y", tmp_path / "run", epochs=60)
    out = tmp_path / f"p.{form}"
    assert main(["predict", run, file, "--out", str(out), "--device", "cpu"]) == 0
    if form == "csv":
        got = np.array([float(row["prediction"]) for row in csv.DictReader(io.StringIO(out.read_text()))])
    elif form == "npy":
        got = np.load(out)
    else:
        got = pytest.importorskip("pyarrow.parquet").read_table(out)["prediction"].to_numpy()
    assert got.dtype == np.float64
    rmse = np.sqrt(np.mean((got - y) ** 2))
    assert rmse < 30  # 128 / √12 = 37 by rounding alone
    capsys.readouterr()
    assert main(["evaluate", run, file, "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["rmse"] == pytest.approx(rmse, rel=1e-9)
