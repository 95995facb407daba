"""Data as users have them: what is taken, as the same numbers, and what is refused, with its place and what was expected."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import inputs

N, COLUMNS = 12, 3
# small integers: exact in every dtype, so that the same numbers must give the same bits
X = np.random.default_rng(0).integers(0, 2, (N, COLUMNS)).astype(np.float64)
Y = np.random.default_rng(1).integers(0, 3, N)
T = np.random.default_rng(2).integers(-4, 5, N).astype(np.float64)
BITS = np.random.default_rng(3).integers(0, 2, N)
W = np.random.default_rng(4).integers(1, 4, N).astype(np.float64)


def trained(loss: dl.Loss, outputs: int, X: Any, y: Any, w: Any = None) -> list[bytes]:
    """Everything a user can get from a run on these data, as bytes."""
    model = dl.Sequential(dl.Dense(COLUMNS, 4), dl.Tanh(), dl.Dense(4, outputs))
    trainer = dl.Trainer(model, loss, dl.Adam(0.01), dtype="float64")
    history = trainer.fit(X, y, epochs=2, batch_size=5, sample_weight=w, validation=(X, y))
    results = [*trainer.get_weights(), trainer.predict(X), np.array(history["loss"] + history["val_loss"])]
    return [np.asarray(result).tobytes() for result in results] + [repr(trainer.evaluate(X, y, w)).encode()]


EXPECTED = cache(lambda kind: trained(*{
    "labels": (dl.SoftmaxCrossEntropy(), 3, X, Y),
    "weighted labels": (dl.SoftmaxCrossEntropy(), 3, X, Y, W),
    "weighted numbers": (dl.SquaredError(), 1, X, T, W),
}[kind]))  # fmt: skip


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def memory_mapped(a: np.ndarray, folder: Path) -> np.ndarray:
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(path, a)
    return np.load(path, mmap_mode="r")


def strided(a: np.ndarray) -> np.ndarray:
    wide = np.full(tuple(2 * size for size in a.shape), np.nan)
    wide[tuple(slice(None, None, 2) for _ in a.shape)] = a
    return wide[tuple(slice(None, None, 2) for _ in a.shape)]


def backwards(a: np.ndarray) -> np.ndarray:
    return a[tuple(slice(None, None, -1) for _ in a.shape)].copy()[tuple(slice(None, None, -1) for _ in a.shape)]


def misaligned(a: np.ndarray) -> np.ndarray:
    raw = np.empty(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


FORMS: dict[str, Callable[[np.ndarray, Path], Any]] = {
    "lists": lambda a, _: a.tolist(),
    "tuples": lambda a, _: tuple(map(tuple, a)) if a.ndim == 2 else tuple(a),
    "list of rows": lambda a, _: list(a),
    "read-only": lambda a, _: read_only(a),
    "Fortran order": lambda a, _: np.asfortranarray(a),
    "strided": lambda a, _: strided(a),
    "negative strides": lambda a, _: backwards(a),
    "misaligned": lambda a, _: misaligned(a),
    "memory-mapped": memory_mapped,
    "big-endian": lambda a, _: a.astype(a.dtype.newbyteorder(">")),
    "object": lambda a, _: a.astype(object),
    "float16": lambda a, _: a.astype(np.float16),
    "float32": lambda a, _: a.astype(np.float32),
    "long double": lambda a, _: a.astype(np.longdouble),
    "int64": lambda a, _: a.astype(np.int64),
}


@pytest.mark.parametrize("form", [*FORMS, "bool", "uint8"])
def test_forms_of_X(form: str, tmp_path: Path) -> None:
    """The same numbers in another form train the same network, bit for bit."""
    given = FORMS[form](X, tmp_path) if form in FORMS else X.astype(form)
    assert trained(dl.SoftmaxCrossEntropy(), 3, given, Y) == EXPECTED("labels")


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_y_and_weights(form: str, tmp_path: Path) -> None:
    """So do the same targets and row weights."""
    (tmp_path / "y").mkdir()
    (tmp_path / "w").mkdir()
    w = FORMS[form](W, tmp_path / "w")
    labels, numbers = FORMS[form](Y.astype(np.float64), tmp_path / "y"), FORMS[form](T, tmp_path / "y")
    assert trained(dl.SoftmaxCrossEntropy(), 3, X, labels, w) == EXPECTED("weighted labels")
    assert trained(dl.SquaredError(), 1, X, numbers, w) == EXPECTED("weighted numbers")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint64", ">i4", ">f8", "float16", "float64"])
def test_class_indices_of_any_number_type(dtype: str) -> None:
    """Labels are labels, in (n,) and (n, 1)."""
    for y in (Y.astype(dtype), Y.astype(dtype)[:, None]):
        assert trained(dl.SoftmaxCrossEntropy(), 3, X, y) == EXPECTED("labels")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", ">f8"])
def test_binary_targets_of_any_number_type(dtype: str) -> None:
    """Zeros and ones, (n,) and (n, 1) for one output."""
    expected = trained(dl.BinaryCrossEntropy(), 1, X, BITS)
    for y in (BITS.astype(dtype), BITS.astype(dtype)[:, None]):
        assert trained(dl.BinaryCrossEntropy(), 1, X, y) == expected


def test_one_column_of_regression_targets() -> None:
    """(n, 1) is (n,) for one output."""
    assert trained(dl.SquaredError(), 1, X, T[:, None]) == trained(dl.SquaredError(), 1, X, T)


class Series:
    """What dlcore may ask of a column of a data frame: numbers by NumPy's protocol, and a `get` that wants a key."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.dtype, self.shape = values, values.dtype, values.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    def get(self, key: Any, default: Any = None) -> Any:
        return default


