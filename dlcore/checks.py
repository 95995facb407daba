"""What users may give as an argument: the rules, and the one error that names the argument, what came and what was expected.

Numbers, integers and flags are Python's and NumPy's; True and False are not numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import NamedTuple, TypeGuard

import numpy as np

from .errors import ConfigurationError
from .suggestions import did_you_mean


def is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_schedule(value: object) -> bool:
    """A function step -> factor, or None."""
    return value is None or (callable(value) and not isinstance(value, type))


def is_flag(value: object) -> TypeGuard[bool]:
    return isinstance(value, (bool, np.bool_))


class Rule(NamedTuple):
    """What an argument must be, in words and as a test; `words` are those to suggest for a mistyped one."""

    expected: str
    holds: Callable[[object], bool]
    words: tuple[str, ...] = ()


POSITIVE = Rule("a positive number", lambda x: is_number(x) and 0 < x < math.inf)
NOT_NEGATIVE = Rule("a number >= 0", lambda x: is_number(x) and 0 <= x < math.inf)
FINITE = Rule("a finite number", lambda x: is_number(x) and math.isfinite(x))
UNIT = Rule("a number from 0 to 1", lambda x: is_number(x) and 0 <= x <= 1)
BELOW_ONE = Rule("a number from 0 up to, not including, 1", lambda x: is_number(x) and 0 <= x < 1)
BETWEEN_0_AND_1 = Rule("a number between 0 and 1", lambda x: is_number(x) and 0 < x < 1)
COUNT = Rule("a positive integer", lambda x: is_integer(x) and x >= 1)
SIZE = Rule("a positive integer below 2**31", lambda x: is_integer(x) and 1 <= x < 2**31)
FLAG = Rule("True or False", is_flag)
SCHEDULE = Rule("a function step -> factor", is_schedule)


def from_to(low: float, high: float) -> Rule:
    """A number of a closed interval."""
    return Rule(f"a number from {low:g} to {high:g}", lambda x: is_number(x) and low <= x <= high)


def at_least(least: int) -> Rule:
    """An integer from `least` on."""
    return Rule(f"an integer >= {least}", lambda x: is_integer(x) and x >= least)


def one_of(*words: str) -> Rule:
    """One of two words or more."""
    *first, last = map(repr, words)
    return Rule(f"{', '.join(first)} or {last}", lambda x: isinstance(x, str) and x in words, words)


def or_none(rule: Rule) -> Rule:
    return rule._replace(expected=f"{rule.expected} or None", holds=lambda x: x is None or rule.holds(x))


def check(owner: str, rule: Rule, /, **values: object) -> None:
    """Raise ConfigurationError, "owner: name=value, expected …", unless the rule holds for each value; see `refused`."""
    for name, value in values.items():
        if not rule.holds(value):
            raise refused(owner, name, value, rule.expected, rule.words)


def check_fields(description: object, rule: Rule, *names: str) -> None:
    """`check` for fields of a description, whose class is the owner."""
    check(type(description).__name__, rule, **{name: getattr(description, name) for name in names})


def refused(owner: str, name: str, value: object, expected: str, words: tuple[str, ...] = ()) -> ConfigurationError:
    """The error for an argument: who takes it ("" if that is plain), what came, the nearest of `words`, what was expected."""
    before = f"{owner}: " if owner else ""
    return ConfigurationError(f"{before}{name}={value!r}{did_you_mean(str(value), words)}, expected {expected}")
