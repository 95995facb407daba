"""Raw rows to inputs of a network: what columns are taken for, what is refused, and that nothing depends on how rows come."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore.data.csv_files import read_csv
from dlcore.data.frames import table
from dlcore.data.tables import Table, Text
from dlcore.preprocessing import FittedPreprocessing, Preprocessing
from dlcore.preprocessing.columns import CategoryColumn, Classes, NumberColumn, Values
from dlcore.preprocessing.fitted import build


def csv_table(**columns: list[Any]) -> Table:
    """A table as it comes from a CSV file: all text, "" where a cell is missing, from line 2 on."""
    made = {}
    for name, cells in columns.items():
        values = list(dict.fromkeys(map(str, cells)))
        codes = np.array([values.index(str(cell)) for cell in cells], np.int32)
        made[name] = Text.of(codes, values, ("",))
    n = len(next(iter(made.values())))
    return Table(made, "t.csv", np.arange(2, n + 2), "line")


PEOPLE = csv_table(
    age=[20, 30, "", 50],
    town=["Kiel", "Bonn", "Kiel", ""],
    born=["2004-01-01", "1994-01-03", "1984-01-02", "1974-01-01T12:00"],
    wage=[1000, 2000, 3000, 4000],
)
MIXED = [7 * i % 30 for i in range(60)]
FITTED = Preprocessing().fit(PEOPLE, "wage")


def refuses(data: Table, message: str, target: str | None = None, **wishes: Any) -> None:
    with pytest.raises(dl.DataError, match=message):
        Preprocessing(**wishes).fit(data, target)


# -- what columns are taken for ----------------------------------------------------------------------------------------


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


def kinds(fitted: FittedPreprocessing) -> dict[str, str]:
    return {
        c.name: "category" if isinstance(c, CategoryColumn) else "date" if c.date else "number" for c in fitted.columns
    }


def test_types_of_columns():
    """Integers are numbers, however few they are; text is not a number where the file says so."""
    n = 40
    data = csv_table(
        code=[i % 4 for i in range(n)], size=[i % 5 for i in range(n)], share=[i % 2 / 2 for i in range(n)],
        flag=["yes", "no"] * 20, day=[f"2024-01-{i % 28 + 1:02d}" for i in range(n)], number=[f"{i}e-3" for i in range(n)],
    )  # fmt: skip
    assert kinds(Preprocessing().fit(data)) == {
        "code": "number", "size": "number", "share": "number", "flag": "category", "day": "date", "number": "number",
    }  # fmt: skip
    arrays = table({"typed": ["1", "2"] * 20, "integers": [1, 2] * 20, "days": np.arange(n).astype("M8[D]")})
    assert kinds(Preprocessing().fit(arrays)) == {"typed": "category", "integers": "number", "days": "date"}
    assert kinds(Preprocessing().fit(np.tile([[0.0, 1.0], [1.0, 0.0]], (20, 1)))) == {
        "column_1": "number",
        "column_2": "number",
    }


def test_types_that_are_given():
    """A postal code is no number; 01 and 1 are two of them."""
    data = csv_table(code=["01", "1", "02", "01"], id=[1, 2, 3, 4], x=[1, 2, 3, 5])
    fitted = Preprocessing(types={"code": "category", "id": "ignore"}).fit(data)
    assert fitted.outputs == ("code = 01", "code = 02", "code = 1", "x")
    assert fitted.left_out == (("id", "is not wanted"),)


def test_categories_that_are_numbers_go_by_their_value():
    """1, 1.0 and the integer 1 of another file are one category, as it was spelled most often, in order of their size."""
    fitted = Preprocessing(types={"c": "category"}).fit(table({"c": [10, 9, 1, 1] * 20}))
    assert fitted.outputs == ("c = 1", "c = 9", "c = 10")
    expected = [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    for rows in (csv_table(c=["1", "10.0", "7"]), table({"c": [1, 10, 7]}), table({"c": [1.0, 10.0, None]})):
        assert fitted.features(rows).tolist() == expected


def test_dates_in_another_form():
    """By strptime's letters, with the same days."""
    german = Preprocessing(date_format="%d.%m.%Y").fit(csv_table(d=["31.12.1999", "01.01.2000", "03.01.2000"]))
    iso = Preprocessing().fit(csv_table(d=["1999-12-31", "2000-01-01", "2000-01-03"]))
    assert kinds(german) == {"d": "date"}
    np.testing.assert_array_equal(
        german.features(csv_table(d=["04.01.2000"])), iso.features(csv_table(d=["2000-01-04T01:00+01:00"]))
    )


