"""What columns and targets are taken for, what is left out, and wishes that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.preprocessing import Preprocessing
from dlcore.preprocessing.columns import Classes, Values

from .people import MIXED, PEOPLE, csv_table, kinds, refuses


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


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile", "none"])
def test_only_training_rows_are_looked_at(scaling):
    """Other rows are scaled by what the training rows were like."""
    fitted = Preprocessing(scaling=scaling).fit(csv_table(x=[0, 1, 2, 3, 4]))
    one, both = fitted.features(csv_table(x=[7])), fitted.features(csv_table(x=[7, 100]))
    assert one[0] == both[0]


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
