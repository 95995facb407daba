"""What columns are taken for, by their cells and by other columns; and the one line about those that are mixed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.preprocessing import FittedPreprocessing, Preprocessing

from .test_preprocessing import MIXED, csv_table, kinds

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.uniform(1000, 99999, 60).round(2)
FORMS = {
    "point": lambda v: f"{v:.2f}",
    "comma": lambda v: f"{v:.2f}".replace(".", ","),
    "dollar": lambda v: f"${v:.2f}",
    "percent": lambda v: f"{v:.2f}%",
    "thousands": lambda v: f"{v:,.2f}",
    "german": lambda v: f"{v:,.2f}".translate({44: ".", 46: ","}),
    "french": lambda v: f"{v:,.2f}".translate({44: "\u202f", 46: ","}),
    "swiss": lambda v: f"{v:,.2f}".translate({44: "'"}),
    "euro": lambda v: f"{v:,.2f} €".translate({44: ".", 46: ","}),
    "accountant": lambda v: f"${v:,.2f}",
}


def lines(data, target=None, **options) -> tuple[FittedPreprocessing, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = Preprocessing(**options).fit(data, target)
    return fitted, [str(each.message) for each in caught]


@pytest.mark.parametrize("form", FORMS)
def test_a_column_is_read_as_the_same_numbers_in_every_form(form):
    """As a feature and as a target, to the last bit, without a word; also after its description was stored."""
    data = csv_table(x=[FORMS[form](v) for v in VALUES], y=[FORMS[form](-v) for v in VALUES])
    plain = csv_table(x=VALUES, y=-VALUES)
    fitted, said = lines(data, "y")
    assert said == []
    expected = Preprocessing().fit(plain, "y")
    np.testing.assert_array_equal(fitted.features(data, "float64"), expected.features(plain, "float64"))
    np.testing.assert_array_equal(fitted.targets(data), expected.targets(plain))
    np.testing.assert_allclose(fitted.target.restore(fitted.targets(data)), -VALUES, rtol=1e-15)


def test_marks_that_are_given_overrule():
    data = csv_table(x=["2,000", "15,300", "7,125", "1,5"], y=["1.5", "2.5", "4", "5"])
    read = Preprocessing(decimal=",", types={"y": "ignore"}).fit(data).columns[0]
    np.testing.assert_array_equal(read.read(data.columns["x"]), [2, 15.3, 7.125, 1.5])


def test_other_columns_tell_what_a_mark_means():
    """1.234 beside 20,1 is 1234, which is said, and beside 20.1 it is not; 2,000 beside 20.1 is 2000 without a word."""
    for cells, other, value, line in (
        (
            ["1.234", "2.500", "9.125"],
            "20,1",
            1234,
            ["column 'x': 1.234 is read as 1234; --decimal . reads it as 1.234"],
        ),
        (["1.234", "2.500", "9.125"], "20.1", 1.234, []),
        (["2,000", "2,500", "9,125"], "20.1", 2000, []),
        (["2,000", "2,500", "9,125"], "20,1", 2, []),
    ):
        data = csv_table(x=cells, z=[other, other + "5", "3"])
        fitted, said = lines(data)
        assert fitted.columns[0].read(data.columns["x"])[0] == value
        assert said == line


def test_thousands_that_may_be_fractions_are_said():
    cells = [f"{v:,}" for v in range(1000, 60000, 983)]
    _, said = lines(csv_table(x=cells))
    assert said == ["column 'x': 1,000 is read as 1000; --decimal , reads it as 1"]


def test_days_that_may_be_months_are_said():
    data = csv_table(x=MIXED, d=[f"{i % 12 + 1:02d}/{i % 11 + 1:02d}/2024" for i in range(60)])
    fitted, said = lines(data)
    assert said == ["column 'd': 12/01/2024 is read as %d/%m/%Y; --date-format d=%m/%d/%Y reads it otherwise"]
    assert kinds(fitted)["d"] == "date"
    given = Preprocessing(date_format={"d": "%m/%d/%Y"}).fit(data)
    assert given.columns[1].read(csv_table(d=["02/01/2024"]).columns["d"])[0] == 19754  # 1 February 2024


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ([*map(str, MIXED[:53]), *["n.d."] * 7], "88 % of its cells are numbers (0), 12 % are not ('n.d.'); if these stand for "
         "missing cells: --missing n.d."),
        (["20%"] * 20 + ["30%"] * 20 + ["0.2"] * 20, "67 % of its cells are numbers (20%), 33 % are not ('0.2'); correct them, or "
         "give --types x=number --bad-rows skip"),
        (["$20"] * 20 + ["$30"] * 20 + ["€5"] * 20, "67 % of its cells are numbers ($20), 33 % are not ('€5')"),
        (["1.5"] * 20 + ["2.5"] * 20 + ["3,5"] * 20, "67 % of its cells are numbers (1.5), 33 % are not ('3,5')"),
        (["2024-01-01", "2024-01-02", "2024-01-03", "soon"] * 15, "75 % of its cells are dates (2024-01-01), 25 % are not ('soon')"),
        (["1.5", "$2", "3%"] * 20, "most of its cells are numbers, written in several ways ($2, 1.5, 3%)"),
        ([f"{v} kg" for v in MIXED], "its cells are numbers with 'kg'; --types x=number reads them"),
    ],
)  # fmt: skip
def test_one_line_for_a_column_that_is_mixed(cells, line):
    """What most cells are, what the others are, and the flag that mends it; for a feature and for a target."""
    _, said = lines(csv_table(x=cells, z=MIXED))
    assert len(said) == 1
    assert said[0].startswith("column 'x' is ")
    assert line in said[0]


@pytest.mark.parametrize("other", ["n.d.", "€5", "soon", "1,5,5"])
def test_a_target_that_looks_like_a_number_is_no_class(other):
    """An error with the line, unless the task is given."""
    data = csv_table(x=MIXED, y=[f"{v:.2f}" for v in VALUES[:50]] + [other] * 10)
    with pytest.raises(dl.DataError, match=r"the target 'y' looks like a number: 83 % of its cells are numbers"):
        Preprocessing().fit(data, "y")
    with pytest.raises(dl.DataError, match="51 classes in 60 rows"):
        Preprocessing().fit(data, "y", "classification")
    fitted = Preprocessing(bad_rows="skip").fit(data, "y", "regression")
    assert len(fitted.clean(data)) == 50


def test_few_classes_that_look_like_numbers_are_said():
    _, said = lines(csv_table(x=MIXED, y=["1", "2", "3", "4", "5+"] * 12), "y")
    assert len(said) == 1
    assert said[0].startswith(
        "column 'y' is taken for 5 classes: 80 % of its cells are numbers (1), 20 % are not ('5+')"
    )


def test_text_that_the_file_declares():
    """It has categories, with a line if it looks like many numbers; a type reads them; as a target it must be said."""
    data = table({"x": MIXED, "p": [f"{v:.1f}%" for v in VALUES]})
    fitted, said = lines(data)
    assert "p" in dict(fitted.left_out)
    assert len(said) == 1
    assert "it is text in the file, and most of its cells look like numbers" in said[0]
    assert "--types p=number reads them" in said[0]
    with pytest.raises(dl.DataError, match="the target 'p' looks like a number"):
        Preprocessing().fit(data, "p")
    read = Preprocessing(types={"p": "number"})
    np.testing.assert_allclose(
        read.fit(data).columns[1].read(data.columns["p"]), np.array([float(f"{v:.1f}") for v in VALUES])
    )
    assert read.fit(data, "p").target.center == pytest.approx(VALUES.round(1).mean(), rel=1e-5)


def test_dates_of_digits_need_their_form():
    """01022024 is a code, unless a form says that it is a day."""
    data = csv_table(x=MIXED, d=[f"{i % 28 + 1:02d}022024" for i in range(60)])
    assert kinds(Preprocessing().fit(data))["d"] == "category"
    for form in ("%d%m%Y", {"d": "%d%m%Y"}):
        fitted = Preprocessing(date_format=form).fit(data)
        assert kinds(fitted) == {"x": "number", "d": "date"}
        assert fitted.columns[1].read(data.columns["d"])[0] == 19754  # 1 February 2024


def test_marks_that_do_not_read_a_column_are_named():
    """1.5 is no number with a decimal comma."""
    _, said = lines(csv_table(x=[f"{v:.1f}" for v in VALUES], z=MIXED), decimal=",")
    assert len(said) == 1
    assert said[0].startswith("column 'x' is left out: its cells are numbers (")
    assert said[0].endswith(", and not with --decimal ,")


def test_a_few_declared_texts_with_a_unit_are_said():
    """20 % in a data frame of text; 1 and 2 there are labels, without a word."""
    _, said = lines(table({"x": MIXED, "y": ["20%", "30%", "50%"] * 20}), "y")
    assert len(said) == 1
    assert "taken for 3 classes: it is text in the file, and most of its cells look like numbers (20%)" in said[0]
    assert lines(table({"x": MIXED, "y": ["1", "2", "3"] * 20}), "y")[1] == []
