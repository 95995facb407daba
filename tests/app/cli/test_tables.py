"""From a file to predictions by the command line: `train FILE`, `predict`, `evaluate`."""

import csv
import io
import json
from importlib.util import find_spec

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.cli import evaluate, main
from dlcore.data.frames import table
from dlcore.data.split import held_out_rows
from dlcore.data.table_files import read_table

from .running import fails

QUICK = ["--device", "cpu", "--hidden", "16", "--no-progress", "--batch-size", "16", "--epochs"]


def rows_of_a_table(n=200):
    """Two measurements, one with gaps, and a category; the class follows from them, and the value too."""
    random = np.random.default_rng(0)
    size, weight = random.normal(100, 15, n).round(2), random.normal(5, 2, n).round(2)
    town = random.choice(["Kiel", "Bonn", "Ulm"], n)
    score = (size - 100) / 15 + (town == "Kiel") - (weight - 5) / 2
    kind = np.where(score > 0, "large, heavy", 'the "rest"')
    gaps = np.where(np.arange(n) % 10 == 3, "", weight.astype(str))
    return [
        dict(zip(("size", "weight", "town", "kind", "value"), map(str, row), strict=True))
        for row in zip(size, gaps, town, kind, (1000 * score).round(1), strict=True)
    ]


ROWS = rows_of_a_table()


