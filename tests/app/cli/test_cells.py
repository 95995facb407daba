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

    if form == "parquet":
        pytest.importorskip("pyarrow")
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


# -- labels and numbers ------------------------------------------------------------------------------------------------


def test_predicted_labels_are_spelled_as_in_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """007, 010 and 100 by what x says; also a target of integers that is declared as a category."""
    x = [i % 3 for i in range(90)]
    labels = ["007", "010", "100"]
    file = write(tmp_path / "t.csv", {"x": x, "code": [labels[v] for v in x]})
    assert predicted(capsys, train(file, "code", tmp_path / "run", epochs=60), file) == [labels[v] for v in x]
    file = write(tmp_path / "n.csv", {"x": x, "code": [v * 10 for v in x]})
    run = train(file, "code", tmp_path / "declared", "--types", "code=category", epochs=60)
    assert predicted(capsys, run, file) == [str(v * 10) for v in x]


def test_the_form_of_numbers_is_kept_for_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given by flags in training, not found from the few rows that are predicted; and said in the first line."""
    x = np.random.default_rng(0).integers(1000, 9999, 80)
    thousand = [f"{v // 1000},{v % 1000:03d}" for v in x]
    file = write(tmp_path / "t.csv", {"x": thousand, "y": [f"{v / 1000:.3f}".replace(".", ",") for v in x]})
    run = train(file, "y", tmp_path / "run", "--decimal", ",", epochs=80)
    assert "target 'y': a number (1234,5)" in capsys.readouterr().err
    got = np.array(
        [float(cell) for cell in predicted(capsys, run, write(tmp_path / "few.csv", {"x": ["2,000", "8,000"]}))]
    )
    assert (
        np.abs(got - [2, 8]).max() < 1
    )  # 2000 and 8000 would be refused as out of all proportion, or predicted far off


def test_dates_by_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = [f"{i % 12 + 1:02d}/{i % 9 + 1:02d}/2024" for i in range(60)]
    file = write(tmp_path / "t.csv", {"a": days, "b": days, "y": [i * 7 % 31 / 2 for i in range(60)]})
    train(file, "y", tmp_path / "run", "--date-format", "a=%m/%d/%Y,b=%d/%m/%Y")
    err = capsys.readouterr().err
    assert "2 dates: a (%m/%d/%Y), b (%d/%m/%Y)" in err
    assert "reads it otherwise" not in err


# -- rows and columns --------------------------------------------------------------------------------------------------


def test_positions_of_a_file_without_names_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The label first, then a file without it: an error rather than shifted columns.  The label last may be absent."""
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3)).round(3)
    label = np.where(X[:, 0] > 0, "a", "b")
    columns = {f"x{i}": X[:, i] for i in range(3)}
    first = write(tmp_path / "first.csv", {"y": label, **columns}, header=False)
    last = write(tmp_path / "last.csv", {**columns, "y": label}, header=False)
    bare = write(tmp_path / "bare.csv", columns, header=False)
    run = train(first, "1", tmp_path / "of_first")
    message = last_line(capsys, 3, "predict", run, bare, "--device", "cpu")
    assert "bare.csv has 3 columns, and training rows had 4, column 1 of them the target; they have no names" in message
    assert len(predicted(capsys, run, first)) == 80
    wide = write(tmp_path / "wide.csv", {**columns, "y": label, "z": label}, header=False)
    run = train(last, "-1", tmp_path / "of_last")
    assert predicted(capsys, run, last) == predicted(capsys, run, bare)
    assert "wide.csv has 5 columns" in last_line(capsys, 3, "predict", run, wide, "--device", "cpu")


