"""What a path leads to."""

import gzip
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

import dlcore as dl
from dlcore.app.cli import main
from dlcore.file_kinds import can_hold_a_table, kind_of


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return data.getvalue()


def saved(write, *arrays):
    data = io.BytesIO()
    write(data, *arrays)
    return data.getvalue()


KINDS = {
    "a.csv": (b"a,b\n1,2\n", "text, such as CSV", True),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16"), "text, such as CSV", True),
    "a.csv.gz": (gzip.compress(b"a,b\n1,2\n"), "a gzip file", True),
    "a.npy": (saved(np.save, np.arange(3)), "a NumPy array (NPY)", True),
    "a.npz": (saved(np.savez, np.arange(3)), "a NumPy archive (NPZ)", True),
    "a.parquet": (b"PAR1 and more", "a Parquet file", True),
    "model.pt": (zipped("model/data.pkl", "model/data/0"), "a PyTorch file", False),
    "model.keras": (zipped("config.json", "model.weights.h5"), "a Keras model", False),
    "model.h5": (b"\x89HDF\r\n\x1a\n more", "an HDF5 file, of Keras or h5py", False),
    "model.pkl": (pickle.dumps({"a": 1}), "a pickle, of joblib, scikit-learn or old PyTorch", False),
    "model.onnx": (b"\x08\x08\x12\x07pytorch\x00", "an ONNX model", False),
    "book.xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", True),
    "picture.png": (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", False),
    "a.json": (b'{"a": 1}', "JSON", True),
    "empty": (b"", "an empty file", True),
    "noise": (bytes(range(256)), "data of an unknown kind", True),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_a_file_is(tmp_path, name):
    data, kind, table = KINDS[name]
    (tmp_path / name).write_bytes(data)
    assert kind_of(tmp_path / name) == kind
    assert can_hold_a_table(kind) == table


def test_a_checkpoint_a_folder_and_a_pipe(tmp_path):
    dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1)).save(tmp_path / "x")
    assert kind_of(tmp_path / "x") == "a safetensors file"
    assert kind_of(tmp_path) == "a folder"
    (tmp_path / "checkpoints").mkdir()
    assert kind_of(tmp_path) == "the folder of a run"
    os.mkfifo(tmp_path / "pipe")
    assert kind_of(tmp_path / "pipe") == "a pipe"  # without waiting for a writer


@pytest.mark.parametrize("name", [name for name in KINDS if name != "noise"])
def test_a_checkpoint_that_is_something_else_is_named(tmp_path, name):
    data, kind, _ = KINDS[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(dl.CheckpointError) as caught:
        dl.Trainer.load(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: cannot be read as a checkpoint: it is {kind}"


def test_loading_waits_for_no_pipe_and_says_why_a_file_cannot_be_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(dl.CheckpointError, match="cannot be read as a checkpoint: it is a pipe"):
        dl.Trainer.load(tmp_path / "pipe")
    with pytest.raises(dl.CheckpointError, match="cannot be read as a checkpoint: No such file or directory"):
        dl.Trainer.load(tmp_path / "none")
    (tmp_path / "mine").write_bytes(b"secret")

    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "open", denied)  # the tests may be run by root, who may read everything
    with pytest.raises(dl.CheckpointError, match="cannot be read as a checkpoint: Permission denied"):
        dl.Trainer.load(tmp_path / "mine")


@pytest.mark.parametrize("name", [name for name, (_, _, table) in KINDS.items() if not table])
def test_rows_that_are_something_else_are_named(tmp_path, capsys, name):
    data, kind, _ = KINDS[name]
    (tmp_path / name).write_bytes(data)
    assert main(["train", str(tmp_path / name), "--target", "a", "--device", "cpu"]) == 3
    assert f"{name} is {kind}, expected a file with a table" in capsys.readouterr().err
