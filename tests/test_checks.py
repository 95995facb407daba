"""The rules for users' arguments: what they let through at their borders, and what the error says."""

import math

import numpy as np
import pytest

import dlcore as dl
from dlcore.checks import (
    BELOW_ONE,
    BETWEEN_0_AND_1,
    COUNT,
    FINITE,
    FLAG,
    NOT_NEGATIVE,
    POSITIVE,
    SIZE,
    UNIT,
    Rule,
    at_least,
    check,
    check_fields,
    from_to,
    one_of,
    or_none,
)

# for each rule what it holds for, and what it does not
CASES = [
    (POSITIVE, [5e-324, 1, np.float32(2), np.int64(3)], [0, -1.0, math.inf, math.nan]),
    (NOT_NEGATIVE, [0, 0.0, np.float64(1e308)], [-1e-300, math.inf, math.nan]),
    (FINITE, [-3, 0, 1e308], [math.inf, -math.inf, math.nan]),
    (UNIT, [0, 1, 0.5], [-1e-9, 1.0000001, math.nan]),
    (BELOW_ONE, [0, 0.999], [1, -1e-9, math.nan]),
    (BETWEEN_0_AND_1, [1e-300, 0.999], [0, 1, math.nan]),
    (COUNT, [1, np.uint8(200), 2**70], [0, -1, 1.0, math.nan]),
    (SIZE, [1, 2**31 - 1], [0, 2**31, 1.0]),
    (from_to(-2, 3), [-2, 3.0], [-2.001, 3.001, math.nan]),
    (at_least(0), [0, 7], [-1, 0.0]),
    (or_none(COUNT), [None, 1], [0]),
]


@pytest.mark.parametrize(("rule", "right", "wrong"), CASES, ids=lambda case: getattr(case, "expected", ""))
def test_a_rule_at_its_borders(rule: Rule, right: list[object], wrong: list[object]) -> None:
    """Python's and NumPy's numbers alike; True, text, a list and an array are none."""
    assert [value for value in right if not rule.holds(value)] == []
    wrong = [*wrong, True, np.True_, "1", [1], np.ones(2), 1j]
    assert [value for value in wrong if rule.holds(value)] == []


def test_flags_and_words() -> None:
    assert [FLAG.holds(value) for value in (True, np.False_, 1, 0, None, "True")] == [True, True, *4 * [False]]
    assert [one_of("a", "b").holds(value) for value in ("a", "b", "c", "", None, ["a"], np.ones(2))] == [
        True,
        True,
        *5 * [False],
    ]


def test_the_error_names_who_takes_it_what_came_and_what_was_expected() -> None:
    with pytest.raises(dl.ConfigurationError) as caught:
        check("Dense(3, 0)", SIZE, fan_in=3, fan_out=0)
    assert str(caught.value) == "Dense(3, 0): fan_out=0, expected a positive integer below 2**31"
    with pytest.raises(dl.ConfigurationError) as caught:
        check("", at_least(0), epochs="3")
    assert str(caught.value) == "epochs='3', expected an integer >= 0"
    with pytest.raises(dl.ConfigurationError) as caught:
        check_fields(dl.SGD(0.1), or_none(from_to(1, 2)), "clip_norm", "momentum")
    assert str(caught.value) == "SGD: momentum=0.0, expected a number from 1 to 2 or None"


def test_a_mistyped_word_gets_the_nearest() -> None:
    with pytest.raises(dl.ConfigurationError) as caught:
        check("", one_of("standard", "robust", "none"), scaling="Robst")
    assert str(caught.value) == "scaling='Robst' (did you mean 'robust'?), expected 'standard', 'robust' or 'none'"
