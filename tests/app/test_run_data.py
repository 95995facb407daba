"""data.json in the folder of a run."""

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.configuration import configure
from dlcore.app.run_data import NAME, RunData
from dlcore.app.texts import dumps
from dlcore.data.dataset import DataSet

DATA = DataSet(np.zeros((5, 2)), np.zeros(5), np.zeros((3, 2)), np.zeros(3))


def recorded(tmp_path, **more):
    run = configure({"data": str(tmp_path / "t.csv"), **more})
    return RunData.of(run, DATA, (np.zeros((2, 2)), np.zeros(2)))


def test_it_reads_what_it_writes(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    found = recorded(tmp_path)
    (tmp_path / NAME).write_text(dumps(found.describe()))
    assert RunData.read(tmp_path) == found
    assert (found.training, found.validation, found.test) == (5, 2, 3)
    found.check()
    assert RunData.read(tmp_path / "elsewhere") is None


def test_the_digest_is_that_of_sha256sum(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example B.1
    assert recorded(tmp_path).files[str(tmp_path / "t.csv")] == {"bytes": 3, "sha256": digest}


def test_a_file_of_test_rows_is_checked_and_is_no_training_file(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "test.csv").write_text("a\n2\n")
    found = recorded(tmp_path, test=str(tmp_path / "test.csv"))
    assert "5 of its rows were trained on, and 2 validated with" in found.trained_on(str(tmp_path / "t.csv"))
    assert found.trained_on(str(tmp_path / "test.csv")) == ""
    (tmp_path / "test.csv").write_text("a\n3\n")
    with pytest.raises(dl.DataError, match=r"test\.csv has changed since this run"):
        found.check()


def test_a_pipe_cannot_be_read_again(tmp_path):
    found = recorded(tmp_path)  # there is no file, as after a pipe
    with pytest.raises(dl.DataError, match="no regular file in training"):
        found.check()


@pytest.mark.parametrize("text", ["", "[]", '{"rows": {}}', '{"rows": {"training": "x"}, "files": {}}'])
def test_a_record_that_is_altered_is_a_data_error(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(dl.DataError, match="cannot be read"):
        RunData.read(tmp_path)
