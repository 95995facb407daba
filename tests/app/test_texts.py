"""Texts for files and programs."""

import json
import math

import pytest

import dlcore as dl
from dlcore.app.texts import dumps, utf8


def test_json_has_no_word_for_what_is_not_finite():
    value = {"a": math.nan, "b": [1.5, math.inf, {"c": -math.inf}], "d": "NaN", "e": None, "f": (1, True)}

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(dumps(value, indent=2), parse_constant=refuse)
    assert found == {"a": None, "b": [1.5, None, {"c": None}], "d": "NaN", "e": None, "f": [1, True]}


@pytest.mark.parametrize("path", ["Maße.csv", "Maße.csv".encode().decode("ascii", "surrogateescape")])
def test_a_path_is_utf8_whatever_the_locale_is(path):
    assert utf8(f'a = "{path}"', "config.toml").decode() == 'a = "Maße.csv"'


def test_a_name_that_is_not_utf8_is_refused():
    path = "Maße.csv".encode("latin-1").decode("utf-8", "surrogateescape")
    with pytest.raises(dl.ConfigurationError, match=r"config\.toml is written in UTF-8, and this name is not: a = "):
        utf8(f'b = 1\na = "{path}"', "config.toml")
