"""Raw rows to inputs of a network and back, stored and loaded; nothing depends on how the rows come."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore.data.csv_files import read_csv
from dlcore.data.frames import table
from dlcore.data.tables import Table
from dlcore.preprocessing import FittedPreprocessing, Preprocessing
from dlcore.preprocessing.columns import CategoryColumn, NumberColumn
from dlcore.preprocessing.fitted import build

from .people import FITTED, PEOPLE, csv_table


def test_a_worked_example():
    """Numbers to mean 0 and deviation 1, bent, the median where one is missing and a flag; categories by name; dates as days."""
    assert FITTED.outputs == ("age", "age is missing", "town = Bonn", "town = Kiel", "town is missing", "born")
    X = FITTED.features(PEOPLE, "float64")
    age = (np.array([20, 30, 30, 50]) - 100 / 3) / np.std([20, 30, 50])
    days = np.array([12418, 8768, 5114, 1461.5])  # since 1970-01-01
    born = (days - days.mean()) / days.std()
    age, born = (z / np.sqrt(1 + (z / 8) ** 2) for z in (age, born))
    expected = [age, [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], born]
    np.testing.assert_allclose(X, np.transpose(expected), atol=1e-12)
    y = FITTED.targets(PEOPLE)
    np.testing.assert_allclose(y, (np.array([1, 2, 3, 4]) - 2.5) / np.std([1, 2, 3, 4]))
    np.testing.assert_allclose(FITTED.target.restore(y), [1000, 2000, 3000, 4000])


def test_order_and_other_columns_do_not_matter():
    """Nor does it matter whether the target is there."""
    columns = dict(reversed(PEOPLE.columns.items()))
    del columns["wage"]
    other = Table({"more": PEOPLE.columns["wage"], **columns}, "other.csv")
    np.testing.assert_array_equal(FITTED.features(other), FITTED.features(PEOPLE))


def test_rows_that_do_not_have_the_columns():
    with pytest.raises(dl.DataError, match=r"t.csv has no column 'born'; there are: age, town"):
        FITTED.features(csv_table(age=[1], town=["Kiel"]))
    with pytest.raises(dl.DataError, match="column 'age' holds dates, expected numbers"):
        FITTED.features(table({"age": np.array(["2020-01-01"], "M8[D]"), "town": ["Kiel"], "born": [None]}))


def test_if_no_row_can_be_used_there_is_an_error_also_where_they_are_skipped():
    with pytest.raises(dl.DataError, match=r"t.csv, line 2: .*2 rows of 2 cannot be used"):
        FITTED.clean(csv_table(age=["x", "y"], town=["Kiel"] * 2, born=[""] * 2, wage=[1, 2]))


def test_json_and_back():
    """Every kind of column and target, to the last bit."""
    for wishes in (
        {},
        {"scaling": "quantile"},
        {"categorical": "embedding"},
        {"scaling": "robust", "date_format": "%Y-%m-%d"},
    ):
        for target in ("wage", "town"):
            fitted = Preprocessing(bad_rows="skip", **wishes).fit(PEOPLE, target)
            assert build(json.loads(json.dumps(fitted.describe()))) == fitted


def test_preprocessing_is_saved_with_the_trainer(tmp_path):
    """And its predictions on raw rows are the same after loading."""
    model = dl.Sequential(dl.Dense(FITTED.width, 1))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1))
    trainer.preprocessing = FITTED
    trainer.save(tmp_path / "t.safetensors")
    loaded = dl.Trainer.load(tmp_path / "t.safetensors")
    assert loaded.preprocessing == FITTED
    np.testing.assert_array_equal(
        loaded.predict(loaded.preprocessing.features(PEOPLE)), trainer.predict(FITTED.features(PEOPLE))
    )
    trainer.preprocessing = Preprocessing().fit(csv_table(x=[1, 2, 3]))
    with pytest.raises(dl.ConfigurationError, match="preprocessing of 1 columns, and the network takes 6 columns"):
        trainer.save(tmp_path / "t.safetensors")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["Affine", "Classes", "NumberColumn"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None)
@given(st.data(), json_values)
def test_a_description_that_was_tampered_with_is_refused_or_works(data, value):
    """Any part of a description replaced by anything: a DataError, or an object that encodes finite numbers."""
    described = json.loads(json.dumps(FITTED.describe()))
    at, path = described, []
    while isinstance(at, (dict, list)) and at and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at)))))
        parent, at = at, at[path[-1]]
    parent[path[-1]] = value
    try:
        fitted = build(described)
    except dl.DataError:
        return
    assert isinstance(fitted, FittedPreprocessing)
    assert all(isinstance(c, (NumberColumn, CategoryColumn)) for c in fitted.columns)


cells_of_any_kind = st.one_of(
    st.integers(-3, 3).map(str),
    st.floats().map(str),
    st.sampled_from(["", "a", "b", "2020-02-29", "1,5", "1e30", "0x1", "-inf"]),
)


@pytest.mark.filterwarnings("ignore:column:UserWarning")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[cells_of_any_kind] * 3), min_size=1, max_size=30),
    st.lists(st.tuples(*[cells_of_any_kind] * 3), min_size=1, max_size=5),
    st.sampled_from(["standard", "robust", "quantile", "none"]),
    st.sampled_from([None, "y"]),
)
def test_any_table_gives_finite_numbers_or_a_data_error(rows, others, scaling, target):
    """For training rows and for others, whatever their cells are; no warning of NumPy either."""
    names = ("u", "v", "y")
    training, other = (csv_table(**dict(zip(names, zip(*r, strict=True), strict=True))) for r in (rows, others))
    try:
        fitted = Preprocessing(scaling=scaling, bad_rows="skip").fit(training, target)
        clean = fitted.clean(training)
        X, y = fitted.features(clean), fitted.targets(clean) if target else np.zeros(1)
        assert X.shape == (len(clean), fitted.width)
        assert np.isfinite(X).all()
        assert np.isfinite(y).all()
        assert np.isfinite(fitted.features(fitted.clean(other, target=False))).all()
    except dl.DataError as error:
        assert "t.csv" in str(error) or "column" in str(error)  # noqa: PT017


def test_a_file_and_python_agree(tmp_path):
    """The same rows as CSV, as Parquet and from Python give the same inputs, to the last bit."""
    random = np.random.default_rng(0)
    columns = {
        "x": [*random.normal(size=29).tolist(), None],
        "n": [*random.integers(0, 1000, 29).tolist(), None],
        "c": [*random.choice(["a", "b", "c d"], 29).tolist(), None],
        "y": random.choice(["u", "v"], 30).tolist(),
    }
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(columns), *lines]))
    from_csv, from_python = read_csv(tmp_path / "t.csv"), table(columns)
    fitted = Preprocessing().fit(from_csv, "y")
    assert fitted == Preprocessing().fit(from_python, "y")
    np.testing.assert_array_equal(fitted.features(from_csv, "float64"), fitted.features(from_python, "float64"))
    pa = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(
        fitted.features(pa.table(columns), "float64"), fitted.features(from_python, "float64")
    )


# -- frames, dicts, single rows; and arguments that cannot be --------------------------------------------------------------

N = 50
COLUMNS = {
    "size": np.random.default_rng(0).normal(size=N).tolist(),
    "town": ["Kiel", "Bonn"] * (N // 2),
    "price": [float(i % 7) / 2 for i in range(N)],
}
PRICED = Preprocessing().fit(COLUMNS, "price")
EXPECTED = PRICED.features(COLUMNS)


def test_frames_of_every_kind_give_the_same():
    """pandas, Arrow, a dict of columns, a list of rows, columns in another order, with the target or without."""
    pd = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(COLUMNS)
    assert Preprocessing().fit(frame, "price") == PRICED
    others = (frame, frame[["town", "size"]], pa.table(COLUMNS), frame.to_dict("list"), frame.to_dict("records"))
    for other in others:
        np.testing.assert_array_equal(PRICED.features(other), EXPECTED)
    np.testing.assert_array_equal(PRICED.features(frame.iloc[3]), EXPECTED[3:4])
    np.testing.assert_array_equal(PRICED.features(frame.iloc[5:9]), EXPECTED[5:9])


def test_a_dict_of_cells_is_one_row():
    """Python's numbers and NumPy's, text of a number, None where a cell is missing."""
    for i in range(4):
        row = {name: column[i] for name, column in COLUMNS.items() if name != "price"}
        np.testing.assert_array_equal(PRICED.features(row), EXPECTED[i : i + 1])
        more = {"town": np.str_(row["town"]), "size": np.float64(row["size"]), "price": None}
        np.testing.assert_array_equal(PRICED.features(more), EXPECTED[i : i + 1])
        np.testing.assert_array_equal(PRICED.features({**row, "size": str(row["size"])}), EXPECTED[i : i + 1])
    assert PRICED.features({"size": None, "town": "Kiel"}).shape == (1, 3)
    assert PRICED.targets({"price": 2.0}).shape == (1,)
    assert PRICED.features({"size": 1.0, "town": "Ulm"})[0, 1:].tolist() == [0, 0]  # one unknown town is no error


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
        PRICED.features(other)


@pytest.mark.parametrize("wrong", [{"dtype": "float16"}, {"dtype": None}, {"unknown_categories": "maybe"}])
def test_arguments_that_cannot_be(wrong):
    with pytest.raises(dl.ConfigurationError, match=next(iter(wrong))):
        PRICED.features(COLUMNS, **wrong)


def test_a_column_without_any_known_category():
    """An error for two rows or more, unless it is allowed; for a column that had rare categories, from 21 rows on."""
    other = {"size": [1.0, 2.0], "town": ["KIEL", "BONN"]}
    with pytest.raises(
        dl.DataError, match=r"none of its cells \('KIEL', 'BONN'\) is a category of training \('Bonn', 'Kiel'\)"
    ):
        PRICED.features(other)
    assert not PRICED.features(other, unknown_categories="allow")[:, 1:].any()
    assert PRICED.features({"size": [1.0, 2.0], "town": ["KIEL", "Bonn"]})[:, 1].tolist() == [0, 1]
    assert PRICED.features({"size": [1.0, 2.0], "town": ["KIEL", None]}).shape == (2, 3)
    cut = {"x": [i * 7 % 30 for i in range(100)], "c": ["a"] * 80 + [f"b{i}" for i in range(20)]}
    with pytest.warns(UserWarning, match="21 categories; the 1 most frequent"):
        rare = Preprocessing(max_categories=5).fit(cut)
    rare.features({"x": [1] * 20, "c": ["new"] * 20})
    with pytest.raises(dl.DataError, match="none of its cells"):
        rare.features({"x": [1] * 21, "c": ["new"] * 21})