def test_what_says_nothing_is_left_out_and_reported():
    data = csv_table(x=[1, 2, 3, 5], one=[7] * 4, word=["a"] * 4, none=[""] * 4, big=[1e30] * 4)
    fitted = Preprocessing().fit(data)
    assert fitted.outputs == ("x",)
    assert dict(fitted.left_out) == {
        "one": "is '7' in all training rows", "word": "is 'a' in all training rows",
        "none": "has no cells in the training rows", "big": "is '1e+30' in all training rows",
    }  # fmt: skip
    refuses(csv_table(one=[7] * 4), r"no column is left to learn from \(one is '7' in all training rows\)")
    refuses(csv_table(one=[0.1] * 160), r"no column is left to learn from \(one is '0.1' in all training rows\)")


def test_row_numbers():
    """They are kept, for they may be years, and a warning says what they may be: in any order, and where others were set aside."""
    drawn = np.random.default_rng(0).permutation(100).tolist()
    for rows in (range(30), range(1990, 2024), sorted(drawn[:60]), drawn, drawn[:40], range(60, 0, -1)):
        for column in (csv_table(x=list(rows)), table({"x": list(rows)}), table(np.array(rows)[:, None])):
            with pytest.warns(UserWarning, match="column '(x|column_1)' numbers the rows"):
                Preprocessing().fit(column)
    Preprocessing().fit(csv_table(x=MIXED))
    Preprocessing().fit(csv_table(x=[i**2 for i in range(60)]))
    Preprocessing().fit(csv_table(x=[*drawn, 5]))


def test_too_many_categories():
    """The most frequent are kept, if they occur twice and are more than a tenth of the cells."""
    data = csv_table(x=MIXED, c=["a", "b"] * 20 + [f"c{i}" for i in range(20)])
    with pytest.warns(
        UserWarning, match="column 'c' has 22 categories; the 2 most frequent are kept, 67% of its cells"
    ):
        fitted = Preprocessing(max_categories=20).fit(data)
    assert fitted.outputs == ("x", "c = a", "c = b")
    names = csv_table(x=MIXED, c=[f"c{i}" for i in range(60)])
    assert Preprocessing(max_categories=20, types={"c": "category"}).fit(names).left_out == (
        ("c", "has 60 different cells, and none of them twice"),
    )


def test_text_that_is_nearly_unique_is_left_out():
    """Titles, whose most frequent ones are a share of 1 % of the cells, make no inputs; with the reason, and unless declared."""
    titles = [f"title {i}" for i in range(3000)] + [f"title {i}" for i in range(1500)]
    data = csv_table(x=[7 * i % 300 for i in range(4500)], title=titles)
    fitted = Preprocessing().fit(data)
    assert fitted.outputs == ("x",)
    assert dict(fitted.left_out)["title"].startswith("has 3,000 different texts in 4,500 cells; --types title=category")
    twice = csv_table(x=[7 * i % 300 for i in range(6000)], title=[f"title {i // 2}" for i in range(6000)])
    reason = "has 3,000 different texts, and the 100 most frequent are 3.3% of its cells"
    assert dict(Preprocessing().fit(twice).left_out)["title"].startswith(reason)
    with pytest.warns(UserWarning, match="the 100 most frequent are kept"):
        assert Preprocessing(types={"title": "category"}).fit(data).width == 101