def test_rows_without_a_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Left out, counted and said, in training and in evaluation; an error where bad rows are one."""
    y = ["" if i % 10 == 3 else "ab"[i % 2] for i in range(60)]
    file = write(tmp_path / "t.csv", {"x": [i % 2 for i in range(60)], "y": y})
    run = train(file, "y", tmp_path / "run")
    said = "t.csv: 6 rows left out (line 5: the target 'y' is missing; line 15: the target 'y' is missing"
    assert said in capsys.readouterr().err
    assert main(["evaluate", run, file, "--device", "cpu"]) == 0
    assert said in capsys.readouterr().err
    for words in (["train", file, "--target", "y"], ["evaluate", run, file, "--device", "cpu"]):
        assert "line 5: the target 'y' is missing" in last_line(capsys, 3, *words, "--bad-rows", "error")


def test_a_column_of_unknown_categories_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """yes and no in training, Y and N later; unless it is allowed."""
    known = ["yes", "no"] * 30
    file = write(tmp_path / "t.csv", {"x": [i % 7 for i in range(60)], "flag": known, "y": known})
    run = train(file, "y", tmp_path / "run")
    other = write(tmp_path / "o.csv", {"x": [1, 2, 3], "flag": ["Y", "N", ""], "y": ["yes", "no", "yes"]})
    for command in ("predict", "evaluate"):
        words = [command, run, other, "--device", "cpu"]
        message = last_line(capsys, 3, *words)
        assert "column 'flag': none of its cells ('Y', 'N') is a category of training ('no', 'yes')" in message
        assert "--unknown-categories allow" in message
        assert main([*words, "--unknown-categories", "allow"]) == 0
        assert "column 'flag': 2 of no category of training ('Y', 'N')" in capsys.readouterr().err


def test_columns_are_named_by_kind_and_those_left_out_by_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {f"x{i}": [(i % 15 + 1) * j % 17 / 2 for j in range(60)] for i in range(30)}
    data = many | {"a": [1] * 60, "b": [1] * 60, "c": ["u", "v", "w"] * 20, "y": [j % 2 for j in range(60)]}
    train(write(tmp_path / "t.csv", data), "y", tmp_path / "run")
    lines = [line.removeprefix("dlcore: ") for line in capsys.readouterr().err.splitlines()]
    shown = ", ".join(f"x{i}" for i in range(20))
    assert f"30 numbers: {shown}, ... (30 in all)" in lines
    assert "1 category: c (3)" in lines
    assert "2 columns left out: a, b (is '1' in all training rows)" in lines


@pytest.mark.parametrize("name", [None, "id"])
def test_the_index_of_a_pandas_frame_is_left_out(
    name: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A frame sorted by class and shuffled: the index that to_parquet stores tells the class.  It is left out, which is said."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=200), "y": ["a"] * 100 + ["b"] * 100})
    frame = frame.rename_axis(name).sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "t.parquet")
    stored = name or "__index_level_0__"
    train(str(tmp_path / "t.parquet"), "y", tmp_path / "run")
    err = capsys.readouterr().err
    assert "1 number: x\n" in err
    assert f"1 column left out: {stored} (is the index of a pandas frame; --types {stored}=number keeps it)" in err
    train(str(tmp_path / "t.parquet"), "y", tmp_path / "kept", "--types", f"{stored}=number")
    err = capsys.readouterr().err
    assert f"2 numbers: x, {stored}\n" in err
    assert f"column {stored!r} numbers the rows, so a network may learn their order" in err


def test_a_row_far_out_does_not_ruin_a_regression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of 200 test rows has an input 140 deviations out and an ordinary target: its prediction stays within reach.

    A network that goes on linearly would be about 140 deviations off there, which is 10 in the mean of 200 squares.
    """
    import json

    random = np.random.default_rng(0)
    x = random.normal(size=(600, 2))
    y = x[:, 0] + x[:, 1]
    file = write(tmp_path / "t.csv", {"a": x[:400, 0], "b": x[:400, 1], "y": y[:400]})
    x[400, 0] = 140
    test = write(tmp_path / "test.csv", {"a": x[400:, 0], "b": x[400:, 1], "y": y[400:]})
    run = train(file, "y", tmp_path / "run", epochs=30)
    capsys.readouterr()
    assert main(["evaluate", run, test, "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["rmse"] < 1.0


def test_a_marker_that_no_cell_is_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--missing=-999 matches -999.0, and 8888 nothing, in training and in prediction."""
    x = ["-999.0" if i % 9 == 0 else f"{i % 7}.5" for i in range(60)]
    file = write(tmp_path / "t.csv", {"x": x, "y": [i % 2 for i in range(60)]})
    run = train(file, "y", tmp_path / "run", "--missing=-999,8888")
    assert "t.csv: no cell is '8888', given by --missing" in capsys.readouterr().err
    assert main(["predict", run, file, "--device", "cpu", "--out", str(tmp_path / "p.csv")]) == 0
    assert "t.csv: no cell is '8888', given by --missing" in capsys.readouterr().err
