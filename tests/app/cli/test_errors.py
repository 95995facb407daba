"""What goes wrong at the command line: one line and an exit code."""

import os
import re
import sys

import pytest

import dlcore as dl
from dlcore.app.cli import main

from .running import SMALL, fails


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "required: COMMAND"),
        ("trian", "'trian' is not a command (did you mean 'train'?)"),
        ("train", "required: DATA"),
        ("train dgits", "DATA 'dgits' is unknown (did you mean 'digits'?); dlcore .* trains on: digits, mnist"),
        ("train digits --target y", "--target is for files; digits is known to dlcore"),
        ("train digits --scaling robust", "--scaling is for files; digits is known to dlcore"),
        ("train a.csv --target y --data-dir x", "--data-dir is for mnist, fashion-mnist; .*a.csv is a file"),
        ("train a.csv --target y --scaling standart", "--scaling: 'standart' is none of .*(did you mean 'standard'?)"),
        ("train a.csv --target y --header perhaps", "--header: 'perhaps' is not yes or no"),
        ("train a.csv --target y --types zip", "types: 'zip', expected COLUMN=TYPE, for example zip=category"),
        ("train a.csv --target y --types zip=text", "types: column 'zip' is 'text', expected 'number', 'category'"),
        ("train a.csv --target y --separator ab", "separator='ab', expected one character, or tab"),
        ("train a.csv --target y --encoding utf-99", "encoding='utf-99' is not known"),
        ("predict", "required: RUN, FILE"),
        ("predict run a.csv --out a.txt", "--out a.txt: expected a name that ends in .csv, .npy, .parquet"),
        ("predict run a.csv --out nowhere/a.csv", "--out nowhere/a.csv: there is no folder nowhere"),
        ("predict run a.csv --out ./a.csv", "--out ./a.csv is the file of the rows; name another one"),
        ("evaluate run a.csv --bad-rows drop", "--bad-rows: 'drop' is none of error, skip"),
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
        (
            "train digits --optimizer adm",
            "optimizer 'adm' is unknown (did you mean 'adam'?); there are: adagrad, adam,",
        ),
        ("train digits --dtype float8 --device cpu", "dtype='float8' on device 'cpu': expected one of float32"),
        ("train -- digits --epochs 1", "--epochs stands after --, where flags are not read; put it before"),
        ("train digits --epochs 1 --set training.epochs=2", "--set and --epochs both give training.epochs"),
        ("train digits --set data.source=digits", "--set and DATA both give data.source"),
        ("train digits --set training.epoch=2", "unknown key 'training.epoch' (did you mean 'training.epochs'?)"),
        ("train none.toml", "none.toml: cannot be read: No such file or directory"),
        ("train digits --data-dir x", "--data-dir is for mnist, fashion-mnist; digits comes with the package"),
        ("train digits --validation 1", "--validation: '1' is not a share: a number from 0 to below 1"),
        ("train digits --patience 0", "--patience: '0' is not a positive integer"),
        ("train digits --seed 18446744073709551615 --restarts 2", "leaves no seeds for 2 restarts below 2**64"),
        ("train digits --restarts 0", "--restarts: '0' is not a positive integer"),
        ("info --yaml", "unknown argument '--yaml'"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(capsys, words, message):
    pattern = re.escape(message).replace(r"\.\*", ".*")
    assert re.search(pattern, fails(capsys, 2, *words.split()))


@pytest.mark.parametrize("flag", ["--out", "--device"])
def test_an_empty_name_is_wrong_usage(capsys, flag):
    assert f"argument {flag}: the name is empty" in fails(capsys, 2, *SMALL, flag, "")


def test_a_used_folder_is_refused_and_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    message = fails(capsys, 2, *SMALL, "--out", str(tmp_path))
    assert f"--out {tmp_path} is in use (thesis.tex)" in message
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert "is in use (a file of that name)" in fails(capsys, 2, *SMALL, "--out", str(tmp_path / "file"))
    assert "cannot be written" in fails(capsys, 2, *SMALL, "--out", str(tmp_path / "file" / "run"))


def test_a_data_folder_without_the_files_is_code_3(tmp_path, capsys):
    assert "no train-images-idx3-ubyte, " in fails(capsys, 3, "train", "mnist", "--data-dir", str(tmp_path))


def test_an_unknown_device_is_code_5(capsys):
    assert "device='cdua' is unknown" in fails(capsys, 5, *SMALL, "--device", "cdua")


def test_cuda_without_cupy_is_code_5_and_names_the_command(capsys, monkeypatch):
    from dlcore.backends import backend

    backend._cuda.cache_clear()
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert 'pip install "cupy-cuda' in fails(capsys, 5, *SMALL, "--device", "cuda")


def test_a_full_disk_is_code_4(tmp_path, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = fails(capsys, 4, *SMALL, "--out", str(tmp_path / "run"))
    assert "No space left on device" in message
    assert list((tmp_path / "run").rglob(".*")) == []


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


@pytest.mark.parametrize("error", [MemoryError("no room"), dl.DataError("bad"), KeyboardInterrupt()], ids=repr)
def test_after_a_start_that_failed_the_folder_may_be_used(tmp_path, capsys, monkeypatch, error):
    out = tmp_path / "run"

    def fails_at_once(*arguments, **options):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(dl.Trainer, "fit", fails_at_once)
        assert main([*SMALL, "--epochs", "1", "--out", str(out)]) != 0
    assert not out.exists()
    assert main([*SMALL, "--epochs", "1", "--out", str(out)]) == 0
