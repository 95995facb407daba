"""`dlcore train mnist`: from a folder, over the network, and without one."""

import gzip
import hashlib
import json
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from dlcore.app.cli import main
from dlcore.data import images
from dlcore.data.images import FILES, IMAGE_SETS, Published

TRAIN = ["train", "mnist", "--hidden", "none", "--device", "cpu", "--no-progress"]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A small image set in the place of MNIST: the folder of its packed files.  The cache is empty."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(images, "user_cache", lambda: tmp_path / "cache")
    folder = tmp_path / "published"
    folder.mkdir()
    rng, digests = np.random.default_rng(0), {}
    for file in FILES:
        shape = (300 if file.startswith("train") else 100, *((5, 5) if "images" in file else ()))
        array = rng.integers(0, 256 if "images" in file else 10, shape, dtype=np.uint8)
        content = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *shape) + array.tobytes()
        (folder / f"{file}.gz").write_bytes(gzip.compress(content))
        digests[file] = hashlib.sha256(content).hexdigest()
    given = Published(("http://127.0.0.1:1/",), digests, True, IMAGE_SETS["mnist"].classes)
    monkeypatch.setitem(IMAGE_SETS, "mnist", given)
    return folder


@pytest.fixture
def server(published, monkeypatch):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *text):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(published)))
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    here = IMAGE_SETS["mnist"]
    mirrors = (*here.mirrors, f"http://127.0.0.1:{running.server_port}/")
    monkeypatch.setitem(IMAGE_SETS, "mnist", Published(mirrors, here.sha256, here.unpacked, here.classes))
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_files_are_downloaded_once(server, published, tmp_path, capsys):
    assert main([*TRAIN, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    err = capsys.readouterr().err
    assert err.count("dlcore: downloading http://127.0.0.1:") == 8  # four from the mirror that is down
    assert "dlcore: mnist, 300 rows; 25-10, 260 parameters; cpu float32" in err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["epochs"] == 1
    for path in published.iterdir():
        path.unlink()
    assert main([*TRAIN, "--epochs", "1"]) == 0
    assert "downloading" not in capsys.readouterr().err


def test_without_a_network_the_message_says_what_to_do(published, capsys):
    assert main(TRAIN) == 3
    *asked, last = capsys.readouterr().err.splitlines()
    assert len(asked) == 1
    assert "Connection refused" in last
    assert "put train-images-idx3-ubyte, " in last
    assert "--data-dir" in last


def test_a_folder_needs_no_network_and_is_in_the_configuration(published, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(published.parent)
    assert main([*TRAIN, "--epochs", "1", "--data-dir", "published", "--out", "run"]) == 0
    monkeypatch.chdir("/")
    assert main(["train", str(tmp_path / "run" / "config.toml"), "--out", str(tmp_path / "again")]) == 0
    assert "downloading" not in capsys.readouterr().err
    one, two = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("run", "again"))
    assert one["test_loss"] == two["test_loss"]


@pytest.mark.slow
def test_mnist_is_learned(data_dir, tmp_path):
    words = ["--data-dir", str(data_dir), "--epochs", "5", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert main(["train", "mnist", *words]) == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["test_accuracy"] > 0.97
