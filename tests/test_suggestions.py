"""The word that was probably meant."""

from __future__ import annotations

import pytest

from dlcore.suggestions import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "remark"),
    [
        ("rleu", ["relu", "tanh"], " (did you mean 'relu'?)"),
        ("WAGE", ["age", "wage"], " (did you mean 'wage'?)"),
        ("wage", ["Age", "Wage"], " (did you mean 'Wage'?)"),  # as it is written
        ("xyz", ["relu", "tanh"], ""),
        ("relu", [], ""),
        ("", ["relu"], ""),
    ],
)
def test_the_nearest_known_word_is_named(word: str, known: list[str], remark: str) -> None:
    assert did_you_mean(word, known) == remark