def text(rows, columns=None, separator=","):
    out = io.StringIO()
    writer = csv.DictWriter(
        out, columns or list(rows[0]), delimiter=separator, lineterminator="\n", extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The table, a run on its classes and one on its values."""
    path = tmp_path_factory.mktemp("tables")
    (path / "t.csv").write_text(text(ROWS))
    assert main(["train", str(path / "t.csv"), "--target", "kind", "--types", "value=ignore", *QUICK, "20",
                 "--learning-rate", "1e-2", "--out", str(path / "classes")]) == 0  # fmt: skip
    assert main(["train", str(path / "t.csv"), "--target", "value", "--types", "kind=ignore", *QUICK, "20",
                 "--learning-rate", "1e-2", "--out", str(path / "values")]) == 0  # fmt: skip
    return path


def predictions(capsys, *words):
    capsys.readouterr()
    assert main(["predict", *map(str, words)]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


# -- training ----------------------------------------------------------------------------------------------------------


def test_what_was_found_in_the_file_is_said(folder, capsys):
    words = ["train", str(folder / "t.csv"), "--target", "kind", "--types", "value=ignore", *QUICK, "1"]
    assert main(words) == 0
    assert capsys.readouterr().err.splitlines() == [
        "dlcore: t.csv (comma, header, UTF-8): 2 numbers and 1 category make 6 inputs; "
        "target 'kind': 2 classes, large, heavy, the \"rest\"",
        "dlcore: 2 numbers: size, weight",
        "dlcore: 1 category: town (3)",
        "dlcore: 1 column left out: value (is not wanted)",
        "dlcore: 160 training rows; 40 test rows, drawn from a fixed stream",
        "dlcore: t.csv, 160 rows; 6-16-2 relu, 146 parameters; cpu float32",
    ]


def test_it_learns(folder):
    """Nine of ten classes, and values to 0.3 of their deviation, in their units."""
    deviation = np.std([float(row["value"]) for row in ROWS])
    assert json.loads((folder / "classes" / "summary.json").read_text())["test_accuracy"] >= 0.9
    assert json.loads((folder / "values" / "summary.json").read_text())["test_rmse"] < 0.3 * deviation


def test_the_configuration_reproduces_the_run(folder, tmp_path):
    """From another folder, bit by bit."""
    assert (
        main(["train", str(folder / "values" / "config.toml"), "--no-progress", "--out", str(tmp_path / "again")]) == 0
    )
    summaries = [json.loads((run / "summary.json").read_text()) for run in (folder / "values", tmp_path / "again")]
    assert summaries[0]["test_rmse"] == summaries[1]["test_rmse"]


def test_training_rows_alone_are_fitted_to(folder):
    """Means and categories are those of the rows that are not set aside."""
    fitted = dl.Trainer.load(folder / "values" / "checkpoints" / "best.safetensors").preprocessing
    stay = np.flatnonzero(~held_out_rows(200))
    size = fitted.columns[0]
    assert size.scaling.center == pytest.approx(np.mean([float(ROWS[i]["size"]) for i in stay]), rel=1e-12)
    assert fitted.target.center == pytest.approx(np.mean([float(ROWS[i]["value"]) for i in stay]), rel=1e-12)


def test_validation_rows_are_not_fitted_to(folder, tmp_path):
    out = str(tmp_path / "run")
    words = ["train", str(folder / "t.csv"), "--target", "value", "--types", "kind=ignore", "--validation", "0.25"]
    assert main([*words, *QUICK, "1", "--out", out]) == 0
    fitted = dl.Trainer.load(tmp_path / "run" / "checkpoints" / "best.safetensors").preprocessing
    stay = np.flatnonzero(~held_out_rows(200))
    stay = stay[~held_out_rows(160, None, 0.25)]
    assert fitted.columns[0].scaling.center == pytest.approx(np.mean([float(ROWS[i]["size"]) for i in stay]), rel=1e-12)
    assert "val_loss" in json.loads((tmp_path / "run" / "metrics.jsonl").read_text())


def test_a_file_of_test_rows(folder, tmp_path, capsys):
    """Its rows are the test rows; labels of its own are an error."""
    (tmp_path / "test.csv").write_text(text(ROWS[:30], separator=";"))
    words = ["train", str(folder / "t.csv"), "--target", "4", "--types", "value=ignore", *QUICK, "1"]
    assert main([*words, "--test", str(tmp_path / "test.csv")]) == 0
    assert "200 training rows; 30 test rows, those of test.csv (semicolon, header, UTF-8)" in capsys.readouterr().err
    (tmp_path / "test.csv").write_text(text([ROWS[0] | {"kind": "other"}]))
    message = fails_after_notes(capsys, 3, *words, "--test", str(tmp_path / "test.csv"))
    assert "test.csv, line 2: column 'kind': 'other' is none of the classes of training: large, heavy, the" in message


def test_embeddings(folder, capsys):
    """Categories become codes for an Embedding layer: 2 numbers, a flag and 2 learned columns."""
    words = [
        "train",
        str(folder / "t.csv"),
        "--target",
        "kind",
        "--types",
        "value=ignore",
        "--categorical",
        "embedding",
    ]
    assert main([*words, *QUICK, "20", "--learning-rate", "1e-2"]) == 0
    out, err = capsys.readouterr()
    assert "2 numbers and 1 category make 4 inputs" in err
    assert float(out.split()[-3].rstrip("%")) >= 90


def test_other_files_train_the_same_network(folder, tmp_path, capsys):
    """Parquet and NPZ instead of CSV: the same inputs, the same network."""
    rows = read_table(folder / "t.csv").columns
    numbers = {name: [float(row[name] or "nan") for row in ROWS] for name in ("size", "weight", "value")}
    columns = {**numbers, "town": [row["town"] for row in ROWS]}
    columns = {name: columns[name] for name in rows if name in columns}
    files = {"npz": lambda path: np.savez(path, **columns)}
    if find_spec("pyarrow"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        files["parquet"] = lambda path: pq.write_table(pa.table(columns), path)
    (tmp_path / "t.csv").write_text(text(ROWS, list(columns)))
    results = []
    for form in ("csv", *files):
        path = tmp_path / f"t.{form}"
        if form in files:
            files[form](path)
        capsys.readouterr()
        assert main(["train", str(path), "--target", "value", *QUICK, "2"]) == 0
        results.append(capsys.readouterr().out.split()[-5:-2])  # losses and rmse
    assert results[0] == results[1] == results[-1]


# -- predictions -------------------------------------------------------------------------------------------------------


def test_predictions_as_csv(folder, capsys):
    """A header and a line for each row, in order: class and probabilities, or the value in its units."""
    found = predictions(capsys, folder / "classes", folder / "t.csv", "--device", "cpu")
    assert list(found[0]) == ["prediction", "probability_large, heavy", 'probability_the "rest"']
    right = [row["prediction"] == truth["kind"] for row, truth in zip(found, ROWS, strict=True)]
    assert np.mean(right) >= 0.9
    assert all(abs(sum(map(float, list(row.values())[1:])) - 1) < 1e-5 for row in found)
    found = predictions(capsys, folder / "values", folder / "t.csv", "--device", "cpu")
    error = [float(row["prediction"]) - float(truth["value"]) for row, truth in zip(found, ROWS, strict=True)]
    assert np.sqrt(np.mean(np.square(error))) < 400  # 316 by the gaps alone


def test_predictions_are_those_of_python(folder, capsys):
    """The same trainer and its preprocessing on the same raw rows."""
    trainer = dl.Trainer.load(folder / "classes" / "checkpoints" / "best.safetensors")
    raw = {name: [row[name] for row in ROWS[:5]] for name in ("size", "weight", "town")}
    raw |= {name: [float(cell or "nan") for cell in raw[name]] for name in ("size", "weight")}
    expected = trainer.predict(trainer.preprocessing.features(table(raw)))
    found = predictions(
        capsys, folder / "classes" / "checkpoints" / "best.safetensors", folder / "t.csv", "--device", "cpu"
    )
    got = [[float(cell) for cell in list(row.values())[1:]] for row in found[:5]]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_columns_in_another_order_more_columns_and_no_target(folder, tmp_path, capsys):
    other = [{"id": str(i), **{name: row[name] for name in ("town", "weight", "size")}} for i, row in enumerate(ROWS)]
    (tmp_path / "other.csv").write_text(text(other, separator="\t"))
    run = folder / "values"
    assert predictions(capsys, run, tmp_path / "other.csv", "--device", "cpu") == predictions(
        capsys, run, folder / "t.csv", "--device", "cpu"
    )


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_files_of_predictions(folder, tmp_path, capsys, kind):
    """CSV, NPY and Parquet hold the same numbers; a row that cannot be used is empty, NaN or null, at its place."""
    pq = pytest.importorskip("pyarrow.parquet")
    odd = text(ROWS[:6]).splitlines()
    odd[2], odd[4] = "100,5,Kiel,x,1,surplus", odd[4].replace(ROWS[3]["size"], "much")
    (tmp_path / "odd.csv").write_text("\n".join(odd))
    for form in ("csv", "npy", "parquet"):
        words = ["predict", str(folder / kind), str(tmp_path / "odd.csv"), "--bad-rows", "skip", "--device", "cpu"]
        assert main([*words, "--out", str(tmp_path / f"p.{form}")]) == 0
        err = capsys.readouterr().err
        assert "dlcore: odd.csv: 2 rows left out (line 3: 6 cells, expected 5; line 5: column 'size': 'much' is" in err
        assert f"dlcore: 4 predictions are in {tmp_path / f'p.{form}'}; rows that were left out are empty there" in err
    rows = list(csv.reader(io.StringIO((tmp_path / "p.csv").read_text())))
    array, columns = np.load(tmp_path / "p.npy"), pq.read_table(tmp_path / "p.parquet")
    assert rows[0] == columns.column_names
    assert [row == [""] * len(row) for row in rows[1:]] == [False, True, False, True, False, False]
    first = 1 if kind == "classes" else 0
    assert np.isnan(array).reshape(6, -1).all(axis=1).tolist() == [False, True, False, True, False, False]
    numbers = [[float(cell or "nan") for cell in row[first:]] for row in rows[1:]]
    dtype = np.float32 if kind == "classes" else np.float64  # values are restored in float64
    assert array.dtype == dtype
    np.testing.assert_array_equal(dtype(numbers), array.reshape(6, -1))
    np.testing.assert_array_equal(
        dtype(
            [[np.nan if cell is None else cell for cell in list(row.values())[first:]] for row in columns.to_pylist()]
        ),
        array.reshape(6, -1),
    )
    if first:
        assert [row["prediction"] or "" for row in columns.to_pylist()] == [row[0] for row in rows[1:]]


def test_what_training_rows_did_not_have_is_said(folder, tmp_path, capsys):
    (tmp_path / "new.csv").write_text(text([ROWS[0] | {"town": "Rome", "size": ""}]))
    assert main(["predict", str(folder / "classes"), str(tmp_path / "new.csv"), "--device", "cpu"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("dlcore: column 'size': 1 missing, and none in training; taken for ")
    assert err[1] == "dlcore: column 'town': 1 of no category of training ('Rome')"


# -- evaluation --------------------------------------------------------------------------------------------------------


def test_evaluation_as_json(folder, capsys):
    """The test figure of the run on all rows is between those of its parts, and the figures fit each other."""
    assert main(["evaluate", str(folder / "classes"), str(folder / "t.csv"), "--json", "--device", "cpu"]) == 0
    figures = json.loads(capsys.readouterr().out)
    found = predictions(capsys, folder / "classes", folder / "t.csv", "--device", "cpu")
    right = np.mean([row["prediction"] == truth["kind"] for row, truth in zip(found, ROWS, strict=True)])
    assert figures["accuracy"] == pytest.approx(right)
    assert np.trace(figures["confusion"]) == round(right * 200)
    assert figures["classes"] == ["large, heavy", 'the "rest"']
    assert list(figures) == [
        "rows", "rows_left_out", "loss", "classes", "accuracy", "balanced_accuracy", "log_loss", "auc", "confusion",
    ]  # fmt: skip
    assert main(["evaluate", str(folder / "values"), str(folder / "t.csv"), "--json", "--device", "cpu"]) == 0
    figures = json.loads(capsys.readouterr().out)
    found = predictions(capsys, folder / "values", folder / "t.csv", "--device", "cpu")
    errors = [float(row["prediction"]) - float(truth["value"]) for row, truth in zip(found, ROWS, strict=True)]
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-4)
    assert figures["mae"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-4)
    assert figures["r2"] > 0.95


def test_evaluation_as_a_table(folder, capsys):
    for run, names in (("classes", "rows accuracy balanced accuracy log loss AUC"), ("values", "rows RMSE MAE R2")):
        assert main(["evaluate", str(folder / run), str(folder / "t.csv"), "--device", "cpu"]) == 0
        out = capsys.readouterr().out
        assert out.strip().splitlines()[0].split() == names.split()
        assert max(map(len, out.splitlines())) <= 80


def test_classes_are_not_markup_and_numbers_are_not_cut(capsys):
    classes = ["[bold]", "[/x]", *(f"from {i} to {i + 1}" for i in range(10))]
    figures = {"rows": 1, "rows_left_out": 0, "classes": classes, "confusion": np.full((12, 12), 123456)}
    evaluate._print(figures)
    out = capsys.readouterr().out
    assert out.count("123456") == 144
    assert out.count("[bold]") == out.count("[/x]") == 2


def test_evaluation_of_a_named_data_set(tmp_path, capsys):
    words = ["train", "digits", *QUICK, "1", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    assert main(["evaluate", str(tmp_path / "run"), "digits", "--json", "--device", "cpu"]) == 0
    figures = json.loads(capsys.readouterr().out.partition("{")[2].join("{ "))
    assert figures["accuracy"] == json.loads((tmp_path / "run" / "summary.json").read_text())["test_accuracy"]


def test_a_network_without_preprocessing_takes_arrays_as_they_are(tmp_path, capsys):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(10, 3)), random.integers(0, 2, 10)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.Adam(1e-3))
    trainer.save(tmp_path / "m.safetensors")
    np.savez(tmp_path / "d.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    words = [
        str(tmp_path / "m.safetensors"),
        str(tmp_path / "X.npy"),
        "--device",
        "cpu",
        "--out",
        str(tmp_path / "p.npy"),
    ]
    assert main(["predict", *words]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), trainer.predict(X))
    evaluate = ["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "d.npz"), "--device", "cpu"]
    capsys.readouterr()
    assert main([*evaluate, "--target", "y", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == trainer.evaluate(X, y)["accuracy"]
    assert "name the column of the targets with --target" in fails(capsys, 2, *evaluate)


# -- errors ------------------------------------------------------------------------------------------------------------


def fails_after_notes(capsys, code, *words):
    """The last line of a command that must end with this code."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


SOME = text(ROWS[:40])
BAD_FILES = {
    "nothing": ("", "t.csv: the file is empty"),
    "header only": ("size,kind\n", "t.csv: the file has a header (size, kind) and no rows"),
    "ragged": (SOME + "1,2\n", "t.csv, line 42: 2 cells, expected 5"),
    "two columns of one name": (SOME.replace("town", "size"), "t.csv, line 1: columns 1 and 3 are both called 'size'"),
    "another encoding": (SOME.replace("Kiel", "Köln").encode("cp1252"), "is not UTF-8 (as cp1252 the cell is 'Köln')"),
    "a word among numbers": (SOME + "big,2,Ulm,x,3\n", "t.csv, line 42: column 'size': 'big' is not a number"),
    "1e30": (SOME + f"1e30,2,Ulm,{ROWS[0]['kind'].split()[0]!r},3\n".replace("'", ""), "t.csv, line 42"),
    "one class": (text([row | {"kind": "a"} for row in ROWS[:9]]), "the target 'kind' is 'a' in all training rows"),
    "another name": (
        SOME.replace("kind", "kinds"),
        "no column 'kind' (did you mean 'kinds'?); there are: size, weight",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_files_that_cannot_be_trained_on(case, tmp_path, capsys):
    """One line with the file, the line and the reason, code 3, before anything is trained or made."""
    content, message = BAD_FILES[case]
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    words = ["train", tmp_path / "t.csv", "--target", "kind", "--out", tmp_path / "run", "--test", tmp_path / "t.csv"]
    assert message in fails_after_notes(capsys, 3, *words)
    assert not (tmp_path / "run").exists()


def test_rows_left_out_are_counted_and_the_others_trained_on(tmp_path, capsys):
    """As if they were not there."""
    bad = SOME + "1,2\nbig,2,Ulm,a,3\n1e30,2,Ulm,a,3\n"
    (tmp_path / "bad.csv").write_text(bad)
    (tmp_path / "good.csv").write_text(SOME)
    results = []
    for name in ("bad.csv", "good.csv"):
        words = ["train", tmp_path / name, "--target", "value", "--types", "kind=ignore", "--bad-rows", "skip"]
        test = ["--test", str(tmp_path / "good.csv"), "--out", str(tmp_path / f"of_{name}")]
        assert main([*map(str, words), *QUICK, "1", *test]) == 0
        out, err = capsys.readouterr()
        results.append(out.split()[-5:-2])
        if name == "bad.csv":
            assert "dlcore: bad.csv: 3 rows left out (line 42: 2 cells, expected 5; line 43: " in err
            assert json.loads((tmp_path / "of_bad.csv" / "summary.json").read_text())["rows_left_out"] == 3
    assert results[0] == results[1]


def test_a_target_by_number_is_not_taken_for_a_name(tmp_path, capsys):
    """The 2 in the first row of a file without a header is a cell."""
    lines = "\n".join(f"{7 * i % 50},{i % 2 + 1}.5,{i % 2 + 1}" for i in range(2, 40))
    (tmp_path / "t.csv").write_text(f"1,2,1\n{lines}\n")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "2", *QUICK, "1"]) == 0
    assert "t.csv (comma, no header, UTF-8)" in capsys.readouterr().err


def test_a_dtype_that_is_not_there_is_wrong_usage(folder, capsys):
    message = fails_after_notes(
        capsys, 2, "train", folder / "t.csv", "--target", "kind", "--dtype", "float8", "--device", "cpu"
    )
    assert "dtype='float8' on device 'cpu': expected one of" in message


def test_the_task_is_that_of_the_whole_file(tmp_path, capsys):
    """20 classes of 5 rows each would be a number by the rows that are left when a fifth is set aside."""
    random = np.random.default_rng(0)
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{random.normal():.3f},{i % 20}" for i in range(100)))
    assert main(["train", str(tmp_path / "t.csv"), "--target", "y", *QUICK, "1"]) == 0
    assert "target 'y': 20 classes, 0, 1, 2, 3, 4, ..." in capsys.readouterr().err


def test_too_few_rows(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")
    message = fails_after_notes(capsys, 3, "train", tmp_path / "t.csv", "--target", "y")
    assert "t.csv: 2 rows of 2 classes are too few to set some aside for testing; give a file of test rows" in message


def test_a_target_must_be_named(folder, capsys):
    message = fails_after_notes(capsys, 2, "train", folder / "t.csv")
    assert "--target is missing: which column of" in message
    assert "there are: size, weight, town, kind, value" in message


def test_a_torn_checkpoint_is_passed_over(folder, tmp_path, capsys):
    """The newest step file that is whole is used, with a warning; where there is none it is an error of code 4."""
    import shutil

    run = tmp_path / "run"
    shutil.copytree(folder / "classes", run)
    older, newer = sorted((run / "checkpoints").glob("step_*"), key=lambda path: int(path.stem[5:]))
    newer.write_bytes(newer.read_bytes()[:-7])
    assert main(["evaluate", str(run), str(folder / "t.csv"), "--device", "cpu"]) == 0
    assert f"{newer}: cannot be read as a checkpoint" in capsys.readouterr().err
    older.unlink()
    assert "cannot be read as a checkpoint" in fails_after_notes(
        capsys, 4, "evaluate", run, folder / "t.csv", "--device", "cpu"
    )
    newer.unlink()
    assert "no checkpoint is there" in fails_after_notes(
        capsys, 4, "evaluate", run, folder / "t.csv", "--device", "cpu"
    )
