"""`dlcore init`: a commented configuration, valid as it stands."""

import tomllib

import pytest

from dlcore.app.cli import main
from dlcore.app.configuration import NAMED_DATA, SETTINGS, Configuration, configure, read_toml

from .running import SMALL, fails


@pytest.mark.parametrize("data", NAMED_DATA)
def test_the_file_is_the_configuration_of_the_flags(tmp_path, data):
    path = tmp_path / "run.toml"
    words = ["--data", data, "--hidden", "none", "--learning-rate", "1e-30", "--seed", "12345678901234567890"]
    assert main(["init", str(path), *words]) == 0
    epochs, batch_size = NAMED_DATA[data]
    assert configure(read_toml(path)) == Configuration(
        data=data, epochs=epochs, batch_size=batch_size, hidden=(), learning_rate=1e-30, seed=12345678901234567890
    )


@pytest.mark.parametrize("data", ["digits", "a.csv"])
def test_every_setting_stands_there_with_its_meaning(capsys, data):
    """Those of a table only where the data are one."""
    assert main(["init", "-", "--data", data, *(["--target", "y"] if data == "a.csv" else [])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ("[table]" in lines) == (data == "a.csv")
    for name, each in SETTINGS.items():
        if data == "digits" and name.startswith("table."):
            continue
        place = lines.index(f"# {each.metadata['meaning']}")
        assert lines[place + 1].removeprefix("# ").startswith(f"{name.partition('.')[2]} = ")


def test_what_is_a_comment_is_valid_too(capsys):
    main(["init", "-", "--data", "mnist"])
    text = capsys.readouterr().out
    assert tomllib.loads(text.replace("# data_dir", "data_dir"))["data"]["data_dir"] == "DIR"


def test_it_trains_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--epochs", "1", "--hidden", "32", "--device", "cpu"]) == 0
    assert "wrote config.toml; train with: dlcore train config.toml" in capsys.readouterr().err
    assert main(["train", "config.toml", "--no-progress"]) == 0
    from_file = capsys.readouterr().out.split()
    assert main([*SMALL, "--epochs", "1"]) == 0
    assert capsys.readouterr().out.split()[:11] == from_file[:11]  # all but the times


def test_a_file_that_exists_is_left_alone(tmp_path, capsys):
    (tmp_path / "run.toml").write_text("years of work")
    assert "run.toml exists; name a new file" in fails(capsys, 2, "init", str(tmp_path / "run.toml"))
    assert (tmp_path / "run.toml").read_text() == "years of work"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("init mnist", "FILE 'mnist' does not end in .toml; to train on it: --data mnist"),
        ("init run.txt", "FILE 'run.txt' does not end in .toml"),
        ("init none/run.toml", "FILE none/run.toml cannot be written: No such file or directory"),
        ("init - --activation rleu", "activation 'rleu' is unknown (did you mean 'relu'?)"),
        ("init - --data some.csv", "--target is missing: which column of some.csv to predict"),
        ("init - --data mnits", "DATA 'mnits' is unknown (did you mean 'mnist'?)"),
    ],
)
def test_wrong_usage(capsys, words, message):
    assert message in fails(capsys, 2, *words.split())
