"""What a fitted preprocessing applies to: frames, dicts, single rows; and arguments that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.preprocessing import Preprocessing

N = 50
COLUMNS = {
    "size": np.random.default_rng(0).normal(size=N).tolist(),
    "town": ["Kiel", "Bonn"] * (N // 2),
    "price": [float(i % 7) / 2 for i in range(N)],
}
FITTED = Preprocessing().fit(COLUMNS, "price")
EXPECTED = FITTED.features(COLUMNS)


def test_frames_of_every_kind_give_the_same():
    """pandas, Arrow, a dict of columns, a list of rows, columns in another order, with the target or without."""
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(COLUMNS)
    assert Preprocessing().fit(frame, "price") == FITTED
    others = (frame, frame[["town", "size"]], pa.table(COLUMNS), frame.to_dict("list"), frame.to_dict("records"))
    for other in others:
        np.testing.assert_array_equal(FITTED.features(other), EXPECTED)
    np.testing.assert_array_equal(FITTED.features(frame.iloc[3]), EXPECTED[3:4])
    np.testing.assert_array_equal(FITTED.features(frame.iloc[5:9]), EXPECTED[5:9])


def test_a_dict_of_cells_is_one_row():
    """Python's numbers and NumPy's, text of a number, None where a cell is missing."""
    for i in range(4):
        row = {name: column[i] for name, column in COLUMNS.items() if name != "price"}
        np.testing.assert_array_equal(FITTED.features(row), EXPECTED[i : i + 1])
        more = {"town": np.str_(row["town"]), "size": np.float64(row["size"]), "price": None}
        np.testing.assert_array_equal(FITTED.features(more), EXPECTED[i : i + 1])
        np.testing.assert_array_equal(FITTED.features({**row, "size": str(row["size"])}), EXPECTED[i : i + 1])
    assert FITTED.features({"size": None, "town": "Kiel"}).shape == (1, 3)
    assert FITTED.targets({"price": 2.0}).shape == (1,)
    assert FITTED.features({"size": 1.0, "town": "Ulm"})[0, 1:].tolist() == [0, 0]  # one unknown town is no error


def test_a_matrix_has_positions():
    """As many columns as in training; the target, if it was the last, may be absent."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    last, first = Preprocessing().fit(X, -1), Preprocessing().fit(X, 1)
    np.testing.assert_array_equal(last.features(X[:, :2]), last.features(X))
    for fitted, other in (
        (first, X[:, 1:]),
        (last, X[:, :1]),
        (last, np.hstack([X, X])),
        (Preprocessing().fit(X), X[:, :2]),
    ):
        with pytest.raises(dl.DataError, match="and training rows had 3"):
            fitted.features(other)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (None, "None is no table"),
        ("people.csv", "'people.csv' is no table"),
        (5, "5 is no table, expected a data frame"),
        (iter([1]), "list_iterator is no table"),
        ({"size": 1.0, "town": ["Kiel"]}, "'size' is one cell and 'town' is a column"),
        ({"size": [1.0, 2.0], "town": ["Kiel"]}, "column 'town' has 1 rows and 'size' 2"),
        ({"size": 1.0}, "no column 'town'; there are: size"),
        ({"size": "much", "town": "Kiel"}, "row 1: column 'size': 'much' is not a number"),
        ({"size": float("inf"), "town": "Kiel"}, "column 'size': inf is infinite"),
        ([1.0, 2.0], r"shape \(2,\), expected 2 dimensions"),
    ],
)
def test_what_is_no_table(other, message):
    with pytest.raises((dl.DataError, dl.ShapeError), match=message):
        FITTED.features(other)


@pytest.mark.parametrize("wrong", [{"dtype": "float16"}, {"dtype": None}, {"unknown_categories": "maybe"}])
def test_arguments_that_cannot_be(wrong):
    with pytest.raises(dl.ConfigurationError, match=next(iter(wrong))):
        FITTED.features(COLUMNS, **wrong)


def test_a_column_without_any_known_category():
    """An error for two rows or more, unless it is allowed; for a column that had rare categories, from 21 rows on."""
    other = {"size": [1.0, 2.0], "town": ["KIEL", "BONN"]}
    with pytest.raises(
        dl.DataError, match=r"none of its cells \('KIEL', 'BONN'\) is a category of training \('Bonn', 'Kiel'\)"
    ):
        FITTED.features(other)
    assert not FITTED.features(other, unknown_categories="allow")[:, 1:].any()
    assert FITTED.features({"size": [1.0, 2.0], "town": ["KIEL", "Bonn"]})[:, 1].tolist() == [0, 1]
    assert FITTED.features({"size": [1.0, 2.0], "town": ["KIEL", None]}).shape == (2, 3)
    cut = {"x": [i * 7 % 30 for i in range(100)], "c": ["a"] * 80 + [f"b{i}" for i in range(20)]}
    with pytest.warns(UserWarning, match="21 categories; the 1 most frequent"):
        rare = Preprocessing(max_categories=5).fit(cut)
    rare.features({"x": [1] * 20, "c": ["new"] * 20})
    with pytest.raises(dl.DataError, match="none of its cells"):
        rare.features({"x": [1] * 21, "c": ["new"] * 21})