def test_codes_for_an_embedding():
    """A column of codes from 0, unknown; the place, number of categories and dimension for the layer."""
    data = csv_table(x=[1, 2, 3, 4], c=["b", "a", "", "b"])
    fitted = Preprocessing(categorical="embedding").fit(data)
    assert fitted.embedded == ((1, 3, 2),)
    assert fitted.features(csv_table(c=["a", "b", "", "new"], x=[1] * 4))[:, 1].tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile", "none"])
def test_only_training_rows_are_looked_at(scaling):
    """Other rows are scaled by what the training rows were like."""
    fitted = Preprocessing(scaling=scaling).fit(csv_table(x=[0, 1, 2, 3, 4]))
    one, both = fitted.features(csv_table(x=[7])), fitted.features(csv_table(x=[7, 100]))
    assert one[0] == both[0]


# -- targets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind", "labels"),
    [
        (["no", "yes"] * 5, Classes, ("no", "yes")),
        ([0, 1] * 5, Classes, ("0", "1")),
        (["1.0", "0.0"] * 5, Classes, ("0.0", "1.0")),
        ([0.5, 1.5] * 5, Values, None),
        (list(range(10)), Values, None),
        (list(range(10)) * 5, Classes, tuple(map(str, range(10)))),
        ([1e30, 2e30] * 5, Values, None),
    ],
)
def test_the_task_is_chosen_from_the_target(cells, kind, labels):
    fitted = Preprocessing().fit(csv_table(x=[i**2 for i in range(len(cells))], y=cells), "y")
    assert type(fitted.target) is kind
    assert getattr(fitted.target, "labels", None) == labels


def test_the_task_may_be_given():
    data = csv_table(x=range(10), y=[0, 1] * 5)
    assert isinstance(Preprocessing().fit(data, "y", "regression").target, Values)
    assert isinstance(
        Preprocessing().fit(csv_table(x=range(4), y=[0.5, 1.5, 1.5, 0.5]), "y", "classification").target, Classes
    )
    with pytest.raises(dl.ConfigurationError, match=r"task='classify' \(did you mean 'classification'\?\)"):
        Preprocessing().fit(data, "y", "classify")


def test_labels_with_a_full_stop():
    """As in the test file of Adult: taken off, and said; but not where the label without it is another class."""
    fitted = Preprocessing().fit(csv_table(x=range(4), y=["a", "b", "c.", "c"]), "y")
    rows = csv_table(x=[1, 2, 3], y=["a.", "b", "c."])
    assert fitted.targets(rows).tolist() == [0, 1, 3]
    assert fitted.notes(rows) == ["column 'y': a full stop was taken off 1 labels"]


# -- other rows --------------------------------------------------------------------------------------------------------


def test_order_and_other_columns_do_not_matter():
    """Nor does it matter whether the target is there."""
    columns = dict(reversed(PEOPLE.columns.items()))
    del columns["wage"]
    other = Table({"more": PEOPLE.columns["wage"], **columns}, "other.csv")
    np.testing.assert_array_equal(FITTED.features(other), FITTED.features(PEOPLE))


def test_what_training_rows_did_not_have():
    """Unknown categories are zeros, missing cells the median; both are counted."""
    fitted = Preprocessing().fit(csv_table(x=[1, 2, 6], c=["a", "b", "a"]))
    rows = csv_table(x=["", 1], c=["z", ""])
    middle = fitted.features(csv_table(x=[2], c=["a"]))[0, 0]
    assert fitted.features(rows)[0].tolist() == [middle, 0, 0]
    assert fitted.features(rows)[1, 1:].tolist() == [0, 0]
    assert fitted.notes(rows) == [
        "column 'x': 1 missing, and none in training; taken for 2",
        "column 'c': 1 missing, and none in training",
        "column 'c': 1 of no category of training ('z')",
    ]
    assert fitted.notes(csv_table(x=[1], c=["a"])) == []


