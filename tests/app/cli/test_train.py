"""`dlcore train`: what it prints, what it writes, and how it ends."""

import json
import os
import re
import signal
import sys
import threading
import tomllib
from importlib.util import find_spec

import pytest

import dlcore as dl
from dlcore.app.cli import main
from dlcore.app.cli.results import time_note
from dlcore.data.digits import load_digits

from .running import SMALL, a_process, wait_for_an_epoch


def test_a_run_leaves_the_documented_files(run):
    found = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    steps = ["checkpoints/step_115.safetensors", "checkpoints/step_138.safetensors"]  # 23 updates an epoch
    confusion, curves = (["confusion_matrix.png"], ["curves.png"]) if find_spec("matplotlib") else ([], [])
    assert found == [
        "checkpoints/best.safetensors", *steps, "config.toml", *confusion, *curves, "data.json", "metrics.jsonl",
        "summary.json", "test_predictions.csv",
    ]  # fmt: skip


def test_summary_has_the_documented_keys_and_sane_values(run):
    summary = json.loads((run / "summary.json").read_text())
    assert list(summary) == [
        "device", "dtype", "epochs", "seconds", "samples_per_second", "first_epoch_seconds", "train_loss", "test_loss",
        "test_accuracy",
    ]  # fmt: skip
    assert (summary["device"], summary["dtype"], summary["epochs"]) == ("cpu", "float32", 6)
    assert summary["test_accuracy"] > 0.9
    assert 0 < summary["train_loss"] < 0.2
    seconds = [json.loads(line)["seconds"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert summary["seconds"] == pytest.approx(sum(seconds))
    assert summary["samples_per_second"] == pytest.approx(6 * 1437 / sum(seconds))
    assert summary["first_epoch_seconds"] == seconds[0]


def test_metrics_have_a_line_for_each_epoch(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(list(line) == ["epoch", "loss", "seconds", "learning_rate"] for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[0]["learning_rate"] == 0.01


def test_the_resolved_configuration_is_written(run):
    assert tomllib.loads((run / "config.toml").read_text()) == {
        "data": {"source": "digits", "validation": 0.0},
        "model": {"hidden": [32], "activation": "relu", "dropout": 0.0},
        "optimizer": {"name": "adam", "learning_rate": 0.01, "l2": 1e-4, "weight_decay": 0.0},
        "training": {
            "epochs": 6, "batch_size": 64, "restarts": 1, "seed": 0, "device": "cpu", "dtype": "float32",
            "matmul_precision": "highest",
        },
    }  # fmt: skip


def test_the_last_checkpoint_is_the_network_of_the_summary(run):
    trainer, data = dl.Trainer.load(run / "checkpoints" / "step_138.safetensors"), load_digits()
    summary = json.loads((run / "summary.json").read_text())
    assert trainer.evaluate(data.X_test, data.y_test)["accuracy"] == summary["test_accuracy"]


def test_the_written_configuration_reproduces_the_run(run, tmp_path):
    assert main(["train", str(run / "config.toml"), "--no-progress", "--out", str(tmp_path / "again")]) == 0
    one, two = (dl.Trainer.load(out / "checkpoints" / "step_138.safetensors") for out in (run, tmp_path / "again"))
    assert all((a == b).all() for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
    assert (run / "config.toml").read_text() == (tmp_path / "again" / "config.toml").read_text()


def test_flags_override_the_file(run, tmp_path):
    words = [
        "train",
        str(run / "config.toml"),
        "--epochs",
        "1",
        "--set",
        "model.hidden=5",
        "--out",
        str(tmp_path / "other"),
    ]
    assert main(words) == 0
    written = tomllib.loads((tmp_path / "other" / "config.toml").read_text())
    assert (written["training"]["epochs"], written["model"]["hidden"]) == (1, [5])
    assert written["optimizer"]["learning_rate"] == 0.01


@pytest.mark.parametrize("name", ["curves", "confusion_matrix"])
def test_pictures_are_png(run, name):
    pytest.importorskip("matplotlib")
    assert (run / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_validation_rows_are_set_aside_and_best_goes_by_them(tmp_path, capsys):
    out = tmp_path / "run"
    words = ["--epochs", "30", "--learning-rate", "3e-2", "--validation", "0.9", "--out", str(out)]
    assert main([*SMALL, *words]) == 0
    assert "digits, 144 rows;" in capsys.readouterr().err
    losses = [json.loads(line)["val_loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert dl.Trainer.load(out / "checkpoints" / "best.safetensors").epoch == losses.index(min(losses)) + 1 < 30


def test_patience_stops_training_and_brings_the_best_weights_back(tmp_path, capsys):
    out = tmp_path / "run"
    words = ["--epochs", "60", "--learning-rate", "3e-2", "--validation", "0.9", "--patience", "3", "--out", str(out)]
    assert main([*SMALL, *words]) == 0
    losses = [json.loads(line)["val_loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 3 < 60
    assert f"dlcore: stopped after epoch {best + 3}; the weights of epoch {best} are back" in capsys.readouterr().err
    last, kept = (
        dl.Trainer.load(out / "checkpoints" / f"{name}.safetensors") for name in (f"step_{3 * best + 9}", "best")
    )
    assert all((a == b).all() for a, b in zip(last.get_weights(), kept.get_weights(), strict=True))
    data = load_digits()
    accuracy = last.evaluate(data.X_test, data.y_test)["accuracy"]
    assert json.loads((out / "summary.json").read_text())["test_accuracy"] == accuracy


def test_of_several_restarts_the_best_is_kept(tmp_path, capsys):
    out, data = tmp_path / "run", load_digits()
    assert main([*SMALL, "--epochs", "2", "--restarts", "3", "--seed", "5", "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    kept = summary["kept"]
    assert summary["kept_by"] == "training loss"
    assert min(summary["losses"]) == summary["losses"][kept - 1] == summary["train_loss"]
    assert f"dlcore: restart {kept} is kept: it has the lowest training loss\n" in capsys.readouterr().err
    best = dl.Trainer.load(out / "checkpoints" / "step_46.safetensors")
    assert (best.seed, best.evaluate(data.X, data.y)["loss"]) == (4 + kept, summary["train_loss"])
    others = sorted(path.name for path in out.glob("restart_*"))
    assert others == [f"restart_{k}" for k in (1, 2, 3) if k != kept]
    for name in others:
        loss = dl.Trainer.load(out / name / "checkpoints" / "step_46.safetensors").evaluate(data.X, data.y)["loss"]
        assert loss == summary["losses"][int(name[-1]) - 1]


def test_a_restart_that_diverges_is_passed_over(tmp_path, capsys, monkeypatch):
    fit, calls = dl.Trainer.fit, []

    def fit_but_not_first(self, *data, **options):
        calls.append(self.seed)
        if len(calls) == 1:
            raise dl.DivergenceError("the loss is nan")
        return fit(self, *data, **options)

    monkeypatch.setattr(dl.Trainer, "fit", fit_but_not_first)
    assert main([*SMALL, "--epochs", "1", "--restarts", "2", "--out", str(tmp_path / "run")]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (calls, summary["kept"], summary["losses"][0]) == ([0, 1], 2, None)
    assert "restart 1 of 2: the loss is nan; the last good state is in" in capsys.readouterr().err


def test_where_every_restart_diverges_the_run_has_failed(tmp_path, capsys):
    words = ["--optimizer", "sgd", "--learning-rate", "1e30", "--restarts", "2", "--out", str(tmp_path / "run")]
    assert main([*SMALL, *words]) == 1
    assert str(tmp_path / "run" / "restart_2" / "checkpoints") in capsys.readouterr().err


def test_without_matplotlib_there_are_no_curves_and_no_error(tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "summary.json").exists()
    assert not (tmp_path / "run" / "curves.png").exists()
    assert "error" not in capsys.readouterr().err


def test_a_first_epoch_that_compiles_is_told_from_the_others():
    summary = {"epochs": 5, "seconds": 3.0, "samples_per_second": 500.0, "first_epoch_seconds": 2.0}  # 300 rows
    assert time_note(summary) == "the first epoch, which compiles, took 2.00 of the seconds; without it 1,200 samples/s"
    assert time_note(summary | {"first_epoch_seconds": 0.7}) == ""
    assert time_note(summary | {"epochs": 1, "first_epoch_seconds": 3.0}) == ""


def test_results_go_to_stdout_in_80_columns_and_messages_to_stderr(tmp_path, capsys):
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    header, _, values = out.strip("\n").splitlines()
    assert header.split() == ["train", "loss", "test", "loss", "test", "accuracy", "seconds", "samples/s"]
    assert len(values.split()) == 5
    assert max(map(len, out.splitlines())) <= 80
    assert err.splitlines() == [
        "dlcore: digits, 1,437 rows; 64-32-10 relu, 2,410 parameters; cpu float32",
        f"dlcore: results are in {tmp_path / 'run'}",
    ]


def test_no_live_line_where_the_output_is_not_a_terminal(capsys):
    assert main([*(word for word in SMALL if word != "--no-progress"), "--epochs", "2"]) == 0
    assert "epoch" not in "".join(capsys.readouterr())


def test_the_live_line_of_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes anything for a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert main([*SMALL, "--epochs", "2"]) == 0
    assert "epoch" not in capsys.readouterr().err
    assert main([*(word for word in SMALL if word != "--no-progress"), "--epochs", "2"]) == 0
    assert "epoch" in capsys.readouterr().err


def test_auto_says_in_one_line_that_it_uses_the_cpu(capsys):
    try:
        dl.Backend.for_device("cuda")
    except dl.DeviceError:
        pass
    else:
        pytest.skip("this machine has a GPU")
    assert main(["train", "digits", "--hidden", "none", "--epochs", "1"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "auto" in line]
    assert len(lines) == 1
    assert lines[0].startswith("dlcore: device='auto': using the CPU")


def test_a_batch_larger_than_the_data_is_said_in_a_plain_line(capsys):
    assert main([*SMALL, "--epochs", "1", "--batch-size", "5000"]) == 0
    assert "dlcore: warning: batch_size=5000 is larger than the data; 1437 rows are used\n" in capsys.readouterr().err


@pytest.mark.parametrize("hidden", ["none", ""])
def test_no_hidden_layer(hidden, capsys):
    assert main([*SMALL, "--hidden", hidden, "--epochs", "1"]) == 0
    assert "64-10, 650 parameters" in capsys.readouterr().err


def test_sigint_ends_with_a_checkpoint_and_130(tmp_path, capsys):
    out = tmp_path / "run"

    def interrupt():
        wait_for_an_epoch(out)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert main([*SMALL, "--epochs", "1000000", "--out", str(out)]) == 130
    thread.join()
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"dlcore: interrupted after \d+ of 1000000 epochs; the state is in (.*)", last)
    trainer = dl.Trainer.load(last.partition("is in ")[2])
    assert trainer.updates >= 23
    assert not (out / "summary.json").exists()


def test_sigterm_ends_a_process_with_a_checkpoint_and_143(tmp_path):
    out = tmp_path / "run"
    with a_process("-m", "dlcore", *SMALL, "--epochs", "1000000", "--out", str(out)) as process:
        wait_for_an_epoch(out)
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in err
    newest = max((out / "checkpoints").glob("step_*"), key=lambda path: int(path.stem[5:]))
    assert dl.Trainer.load(newest).updates == int(newest.stem[5:])


def test_the_test_rows_of_a_named_data_set_are_measured_again(run, capsys):
    summary = json.loads((run / "summary.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", str(run), "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["accuracy"]) == (360, summary["test_accuracy"])
    lines = (run / "test_predictions.csv").read_text().splitlines()
    assert lines[0].startswith("row,target,prediction,probability_0,")
    right = [row.split(",")[1] == row.split(",")[2] for row in lines[1:]]
    assert sum(right) / len(right) == pytest.approx(summary["test_accuracy"])
