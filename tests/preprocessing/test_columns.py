"""Fitted columns and targets on other rows: codes, missing cells, cells that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.preprocessing import Preprocessing

from .people import MIXED, PEOPLE, csv_table, refuses


def test_codes_for_an_embedding():
    """A column of codes from 0, unknown; the place, number of categories and dimension for the layer."""
    data = csv_table(x=[1, 2, 3, 4], c=["b", "a", "", "b"])
    fitted = Preprocessing(categorical="embedding").fit(data)
    assert fitted.embedded == ((1, 3, 2),)
    assert fitted.features(csv_table(c=["a", "b", "", "new"], x=[1] * 4))[:, 1].tolist() == [1, 2, 3, 0]


def test_labels_with_a_full_stop():
    """As in the test file of Adult: taken off, and said; but not where the label without it is another class."""
    fitted = Preprocessing().fit(csv_table(x=range(4), y=["a", "b", "c.", "c"]), "y")
    rows = csv_table(x=[1, 2, 3], y=["a.", "b", "c."])
    assert fitted.targets(rows).tolist() == [0, 1, 3]
    assert fitted.notes(rows) == ["column 'y': a full stop was taken off 1 labels"]


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
