"""MNIST and its kin from a folder, and what is said where files are missing or do not fit together."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import images
from dlcore.data.images import FILES, IMAGE_SETS, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, load_images


def idx(array, kind=8):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (12, 4, 4), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    """8 training and 4 test images, two files packed, one with a dot in its name."""
    labels = np.arange(12, dtype=np.uint8) % 10
    (tmp_path / TRAIN_IMAGES).write_bytes(idx(pixels[:8]))
    (tmp_path / f"{TRAIN_LABELS}.gz").write_bytes(gzip.compress(idx(labels[:8])))
    (tmp_path / f"{TEST_IMAGES}.gz").write_bytes(gzip.compress(idx(pixels[8:])))
    (tmp_path / TEST_LABELS.replace("-idx", ".idx")).write_bytes(idx(labels[8:]))
    return tmp_path


def test_rows_are_images_and_pixels_are_in_0_to_1(folder, pixels):
    data = load_images("fashion-mnist", folder)
    np.testing.assert_array_equal(data.X, (pixels[:8].reshape(8, 16) / np.float32(255)))
    assert (data.X.dtype, data.y.tolist(), data.y_test.tolist()) == (np.float32, [*range(8)], [8, 9, 0, 1])
    assert data.classes[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        (TRAIN_IMAGES, np.zeros((8, 16), np.uint8), r"uint8 of shape \(8, 16\), expected images"),
        (TRAIN_IMAGES, np.zeros((0, 4, 4), np.uint8), r"expected images"),
        (TRAIN_IMAGES, np.zeros((7, 4, 4), np.uint8), "expected a uint8 label for each of 7 images"),
        (TRAIN_IMAGES, np.zeros((8, 5, 4), np.uint8), "images of 16 pixels, those for training have 20"),
        (TEST_LABELS.replace("-idx", ".idx"), np.full(4, 10, np.uint8), "label 0 is 10, expected classes 0 to 9"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(folder, file, array, message):
    (folder / file).write_bytes(idx(array))
    with pytest.raises(dl.DataError, match=message):
        load_images("mnist", folder)


def test_a_missing_file_is_named(folder):
    (folder / TRAIN_IMAGES).unlink()
    with pytest.raises(dl.DataError, match=f"--data-dir {folder}: no {TRAIN_IMAGES} there, neither plain nor as .gz"):
        load_images("mnist", folder)
    with pytest.raises(dl.DataError, match="is not a folder; it should hold the files of mnist"):
        load_images("mnist", folder / "none")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "user_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "dlcore" / "data" / "mnist"


def test_without_a_folder_and_a_network_it_says_what_to_do(cache, monkeypatch):
    monkeypatch.setitem(
        IMAGE_SETS, "mnist", images.Published(("http://127.0.0.1:1/",), IMAGE_SETS["mnist"].sha256, True, ())
    )
    with pytest.raises(
        dl.DataError, match=r"mnist: train-images.* refused.*Without a network, put train-.*--data-dir; digits"
    ):
        load_images("mnist")


def test_what_is_in_the_cache_needs_no_network(cache, folder, monkeypatch):
    """It is checked against its digests, and a damaged file is missed."""
    cache.mkdir(parents=True)
    digests = {}
    for file in FILES:
        (path,) = folder.glob(f"{file.replace('-idx', '?idx')}*")
        data = path.read_bytes()
        (cache / f"{file}.gz").write_bytes(data if path.suffix == ".gz" else gzip.compress(data))
        digests[file] = hashlib.sha256(gzip.decompress(data) if path.suffix == ".gz" else data).hexdigest()
    published = images.Published(("http://127.0.0.1:1/",), digests, True, IMAGE_SETS["mnist"].classes)
    monkeypatch.setitem(IMAGE_SETS, "mnist", published)
    assert len(load_images("mnist").X) == 8
    (cache / f"{FILES[0]}.gz").write_bytes(gzip.compress(b"?"))
    with pytest.raises(dl.DataError, match=f"{FILES[0]}.gz: its sha256 is"):
        load_images("mnist")


@pytest.mark.slow
def test_the_digests_are_those_of_the_real_files(data_dir):
    for file, digest in IMAGE_SETS["mnist"].sha256.items():
        content = gzip.decompress((data_dir / f"{file}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == digest
