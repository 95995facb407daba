"""Numbers as people and programs write them, and which of them are codes."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.preprocessing.numerals import Numeral, are_codes, find, plain, values_in


def found(cells: list[str], **known: str):
    return find(cells, np.ones(len(cells), int), lambda form: values_in(cells, form), **known)


WRITTEN = [
    (["1.5", "-2", ".5", "+3.", "1e-3"], [1.5, -2, 0.5, 3, 1e-3]),
    (["20,1", "-3,25", "4"], [20.1, -3.25, 4]),
    (["20%", "5.5%", "-3 %"], [20, 5.5, -3]),
    (["$20", "$1,250.50", "-$3", "$-4", "($5)"], [20, 1250.5, -3, -4, -5]),
    (["20 €", "1.250,50 €", "−3 €"], [20, 1250.5, -3]),
    (["EUR 20", "EUR 7.5"], [20, 7.5]),
    (["2,000", "950", "1,250,000"], [2000, 950, 1250000]),
    (["12,34,567", "1,000"], [1234567, 1000]),
    (["1.250.000", "2.000"], [1250000, 2000]),
    (["1 234,5", "12\u00a0345", "7"], [1234.5, 12345, 7]),
    (["1'234.5", "12’345", "7"], [1234.5, 12345, 7]),
    (["20 kg", "5.5 kg"], [20, 5.5]),
    (["0.123", "1.234"], [0.123, 1.234]),
    (["0,750", "1,234"], [0.75, 1.234]),
]


@pytest.mark.parametrize(("cells", "numbers"), WRITTEN, ids=[cells[0] for cells, _ in WRITTEN])
def test_numbers_are_read_as_they_are_meant(cells, numbers):
    result = found(cells)
    assert result.share == pytest.approx(1)
    np.testing.assert_array_equal(values_in(cells, result.numeral), numbers)


def test_2_000_is_thousands_and_the_other_reading_is_known():
    """Three digits after every comma; other columns with decimal commas turn it, as they turn 1.234."""
    assert found(["2,000", "15,300"]) == (found(["2,000", "15,300"]))
    result = found(["2,000", "15,300"])
    assert (result.numeral.read("2,000"), result.other.read("2,000")) == (2000, 2)
    assert found(["2,000", "15,300"], usual=",").numeral.read("2,000") == 2
    assert found(["1.234", "2.500"]).numeral.read("1.234") == 1.234
    assert found(["1.234", "2.500"], usual=",").numeral.read("1.234") == 1234
    assert found(["2,000", "15,300"], decimal=",").numeral.read("2,000") == 2
    assert found(["2,000", "1.5"], thousands="").share == pytest.approx(0.5)


def test_the_mark_that_the_cells_leave_no_choice_about():
    assert [found(cells).decimal for cells in (["1.5"], ["20,1"], ["5"], ["2,000"], ["1,234.5"])] == [
        ".",
        ",",
        "",
        "",
        ".",
    ]


def test_a_percentage_without_its_sign_is_no_number():
    """0.2 may be 20 %, and 20 as well; $ may be left out."""
    assert np.isnan(Numeral(unit="%").read("0.2"))
    assert Numeral(unit="$").read("20") == 20
    assert np.isnan(Numeral(unit="$").read("20 €"))


@pytest.mark.parametrize("cell", ["1_000", "٣", "0x1", "1,5", "", "-", "1.2.3", "--1", "12,34", "abc", "1 2"])
def test_what_is_no_number(cell):
    assert np.isnan(Numeral().read(cell))


def test_rare_forms_behind_many_plain_cells_are_found():
    """1,234 occurs once behind a thousand integers below 1000."""
    cells = [*map(str, range(1000)), "1,234"]
    assert found(cells).numeral.read("1,234") == 1234


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (["007", "010", "100"], True),
        (["01", "1", "1e0"], True),
        (["01234", "98765"], True),
        (["12E4", "98E1", "1234"], True),
        (["1", "2", "10"], False),
        (["0.5", "00.7"], False),
        (["0", "1"], False),
        (["-01", "02"], False),
        (["1e-05", "1e+20"], False),
        (["1e3", "1e6"], False),
        ([*map(str, range(100)), "007"], False),
    ],
)
def test_codes_made_of_digits(cells, codes):
    """Leading zeros, or exponents without a sign among integers of the same width; one slip among numbers is no sign."""
    assert are_codes(cells, np.ones(len(cells), int)) is codes


def test_plain_numbers_are_surely_no_codes():
    read = [plain(cell) for cell in ("1", "1.0", "-2.50", "1e+16", ".5")]
    assert read == [1, 1, -2.5, 1e16, 0.5]
    assert all(np.isnan(plain(cell)) for cell in ("01", "1e0", "", "a", ".", "1,5"))
