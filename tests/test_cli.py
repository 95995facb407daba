"""The command line: what it prints, what it writes, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import MISSING, fields
from importlib.util import find_spec
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

import dlcore as dl
from dlcore.cli import main
from dlcore.configuration import Configuration
from dlcore.data.digits import load_digits

SMALL = ["train", "digits", "--device", "cpu", "--hidden", "32", "--no-progress"]


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    """Multiplications this small are slower with more, much slower on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _no_wishes_about_terminals(monkeypatch):
    """These tests see a program whose output is not a terminal, whatever the environment says."""
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of 6 epochs."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main([*SMALL, "--epochs", "6", "--learning-rate", "1e-2", "--l2", "1e-4", "--out", str(out)]) == 0
    return out


def fails(capsys, code, *words):
    """The message of a command that must end with this code and one line on stderr."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("dlcore: error: ")
    assert err.count("\n") == 1
    return err


def a_process(*words, **more):
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | more.pop("env", {}),
        **more,
    )


def wait_for_an_epoch(out):
    metrics, end = out / "metrics.jsonl", time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size):
        assert time.monotonic() < end, "no epoch was finished in a minute"
        time.sleep(0.01)


# -- a run ---------------------------------------------------------------------------------------------------------------


def test_a_run_leaves_the_documented_files(run):
    found = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    steps = ["checkpoints/step_115.safetensors", "checkpoints/step_138.safetensors"]  # 23 updates an epoch
    curves = ["curves.png"] if find_spec("matplotlib") else []
    assert found == [
        "checkpoints/best.safetensors", *steps, "config.toml", *curves, "metrics.jsonl", "summary.json",
    ]  # fmt: skip


def test_summary_has_the_documented_keys_and_sane_values(run):
    summary = json.loads((run / "summary.json").read_text())
    assert list(summary) == [
        "device", "dtype", "epochs", "seconds", "samples_per_second", "train_loss", "test_loss", "test_accuracy",
    ]  # fmt: skip
    assert (summary["device"], summary["dtype"], summary["epochs"]) == ("cpu", "float32", 6)
    assert summary["test_accuracy"] > 0.9
    assert 0 < summary["train_loss"] < 0.2
    assert summary["seconds"] > 0
    assert summary["samples_per_second"] > 0


def test_metrics_have_a_line_for_each_epoch(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(list(line) == ["epoch", "loss", "seconds", "learning_rate"] for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[0]["learning_rate"] == 0.01


def test_the_resolved_configuration_is_written(run):
    assert tomllib.loads((run / "config.toml").read_text()) == {
        "data": {"source": "digits"},
        "model": {"hidden": [32], "activation": "relu"},
        "optimizer": {"name": "adam", "learning_rate": 0.01, "l2": 1e-4},
        "training": {"epochs": 6, "batch_size": 64, "seed": 0, "device": "cpu", "dtype": "float32"},
    }


def test_the_last_checkpoint_is_the_network_of_the_summary(run):
    trainer, data = dl.Trainer.load(run / "checkpoints" / "step_138.safetensors"), load_digits()
    summary = json.loads((run / "summary.json").read_text())
    assert trainer.evaluate(data.X_test, data.y_test)["accuracy"] == summary["test_accuracy"]


def test_curves_are_a_png(run):
    pytest.importorskip("matplotlib")
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_without_matplotlib_there_are_no_curves_and_no_error(tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "summary.json").exists()
    assert not (tmp_path / "run" / "curves.png").exists()
    assert "error" not in capsys.readouterr().err


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


# -- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "required: COMMAND"),
        ("trian", "'trian' is not a command (did you mean 'train'?)"),
        ("train", "required: DATA"),
        ("train dgits", "DATA 'dgits' is unknown (did you mean 'digits'?); dlcore .* trains on: digits"),
        ("train some.csv", "DATA 'some.csv' is unknown; dlcore .* trains on: digits"),
        ("train digits more", "unknown argument 'more'"),
        ("train digits --hiden 3", "unknown argument '--hiden' (did you mean '--hidden'?)"),
        ("train digits --epoch 3", "unknown argument '--epoch' (did you mean '--epochs'?)"),
        ("train digits --hidden 3,,4", "--hidden: '' is not an integer"),
        ("train digits --hidden 3,0", "--hidden: '0' is not a positive integer"),
        ("train digits --hidden many", "--hidden: 'many' is not an integer"),
        ("train digits --epochs", "--epochs: expected one argument"),
        ("train digits --epochs 0", "--epochs: '0' is not a positive integer"),
        ("train digits --epochs 1.5", "--epochs: '1.5' is not an integer"),
        ("train digits --batch-size -1", "--batch-size: '-1' is not a positive integer"),
        ("train digits --checkpoint-every 0", "--checkpoint-every: '0' is not a positive integer"),
        ("train digits --learning-rate fast", "--learning-rate: 'fast' is not a number"),
        ("train digits --learning-rate nan", "--learning-rate: 'nan' is not a number"),
        ("train digits --learning-rate 0", "learning_rate=0.0, expected a positive number"),
        ("train digits --l2 -1", "l2=-1.0, expected a number >= 0"),
        ("train digits --seed x", "--seed: 'x' is not an integer"),
        ("train digits --seed -1", "seed=-1: expected an integer from 0"),
        ("train digits --activation rleu", "activation 'rleu' is unknown (did you mean 'relu'?); there are: arctan,"),
        ("train digits --optimizer adm", "optimizer 'adm' is unknown (did you mean 'adam'?); there are: adam,"),
        ("train digits --dtype float8 --device cpu", "dtype='float8' on device 'cpu': expected one of float32"),
        ("info --yaml", "unknown argument '--yaml'"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(capsys, words, message):
    pattern = re.escape(message).replace(r"\.\*", ".*")
    assert re.search(pattern, fails(capsys, 2, *words.split()))


def test_a_used_folder_is_refused_and_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    message = fails(capsys, 2, *SMALL, "--out", str(tmp_path))
    assert f"--out {tmp_path} is in use (thesis.tex)" in message
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert "is in use (a file of that name)" in fails(capsys, 2, *SMALL, "--out", str(tmp_path / "file"))
    assert "cannot be written" in fails(capsys, 2, *SMALL, "--out", str(tmp_path / "file" / "run"))


def test_an_unknown_device_is_code_5(capsys):
    assert "device='cdua' is unknown" in fails(capsys, 5, *SMALL, "--device", "cdua")


def test_cuda_without_cupy_is_code_5_and_names_the_command(capsys, monkeypatch):
    from dlcore import backend

    backend._cuda.cache_clear()
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert 'pip install "cupy-cuda' in fails(capsys, 5, *SMALL, "--device", "cuda")


def test_a_full_disk_is_code_4(tmp_path, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = fails(capsys, 4, *SMALL, "--out", str(tmp_path / "run"))
    assert "No space left on device" in message
    assert list((tmp_path / "run").rglob("*.tmp")) == []


def test_divergence_is_code_1_and_keeps_the_last_good_state(tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*SMALL, "--optimizer", "sgd", "--learning-rate", "1e30", "--out", str(out)]) == 1
    err = capsys.readouterr().err
    assert "training diverged at update 2" in err
    kept = out / "checkpoints" / "step_1.safetensors"
    assert str(kept) in err
    assert dl.Trainer.load(kept).updates == 1
    assert not (out / "summary.json").exists()


def test_debug_shows_the_traceback(capsys):
    for words in (["--debug", "train", "moons"], ["train", "moons", "--debug"]):
        assert main(words) == 2
        assert "Traceback" in capsys.readouterr().err


def test_what_nobody_expected_is_still_one_line(capsys, monkeypatch):
    monkeypatch.setattr(dl.Trainer, "fit", lambda *a, **b: 1 / 0)
    assert main(SMALL) == 1
    assert "dlcore: error: ZeroDivisionError: division by zero (not expected" in capsys.readouterr().err


@pytest.fixture
def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        yield pipe


@pytest.mark.parametrize("words", [["info"], ["--help"]])
def test_a_reader_who_left_is_no_error(capsys, monkeypatch, closed_pipe, words):
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    assert main(words) == 141
    assert capsys.readouterr().err == ""


def test_training_goes_on_when_nobody_reads_the_messages(capsys, monkeypatch, closed_pipe, tmp_path):
    monkeypatch.setattr(sys, "stderr", closed_pipe)
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_streams_may_be_closed_from_the_beginning(monkeypatch, stream):
    monkeypatch.setattr(sys, stream, None)
    assert main([*SMALL, "--epochs", "1"]) == 0


# -- signals -------------------------------------------------------------------------------------------------------------


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


# -- help and info -------------------------------------------------------------------------------------------------------


def test_help_is_quick_and_imports_no_numpy(tmp_path):
    """150 ms as a whole process; on a busy machine the best of several counts."""
    # the bytecode is written once, as it is for an installed package
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    check = "import sys; from dlcore.cli import main; code = main(['--help']); assert 'numpy' not in sys.modules; exit(code)"
    with a_process("-c", check, env=environment) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("usage: dlcore")
    times = []
    for _ in range(10):
        start = time.perf_counter()
        with a_process("-m", "dlcore", "--help", env=environment) as process:
            process.communicate()
        times.append(time.perf_counter() - start)
        if times[-1] < 0.15:
            break
    assert min(times) < 0.15


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dlcore {dl.__version__}\n"


def test_help_of_train_names_every_field_of_a_run_and_its_default(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(Configuration):
        if field.name == "data":
            continue
        assert f"--{field.name.replace('_', '-')} " in text
        if field.default is not MISSING:
            default = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            assert f"(default {default:g})" in text if isinstance(default, float) else f"(default {default})" in text


def test_info_prints_facts(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert f"  dlcore            {dl.__version__}\n" in out
    assert "  cores usable      " in out


def test_info_as_json(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts) == ["versions", "machine", "blas", "kernels", "cuda"]