@pytest.mark.parametrize(("loss", "outputs", "y"), [(dl.SoftmaxCrossEntropy(), 3, Y), (dl.SquaredError(), 1, T)])
def test_columns_of_a_data_frame(loss: dl.Loss, outputs: int, y: np.ndarray) -> None:
    """Objects that are arrays by protocol, with other methods of their own, are taken as data, targets and weights."""
    assert trained(loss, outputs, Series(X), Series(y), Series(W)) == trained(loss, outputs, X, y, W)


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas() -> None:
    """DataFrame and Series."""
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(b=X[:, 1].astype(int))
    expected = trained(dl.SoftmaxCrossEntropy(), 3, X, Y, W)
    assert trained(dl.SoftmaxCrossEntropy(), 3, frame, pd.Series(Y), pd.Series(W)) == expected
    assert trained(dl.SoftmaxCrossEntropy(), 3, frame, pd.DataFrame({"y": Y}), W) == expected


def test_good_data_are_not_copied() -> None:
    """A contiguous array of numbers is taken as it lies in memory, in its own dtype."""
    for dtype in ("float32", "float64", "uint8", "bool", "int64"):
        a = X.astype(dtype)
        assert inputs.features(a, COLUMNS, "float64") is a


def test_data_are_never_rescaled() -> None:
    """Pixels from 0 to 255 stay 0 to 255."""
    pixels = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    model = dl.Sequential(dl.Dense(1, 1, bias=False, init=dl.initializers.Constant(1.0)))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    np.testing.assert_array_equal(trainer.predict(pixels), pixels)


# -- what is refused -----------------------------------------------------------------------------------------------------

text = np.array([["a", "b", "c"]] * 2)

