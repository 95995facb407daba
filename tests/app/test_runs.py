"""The folder of a run, its checkpoints, and the end of training by a signal."""

import json
import os
import signal
import threading

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.runs import Recording, RunDirectory, Stopped, StopSignals, newest_trainer

from .cli.running import a_process


def trainer_of_a_line():
    return dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1))


X = np.linspace(0, 1, 12, dtype=np.float32)[:, None]
Y = 2 * X


class At(dl.Callback):
    """Calls a function after the first chunk."""

    def __init__(self, function):
        self.function = function

    def on_chunk_end(self, trainer):
        if self.function:
            function, self.function = self.function, None
            function()


def test_an_empty_folder_may_be_used(tmp_path):
    RunDirectory(tmp_path)
    assert (tmp_path / "checkpoints").is_dir()


def test_of_two_runs_in_one_folder_the_second_is_refused(tmp_path):
    first = RunDirectory(tmp_path / "run")
    with pytest.raises(dl.ConfigurationError, match=rf"is in use by another run \(process {os.getpid()} on "):
        RunDirectory(tmp_path / "run")
    first.close()
    RunDirectory(tmp_path / "run").close()


def test_of_many_runs_that_begin_at_the_same_moment_one_goes_on(tmp_path):
    ready, began, refused = threading.Barrier(8), [], []

    def begin():
        ready.wait()
        try:
            began.append(RunDirectory(tmp_path / "run"))
        except dl.ConfigurationError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(began), len(refused)) == (1, 7)
    assert all("is in use" in message for message in refused)


def test_where_the_file_system_has_no_locks_one_of_two_runs_is_refused(tmp_path, monkeypatch):
    def no_locks(file, flags):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    RunDirectory(tmp_path / "run")
    with pytest.raises(dl.ConfigurationError, match=r"is in use \(checkpoints\)"):
        RunDirectory(tmp_path / "run")


