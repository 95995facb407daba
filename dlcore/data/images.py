"""Image sets in the four files of MNIST: from a folder, or downloaded into the user's cache directory.

MNIST: Y. LeCun, C. Cortes & C. J. C. Burges (1998).  Fashion-MNIST: H. Xiao, K. Rasul & R. Vollgraf, arXiv:1708.07747; MIT.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..files import user_cache
from .dataset import DataSet
from .download import PublishedFile, fetch
from .idx import read_idx

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


@dataclass(frozen=True)
class Published:
    """Where the gzip files of an image set are, their sha256 (`unpacked`: of the IDX files in them), and its classes."""

    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    unpacked: bool
    classes: tuple[str, ...]


IMAGE_SETS = {
    "mnist": Published(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        unpacked=True,
        classes=tuple("0123456789"),
    ),
    "fashion-mnist": Published(
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        # digests of the published files; TensorFlow Datasets and Keras pin the same
        sha256={
            TRAIN_IMAGES: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            TEST_IMAGES: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            TEST_LABELS: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
        unpacked=False,
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
}  # fmt: skip


def load_images(name: str, data_dir: str | os.PathLike[str] | None = None) -> DataSet:
    """The training and test images of "mnist" or "fashion-mnist": float32 rows of pixels / 255, labels int64.

    data_dir   a folder with the four files, plain or as .gz; without one they are downloaded once.

    Raises DataError for files that are missing, torn, do not fit together, or cannot be downloaded.
    """
    paths = _downloaded(name) if data_dir is None else _in_folder(Path(data_dir), name)
    classes = IMAGE_SETS[name].classes
    X, y = _read(paths[TRAIN_IMAGES], paths[TRAIN_LABELS], len(classes))
    X_test, y_test = _read(paths[TEST_IMAGES], paths[TEST_LABELS], len(classes))
    if X.shape[1] != X_test.shape[1]:
        raise DataError(
            f"{paths[TEST_IMAGES]}: images of {X_test.shape[1]} pixels, those for training have {X.shape[1]}"
        )
    return DataSet(X, y, X_test, y_test, classes)


def _downloaded(name: str) -> dict[str, Path]:
    published = IMAGE_SETS[name]
    try:
        folder = user_cache() / "dlcore" / "data" / name
        return {
            file: fetch(
                PublishedFile(f"{file}.gz", published.sha256[file], published.unpacked), published.mirrors, folder
            )
            for file in FILES
        }
    except (DataError, RuntimeError) as error:  # RuntimeError: no home directory
        raise DataError(
            f"{name}: {error}.  Without a network, put {', '.join(FILES)}, each plain or as .gz, in a folder and give it "
            f"with --data-dir; digits come with the package"
        ) from error


def _in_folder(folder: Path, name: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"--data-dir {folder} is not a folder; it should hold the files of {name}: {', '.join(FILES)}")
    found: dict[str, Path] = {}
    for file in FILES:
        dotted = file.replace("-idx", ".idx")  # the name in some archives
        names = (file, f"{file}.gz", dotted, f"{dotted}.gz")
        there = [folder / name for name in names if (folder / name).is_file()]
        if there:
            found[file] = there[0]
    missing = [file for file in FILES if file not in found]
    if missing:
        raise DataError(f"--data-dir {folder}: no {', '.join(missing)} there, neither plain nor as .gz")
    return found


def _read(images: Path, labels: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pixels in [0, 1], and class indices."""
    pixels, y = read_idx(images), read_idx(labels)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or not pixels.size:
        raise DataError(
            f"{images}: {pixels.dtype} of shape {pixels.shape}, expected images: uint8 (rows, height, width)"
        )
    if y.dtype != np.uint8 or y.shape != (len(pixels),):
        raise DataError(
            f"{labels}: {y.dtype} of shape {y.shape}, expected a uint8 label for each of {len(pixels)} images"
        )
    if y.max() >= classes:
        row = int(np.argmax(y >= classes))
        raise DataError(f"{labels}: label {row} is {y[row]}, expected classes 0 to {classes - 1}")
    X = pixels.reshape(len(pixels), -1).astype(np.float32)
    X /= np.float32(255)
    return X, y.astype(np.int64)