BAD_FEATURES: dict[str, tuple[Any, type[Exception], str]] = {
    "one row": (np.ones(3), dl.ShapeError, r"shape \(3,\), expected 2 dimensions \(rows, 3\); use X\[None, :\]"),
    "one column": (np.ones(9), dl.ShapeError, r"shape \(9,\), expected 2 dimensions \(rows, 3\); use X\[:, None\]"),
    "images": (np.ones((2, 3, 3)), dl.ShapeError, r"shape \(2, 3, 3\), expected 2 dimensions.*reshape"),
    "a number": (3.0, dl.ShapeError, r"shape \(\), expected 2 dimensions"),
    "None": (None, dl.DataError, "X"),
    "too few columns": (np.ones((4, 2)), dl.ShapeError, "2 columns, the network expects 3"),
    "a column of ones": (np.ones((4, 4)), dl.ShapeError, "4 columns, the network expects 3; the bias is added already"),
    "too many columns": (np.ones((4, 5)), dl.ShapeError, "5 columns, the network expects 3$"),
    "no rows": (np.ones((0, 3)), dl.DataError, "no rows"),
    "no columns": (np.ones((4, 0)), dl.ShapeError, "0 columns, the network expects 3"),
    "an empty list": ([], dl.DataError, r"shape \(0,\), expected 2 dimensions|no rows"),
    "text": (text, dl.DataError, "<U1, expected numbers"),
    "bytes": (text.astype("S"), dl.DataError, "S1, expected numbers"),
    "text as objects": (text.astype(object), dl.DataError, "not numbers; encode"),
    "digits as text": (np.array([["1", "2", "3"]]), dl.DataError, "<U1, expected numbers"),
    "digits as text as objects": (np.array([["1", "2", "3"]], object), dl.DataError, "not numbers; encode"),
    "None inside": ([[1.0, None, 3.0]], dl.DataError, r"X\[0, 1\] is NaN|not numbers"),
    "mixed": ([[1.0, "a", 3.0]], dl.DataError, "expected numbers|not numbers"),
    "objects": ([[object()] * 3], dl.DataError, "not numbers"),
    "a dictionary": ({"a": 1}, dl.DataError, "not numbers"),
    "a generator": ((row for row in X), dl.DataError, "not numbers"),
    "complex": (X.astype(complex), dl.DataError, "complex128, expected numbers"),
    "dates": (np.zeros((2, 3), "M8[D]"), dl.DataError, r"datetime64\[D\], expected numbers"),
    "records": (np.zeros((2, 3), [("a", float)]), dl.DataError, "expected numbers"),
    "ragged": ([[1, 2, 3], [1, 2]], dl.DataError, "cannot be read as an array"),
    "masked": (np.ma.masked_equal(X, 1), dl.DataError, "masked array.*; fill"),
    "NaN": (np.where(np.arange(36).reshape(12, 3) == 17, np.nan, X), dl.DataError, r"X\[5, 2\] is NaN"),
    "infinity": (np.where(np.arange(36).reshape(12, 3) == 3, np.inf, X), dl.DataError, r"X\[1, 0\] is infinite"),
    "minus infinity": (np.where(np.arange(36).reshape(12, 3) == 3, -np.inf, X), dl.DataError, r"X\[1, 0\] is infinite"),
    "NaN in float16": (np.full((2, 3), np.nan, np.float16), dl.DataError, r"X\[0, 0\] is NaN"),
    "NaN in big-endian": (np.full((2, 3), np.nan, ">f8"), dl.DataError, r"X\[0, 0\] is NaN"),
    "NaN as an object": (np.array([[1.0, np.nan, 2.0]], object), dl.DataError, r"X\[0, 1\] is NaN"),
    "both infinities": (np.array([[np.inf, -np.inf, 0.0]]), dl.DataError, r"X\[0, 0\] is infinite"),
    "too large": (np.array([[1.0, 2.0, 3.0], [0.0, -4e38, 0.0]]), dl.DataError, r"X\[1, 1\] is -4e\+38, too large for float32"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FEATURES)
def test_bad_X(case: str) -> None:
    """One DataError or ShapeError says what came and what was expected."""
    value, error, message = BAD_FEATURES[case]
    with pytest.raises(error, match=message):
        inputs.features(value, COLUMNS, "float32")


def test_sparse_matrices_are_refused() -> None:
    """The error names the way to a dense array."""
    sparse = pytest.importorskip("scipy.sparse")
    for form in (sparse.csr_matrix, sparse.coo_array, sparse.csc_array):
        with pytest.raises(dl.DataError, match=r"sparse.*X\.toarray\(\)"):
            inputs.features(form(X), COLUMNS, "float32")


def test_large_numbers_fit_float64() -> None:
    """What is too large for float32 is a number in float64; the largest of float32 is a number in both."""
    assert inputs.features(np.full((1, 3), 4e38), COLUMNS, "float64") is not None
    assert inputs.features(np.full((500, 3), np.finfo(np.float32).max), COLUMNS, "float32") is not None
    assert inputs.features(np.full((500, 3), np.finfo(np.float64).max), COLUMNS, "float64") is not None


def test_the_bad_entry_is_found_in_large_data() -> None:
    """Beyond the first block that is checked at a time, too."""
    a = np.zeros((3_000_000, 3), np.float32)
    a[2_999_999, 1] = np.nan
    with pytest.raises(dl.DataError, match=r"X\[2999999, 1\] is NaN"):
        inputs.features(a, 3, "float32")


BAD_WEIGHTS: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": (np.ones(11), dl.ShapeError, r"shape \(11,\), expected \(12,\)"),
    "a column": (np.ones((12, 1)), dl.ShapeError, r"shape \(12, 1\), expected \(12,\)"),
    "a number": (1.0, dl.ShapeError, r"shape \(\), expected \(12,\)"),
    "negative": (np.where(np.arange(12) == 7, -0.5, 1), dl.DataError, r"sample_weight\[7\] is -0.5"),
    "NaN": (np.where(np.arange(12) == 3, np.nan, 1), dl.DataError, r"sample_weight\[3\] is NaN"),
    "infinite": (np.where(np.arange(12) == 0, np.inf, 1), dl.DataError, r"sample_weight\[0\] is inf"),
    "all zero": (np.zeros(12), dl.DataError, "all sample_weight are zero"),
    "words": (["a"] * 12, dl.DataError, "numbers"),
    "digits as text": (["1"] * 12, dl.DataError, "numbers"),
    "None inside": ([1.0] * 11 + [None], dl.DataError, "sample_weight"),
    "complex": (np.ones(12, complex), dl.DataError, "numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], dl.DataError, "sample_weight cannot be read as an array"),
    "masked": (np.ma.masked_equal(np.arange(12), 3), dl.DataError, "masked"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights(case: str) -> None:
    """One error names the row and what was expected."""
    value, error, message = BAD_WEIGHTS[case]
    with pytest.raises(error, match=message):
        inputs.weights(value, N, "float64")


@pytest.mark.parametrize("weight", [1e39, 1e-38, 1e-50])
def test_weights_that_float32_cannot_hold(weight: float) -> None:
    """Weights that overflow, or all vanish or are subnormal, in the dtype of computation train nothing, so they are refused."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(COLUMNS, 3)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1), dtype="float32")
    with pytest.raises(dl.DataError, match="sample_weight"):
        trainer.fit(X, Y, epochs=1, sample_weight=np.full(N, weight))


@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_integers_that_float32_merges(kind):
    """600 integers around 10^9 lie on 10 multiples of 64 or so; in float64, scaled, or below 2^24 nothing is merged."""
    X = np.stack([np.arange(600) % 7, 10**9 + np.arange(600)], axis=1).astype(kind)
    kept = len(np.unique(X[:, 1].astype(np.float32)))
    assert inputs.merged(X, "float32").startswith(
        f"X[:, 1]: 600 different integers are {kept} different inputs in float32"
    )
    others = (
        (X, "float64"),
        (X % 1000, "float32"),
        (X - X.mean(axis=0), "float32"),
        (X[:, :1], "float32"),
        (X[:0], "float32"),
    )
    for other, dtype in others:
        assert inputs.merged(other, dtype) == ""


def test_fit_warns_of_merged_integers():
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(1e-30), device="cpu")
    with pytest.warns(UserWarning, match="different inputs in float32; scale them first"):
        trainer.fit(10**9 + np.arange(600)[:, None], np.zeros(600), epochs=1, batch_size=600, progress=False)
