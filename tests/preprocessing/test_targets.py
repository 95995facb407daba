"""Targets: labels as they were spelled, codes that are no numbers, types that are given."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.frames import table
from dlcore.preprocessing import Preprocessing
from dlcore.preprocessing.columns import Classes, Values

from .people import MIXED, csv_table


@pytest.mark.parametrize(
    "labels",
    [("007", "010", "100"), ("01", "1", "1e0"), ("00", "01", "10"), ("0.0", "1.0"), ("1", "2"), ("12E4", "1234")],
)
def test_labels_come_back_as_they_were_spelled(labels):
    """And each is a class of its own, in CSV and where the file declares text."""
    cells = [labels[i % len(labels)] for i in range(60)]
    for data in (csv_table(x=MIXED, y=cells), table({"x": MIXED, "y": cells})):
        fitted = Preprocessing().fit(data, "y")
        assert set(fitted.target.labels) == set(labels)
        assert [fitted.target.labels[c] for c in fitted.targets(data)] == cells


def test_labels_of_another_file_are_matched_by_value():
    """1 in a file of integers is 1.0 of a CSV file, and neither is 01."""
    fitted = Preprocessing().fit(csv_table(x=MIXED, y=["0.0", "1.0"] * 30), "y")
    assert fitted.targets(table({"x": [1, 2], "y": [1, 0]})).tolist() == [1, 0]
    fitted = Preprocessing().fit(csv_table(x=MIXED, y=["01", "10"] * 30), "y")
    with pytest.raises(dl.DataError, match=r"1\.0 is none of the classes of training: 01, 10"):
        fitted.targets(table({"x": [1], "y": [1]}))


def test_spellings_of_one_integer_are_one_class():
    fitted = Preprocessing().fit(csv_table(x=MIXED, y=["1", "1.0", "1", "2"] * 15), "y")
    assert fitted.target.labels == ("1", "2")


def test_a_type_of_the_target_is_its_task():
    data = csv_table(x=MIXED, code=[f"{i % 30}" for i in range(60)])
    assert isinstance(Preprocessing(types={"code": "category"}).fit(data, "code").target, Classes)
    assert isinstance(Preprocessing(types={"code": "number"}).fit(data, "code").target, Values)
    assert isinstance(Preprocessing().fit(data, "code").target, Values)


def test_many_dates_are_no_classes():
    days = np.arange("2024-01-01", "2024-03-01", dtype="M8[D]")
    with pytest.raises(dl.DataError, match=r"the target 'y' holds dates \(2024-01-01\), expected numbers or classes"):
        Preprocessing().fit(csv_table(x=MIXED, y=[*map(str, days)]), "y")


def test_rows_without_a_target_are_left_out():
    """With a warning; the rest is fitted as if they were not there; where bad rows are an error, they are one."""
    data = csv_table(x=[*MIXED, 500], y=["a", "b"] * 30 + [""])
    with pytest.warns(UserWarning, match="1 of 61 rows have no target 'y' and are left out"):
        fitted = Preprocessing().fit(data, "y")
    assert fitted == Preprocessing().fit(csv_table(x=MIXED, y=["a", "b"] * 30), "y")
    with pytest.raises(dl.DataError, match="line 62: the target 'y' is missing"):
        Preprocessing(bad_rows="error").fit(data, "y")


def test_labels_that_float64_merges_stay_apart():
    """9007199254740993 is 9007199254740992 in float64, and another class; as features they are categories."""
    ids = ["9007199254740993", "9007199254740992"]
    for data in (csv_table(x=MIXED, y=ids * 30), table({"x": MIXED, "y": [*map(int, ids)] * 30})):
        fitted = Preprocessing().fit(data, "y")
        assert set(fitted.target.labels) == set(ids)
        assert fitted.targets(table({"x": [1, 2], "y": [2**53 + 1, 2**53]})).tolist() == [1, 0]
        assert Preprocessing().fit(data).width == 3
