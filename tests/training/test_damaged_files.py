"""Files that are torn, altered or of others: refused with one error, and nothing in them is executed."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.training import store

from .runs import X, Y, make


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "run.safetensors"
    trainer = make()
    trainer.fit(X, Y, epochs=2, batch_size=4)
    trainer.save(path)
    return path.read_bytes()


def refused(data: bytes, folder: Path, match: str | None = None) -> None:
    path = folder / "altered.safetensors"
    path.write_bytes(data)
    with pytest.raises(dl.CheckpointError, match=match or re.escape(str(path))):
        dl.Trainer.load(path)


def test_truncated_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    """Torn off anywhere, the file is not loaded."""
    for length in {0, 1, 7, 8, 9, 100, *range(0, len(saved), 97), len(saved) - 1}:
        refused(saved[:length], tmp_path)


def test_longer_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    """So is one with something behind its end."""
    refused(saved + b"\0", tmp_path)
    refused(saved + saved, tmp_path)


def test_flipped_bits_are_refused(saved: bytes, tmp_path: Path) -> None:
    """One flipped bit, in the description or in an array, and the file is not loaded."""
    random = np.random.default_rng(0)
    for position in random.permutation(len(saved))[:250]:
        altered = bytearray(saved)
        altered[position] ^= 1 << int(random.integers(8))
        refused(bytes(altered), tmp_path)


def test_exchanged_arrays_are_refused(saved: bytes, tmp_path: Path) -> None:
    """The bytes of two arrays of equal length, exchanged, keep the file well formed; it is refused all the same."""
    size = int.from_bytes(saved[:8], "little")
    data = saved[8 + size :]
    refused(saved[: 8 + size] + data[8:16] + data[:8] + data[16:], tmp_path, "altered")


class Bomb:
    """Pickled, it would create a file when read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    """No file that dlcore reads can execute code."""
    mark = tmp_path / "executed"
    assert pickle.loads(pickle.dumps(Bomb(mark))) is None  # the bomb works
    assert mark.exists()
    mark.unlink()
    refused(pickle.dumps(Bomb(mark)), tmp_path)
    assert not mark.exists()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    """Text, archives, and safetensors files of others."""
    from safetensors.numpy import save

    np.savez(tmp_path / "a.npz", a=X)
    for data in (b"hello", b"{}", (tmp_path / "a.npz").read_bytes(), np.random.default_rng(0).bytes(5000)):
        refused(data, tmp_path)
    refused(save({"a": X}), tmp_path, "not written by dlcore")
    refused(save({"a": X}, {"format": "pt"}), tmp_path, "not written by dlcore")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """The error names the path."""
    for path in (tmp_path / "nothing.safetensors", tmp_path):
        with pytest.raises(dl.CheckpointError, match=re.escape(str(path))):
            dl.Trainer.load(path)


def test_a_checkpoint_of_unknown_classes_is_refused(tmp_path: Path) -> None:
    """A description that names something else than dlcore's classes is not built."""
    path = tmp_path / "run.safetensors"
    make().save(path)
    arrays, facts = store.read(path)
    for name in ("os.system", "Path", "Nothing"):
        facts["loss"] = {"type": name}
        store.write(path, arrays, facts)
        with pytest.raises(dl.CheckpointError, match=re.escape(name)):
            dl.Trainer.load(path)


@pytest.mark.parametrize(
    ("part", "description", "kind"),
    [
        ("model", {"type": "ReLU"}, "Sequential"),
        ("model", {"type": "Sequential", "layers": [{"type": "SquaredError"}]}, "Layer"),
        ("loss", {"type": "SGD", "learning_rate": 0.1}, "Loss"),
        ("optimizer", {"type": "SquaredError"}, "Optimizer"),
    ],
)
def test_a_part_of_another_kind_is_refused(tmp_path: Path, part: str, description: Any, kind: str) -> None:
    """Classes of dlcore, each where another one belongs."""
    path = tmp_path / "run.safetensors"
    make().save(path)
    arrays, facts = store.read(path)
    store.write(path, arrays, facts | {part: description})
    with pytest.raises(dl.CheckpointError, match=f"expected a {kind}"):
        dl.Trainer.load(path)


@pytest.mark.parametrize("alter", ["drop", "reshape"])
def test_arrays_that_do_not_fit_the_model_are_refused(alter: str, tmp_path: Path) -> None:
    """A well-formed file whose arrays are not the model's."""
    path = tmp_path / "run.safetensors"
    make().save(path)
    arrays, facts = store.read(path)
    facts.pop("sha256")  # of the arrays as they were
    W = arrays.pop("theta/0.W")
    store.write(path, arrays | ({} if alter == "drop" else {"theta/0.W": W.T}), facts)
    with pytest.raises(dl.CheckpointError, match="do not fit"):
        dl.Trainer.load(path)