KILLED = """
import os, signal, sys
from dlcore.app.runs import RunDirectory
directory = RunDirectory(sys.argv[1])
directory.write_configuration({"training": {"epochs": 3}})
directory.for_restart(1)
for folder in (directory.path, directory.checkpoints):
    (folder / ".dlcore-0123456789abcdef-step_1.safetensors").write_bytes(b"half")
if "begun" in sys.argv:
    (directory.checkpoints / "step_1.safetensors").write_bytes(b"whole")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_before_its_first_epoch_leaves_nothing(tmp_path):
    with a_process("-c", KILLED, str(tmp_path)) as process:
        process.wait()
    assert (tmp_path / "config.toml").exists()
    with RunDirectory(tmp_path) as directory:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints", "run.lock"]
        assert directory.steps() == []
    assert list(tmp_path.iterdir()) == []


def test_of_a_run_that_was_killed_later_only_unfinished_files_are_removed(tmp_path):
    with a_process("-c", KILLED, str(tmp_path), "begun") as process:
        process.wait()
    with pytest.raises(dl.ConfigurationError, match="is in use"):
        RunDirectory(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "checkpoints/step_1.safetensors", "config.toml",
    ]  # fmt: skip


def test_a_start_that_fails_leaves_no_folder(tmp_path):
    with RunDirectory(tmp_path / "run") as directory:
        directory.write_configuration({"training": {"epochs": 3}})
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_of_the_user_is_no_failed_start(tmp_path):
    (tmp_path / "config.toml").write_text("# mine")
    with pytest.raises(dl.ConfigurationError, match=r"is in use \(config.toml\)"):
        RunDirectory(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["# mine"]


def test_best_is_used_where_the_step_files_are_torn(tmp_path):
    directory, trainer = RunDirectory(tmp_path), trainer_of_a_line()
    recording = Recording(directory)
    for loss in (1.0, 2.0, 3.0, 4.0):
        trainer.fit(X, Y, epochs=1, batch_size=None)
        recording.checkpoint(trainer, loss)
    for step in directory.steps():
        step.write_bytes(step.read_bytes()[:100])
    with pytest.warns(UserWarning, match="step_[34].safetensors: .*is used") as warned:
        assert newest_trainer(tmp_path, "cpu").updates == 1
    assert [str(w.message).rpartition("; ")[2] for w in warned] == [
        "step_3.safetensors is used",
        "best.safetensors is used",
    ]
    for step in directory.steps():
        step.unlink()
    assert newest_trainer(tmp_path, "cpu").updates == 1


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    def denied(self, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "mkdir", denied)
    with pytest.raises(dl.ConfigurationError, match="cannot be written: Permission denied"):
        RunDirectory(tmp_path / "run")


def test_the_newest_two_checkpoints_and_the_best_are_kept(tmp_path):
    directory = RunDirectory(tmp_path)
    trainer = trainer_of_a_line()
    trainer.fit(X, Y, epochs=11, batch_size=None, callbacks=[Recording(directory)])
    assert [path.name for path in directory.steps()] == ["step_10.safetensors", "step_11.safetensors"]
    assert sorted(path.name for path in directory.checkpoints.iterdir())[0] == "best.safetensors"


def test_best_is_the_checkpoint_with_the_lowest_loss(tmp_path):
    directory = RunDirectory(tmp_path)
    recording, trainer = Recording(directory), trainer_of_a_line()
    for loss in (3.0, 1.0, 2.0):
        trainer.fit(X, Y, epochs=1, batch_size=None)
        recording.checkpoint(trainer, loss)
    best = directory.checkpoints / "best.safetensors"
    assert dl.Trainer.load(best).updates == 2
    assert best.stat().st_mtime_ns <= directory.steps()[-1].stat().st_mtime_ns


def test_best_works_where_the_file_system_has_no_links(tmp_path, monkeypatch):
    def refused(*paths):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refused)
    directory, trainer = RunDirectory(tmp_path), trainer_of_a_line()
    Recording(directory).checkpoint(trainer, 1.0)
    assert dl.Trainer.load(directory.checkpoints / "best.safetensors").updates == 0
    assert list(tmp_path.rglob("*.tmp")) == []


def test_checkpoints_after_every_few_epochs_and_at_the_end(tmp_path):
    directory, trainer = RunDirectory(tmp_path), trainer_of_a_line()
    recording = Recording(directory, every=3)
    trainer.fit(X, Y, epochs=4, batch_size=None, callbacks=[recording])
    assert [path.name for path in directory.steps()] == ["step_3.safetensors"]
    assert recording.checkpoint(trainer).name == "step_4.safetensors"
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 4


def test_each_line_of_the_metrics_is_in_the_file_when_its_epoch_is_over(tmp_path):
    directory, seen = RunDirectory(tmp_path), []

    class Look(dl.Callback):
        def on_epoch_end(self, trainer, logs):
            seen.append([json.loads(line)["epoch"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()])

    trainer_of_a_line().fit(X, Y, epochs=3, callbacks=[Recording(directory), Look()])
    assert seen == [[1], [1, 2], [1, 2, 3]]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    directory = RunDirectory(tmp_path)
    directory.write_json("summary.json", {"epochs": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(dl.CheckpointError, match=r"summary.json: cannot be written: No space left on device"):
        directory.write_json("summary.json", {"epochs": 2})
    assert json.loads((tmp_path / "summary.json").read_text()) == {"epochs": 1}
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_inside_an_epoch_stops_after_the_chunk(number):
    trainer = trainer_of_a_line()
    with StopSignals() as signals, pytest.raises(Stopped):
        trainer.fit(X, Y, epochs=5, batch_size=1, callbacks=[At(lambda: signal.raise_signal(number)), signals])
    assert signals.number == number
    assert trainer.epoch == 0
    assert 0 < trainer.updates < 12


def test_an_epoch_that_is_complete_counts(tmp_path):
    trainer = trainer_of_a_line()
    with StopSignals() as signals:
        raise_it = At(lambda: signal.raise_signal(signal.SIGTERM))
        history = trainer.fit(X, Y, epochs=5, batch_size=None, callbacks=[raise_it, signals])
    assert (signals.number, trainer.epoch, history.epochs) == (signal.SIGTERM, 1, 1)


def test_a_second_sigint_does_not_wait():
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert signals.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_before_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopSignals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_signals_are_left_alone():
    seen = []

    def work():
        with StopSignals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