# -- what is refused ---------------------------------------------------------------------------------------------------

NORMAL = [str(7 * i % 20) for i in range(30)]


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("abc", "'abc' is not a number, as the others are"),
        ("1_000", "'1_000' is not a number"),
        ("1e30", "1e30 is out of all proportion"),
        ("-1e300", "-1e300 is out of all proportion"),
        ("1e400", "1e400 is infinite"),
        ("inf", "inf is infinite"),
        ("٣", "'٣' is not a number"),
    ],
)
def test_a_cell_that_is_not_like_the_others(cell, why):
    """With file and line, in training and later; or such rows are left out and counted, and the rest is as without them."""
    data = csv_table(x=[*NORMAL, cell], z=[*NORMAL, 3])
    refuses(data, rf"t.csv, line 32: column 'x': {why}.*--bad-rows skip")
    fitted = Preprocessing().fit(csv_table(x=NORMAL, z=NORMAL))
    with pytest.raises(dl.DataError, match=rf"t.csv, line 2: column 'x': {why}"):
        fitted.features(csv_table(x=[cell], z=[1]))
    skipping = Preprocessing(bad_rows="skip").fit(data)
    assert skipping == fitted
    clean = skipping.clean(data)
    assert (len(clean), clean.skipped[0].line) == (30, 32)


@pytest.mark.parametrize("scaling", ["quantile", "robust"])
def test_heavy_tails_are_taken_by_two_scalings(scaling):
    """Pareto's distribution with exponent 0.2 has cells 1e20 times the median, all right: bounded inputs, in their order."""
    cells = np.random.default_rng(0).pareto(0.2, 1000) + 1
    assert cells.max() > 1e12 * np.median(cells)
    data = csv_table(x=cells.tolist())
    fitted = Preprocessing(scaling=scaling).fit(data)
    X = fitted.features(data, "float64")[:, 0]
    assert np.abs(X).max() <= 8
    assert (np.diff(X[np.argsort(cells)]) >= 0).all()
    assert np.isfinite(fitted.features(csv_table(x=[1e300, -1e300]))).all()
    for other in ("standard", "none"):
        refuses(data, "is out of all proportion .*; if it is right, --scaling quantile or robust takes", scaling=other)
    with pytest.raises(dl.DataError, match="inf is infinite"):
        fitted.features(csv_table(x=["inf"]))


def test_one_cell_of_1e30_among_few_rows():
    refuses(csv_table(x=[1, 2, 3, 4, "1e30"]), "t.csv, line 6: column 'x': 1e30 is out of all proportion")


def test_what_nothing_scales_must_fit_float32():
    refuses(csv_table(x=[0, 0, "3.5e38"]), "t.csv, line 4: column 'x': 3.5e38 is out of all proportion", scaling="none")


def test_targets_that_cannot_be_used():
    data = csv_table(x=range(12), y=[*range(11), ""])
    refuses(data, "t.csv, line 13: the target 'y' is missing", "y", bad_rows="error")
    assert len(Preprocessing(bad_rows="skip").fit(data, "y").clean(data)) == 11
    refuses(
        csv_table(x=range(12), y=[*range(11), "inf"]), "t.csv, line 13: column 'y': 'inf' is not a finite number", "y"
    )
    refuses(csv_table(x=range(4), y=["a"] * 4), "the target 'y' is 'a' in all training rows", "y")
    refuses(csv_table(x=range(4), y=[0.5] * 4), "the target 'y' is 0.5 in all training rows", "y")
    refuses(csv_table(x=range(4), y=[""] * 4), "the target 'y' has no cells", "y")
    refuses(csv_table(x=MIXED, y=[f"n{i}" for i in range(60)]), "60 classes in 60 rows", "y")
    refuses(csv_table(x=range(4), y=["2020-01-01"] * 4), "in all training rows", "y")
    refuses(PEOPLE, r"t.csv has no column 'wages' \(did you mean 'wage'\?\); there are: age, town, born, wage", "wages")
    fitted = Preprocessing().fit(csv_table(x=range(4), y=["a", "b"] * 2), "y")
    with pytest.raises(dl.DataError, match=r"line 2: column 'y': 'c' is none of the classes of training: a, b"):
        fitted.targets(csv_table(x=[1], y=["c"]))


def test_rows_that_do_not_have_the_columns():
    with pytest.raises(dl.DataError, match=r"t.csv has no column 'born'; there are: age, town"):
        FITTED.features(csv_table(age=[1], town=["Kiel"]))
    with pytest.raises(dl.DataError, match="column 'age' holds dates, expected numbers"):
        FITTED.features(table({"age": np.array(["2020-01-01"], "M8[D]"), "town": ["Kiel"], "born": [None]}))


def test_if_no_row_can_be_used_there_is_an_error_also_where_they_are_skipped():
    with pytest.raises(dl.DataError, match=r"t.csv, line 2: .*2 rows of 2 cannot be used"):
        FITTED.clean(csv_table(age=["x", "y"], town=["Kiel"] * 2, born=[""] * 2, wage=[1, 2]))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"scaling": "standart"}, r"scaling='standart' \(did you mean 'standard'\?\), expected 'standard', 'robust'"),
        ({"categorical": "hash"}, "categorical='hash'"),
        ({"types": {"a": "text"}}, "types: column 'a' is 'text'"),
        ({"decimal": ";"}, "decimal=';'"),
        ({"max_categories": 0}, "max_categories=0"),
        ({"bad_rows": "drop"}, "bad_rows='drop'"),
        ({"types": None}, "types=None, expected a dict from column names to types"),
        ({"types": "a=number"}, "types='a=number', expected a dict"),
        ({"types": {1: "number"}}, "types={1: 'number'}, expected a dict"),
        ({"thousands": "_"}, "thousands='_'"),
        ({"thousands": ",", "decimal": ","}, "decimal and thousands are both ','"),
        ({"date_format": 5}, "date_format=5, expected a format such as"),
        ({"date_format": "%Q"}, "date_format='%Q' is not a format of strptime"),
        ({"date_format": {"a": "today"}}, "date_format='today' has no day"),
    ],
)
def test_wishes_that_cannot_be(wish, message):
    with pytest.raises(dl.ConfigurationError, match=message):
        Preprocessing(**wish)


@pytest.mark.parametrize("wrong", [True, 2.5, ["y"], b"y"])
def test_targets_that_are_no_columns(wrong):
    with pytest.raises(dl.ConfigurationError, match=r"target=.*, expected the name or the number of a column"):
        Preprocessing().fit(PEOPLE, wrong)


def test_integers_that_float32_merges_are_warned_of():
    """600 integers from 10^15 on: kept apart after their mean is subtracted, 5 different inputs or so without scaling."""
    ids = [10**15 + 5 * i * i % 1009 for i in range(600)]
    Preprocessing().fit(csv_table(x=ids))
    with pytest.warns(
        UserWarning, match="column 'x': of its 505 different integers, 1 are different inputs in float32"
    ):
        Preprocessing(scaling="none").fit(csv_table(x=ids))


def test_a_type_for_a_column_that_is_not_there():
    refuses(PEOPLE, "t.csv has no column 'agee'", types={"agee": "number"})
    with pytest.raises(dl.ConfigurationError, match="types: 'wage' is the target and cannot be 'date'"):
        Preprocessing(types={"wage": "date"}).fit(PEOPLE, "wage")
    with pytest.raises(dl.ConfigurationError, match="the target 'wage' is a category, and task is regression"):
        Preprocessing(types={"wage": "category"}).fit(PEOPLE, "wage", "regression")


# -- stored ------------------------------------------------------------------------------------------------------------


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


# -- whichever reader --------------------------------------------------------------------------------------------------


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
