"""Models as descriptions: widths, names, initializers, and what does not fit together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import dlcore as dl
from dlcore.layers.initializers import Constant, GlorotUniform, HeNormal, LeCunNormal

MODEL = dl.Sequential(dl.Dense(4, 3), dl.ReLU(), dl.BatchNorm(3), dl.Dense(3, 2, bias=False))


def test_widths_are_the_columns_between_layers() -> None:
    assert MODEL.widths == (4, 3, 3, 3, 2)
    assert (MODEL.input_width, MODEL.output_width) == (4, 2)


def test_the_first_width_follows_from_a_later_layer() -> None:
    """Elementwise layers and dropout take as many columns as they give."""
    assert dl.Sequential(dl.Tanh(), dl.Dropout(0.1), dl.Dense(5, 2)).widths == (5, 5, 5, 2)


def test_equal_descriptions_are_equal() -> None:
    """And read back from their text."""
    again = eval(repr(MODEL), vars(dl) | {"HeNormal": HeNormal, "GlorotUniform": GlorotUniform, "Constant": Constant})
    assert again == MODEL
    assert hash(again) == hash(MODEL)
    assert dl.Sequential(*MODEL.layers[:-1], dl.Dense(3, 2)) != MODEL


def test_names_are_paths() -> None:
    assert list(MODEL.parameters()) == ["0.W", "0.b", "2.gamma", "2.beta", "3.W"]
    assert list(MODEL.state()) == ["2.mean", "2.variance"]
    assert (len(MODEL), MODEL[1], list(MODEL)[1]) == (4, dl.ReLU(), dl.ReLU())


@pytest.mark.parametrize(
    ("after", "rule"),
    [
        ([dl.ReLU()], HeNormal()),
        ([dl.LeakyReLU()], HeNormal()),
        ([dl.GELU()], HeNormal()),
        ([dl.SELU()], LeCunNormal()),
        ([dl.Tanh()], GlorotUniform()),
        ([dl.Sigmoid(), dl.ReLU()], GlorotUniform()),
        ([dl.BatchNorm(3), dl.Dropout(0.2), dl.ReLU()], HeNormal()),
        ([], GlorotUniform()),
        ([dl.Dense(3, 3), dl.ReLU()], GlorotUniform()),
    ],
    ids=str,
)
def test_a_dense_layer_starts_as_suits_the_next_activation(after: list[dl.Layer], rule: object) -> None:
    """He et al. (2015) before ReLU and its kin, Klambauer et al. (2017) before SELU, Glorot & Bengio (2010) otherwise."""
    assert dl.Sequential(dl.Dense(4, 3), *after)[0].init == rule  # type: ignore[attr-defined]
    assert dl.Sequential(dl.Residual(dl.Dense(3, 3), *after))[0].layers[0].init == rule  # type: ignore[attr-defined]


def test_an_initializer_that_is_given_stays() -> None:
    assert dl.Sequential(dl.Dense(4, 3, init=Constant(0.5)), dl.ReLU())[0].init == Constant(0.5)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.Sequential(), "expected at least one layer"),
        (lambda: dl.Sequential(dl.Dense(2, 3), dl.ReLU), "layer 1 is .*ReLU.*, not a layer: write it with parentheses"),  # type: ignore[arg-type]
        (lambda: dl.Sequential(dl.Dense(2, 3), "relu"), "layer 1 is 'relu', not a layer$"),  # type: ignore[arg-type]
        (
            lambda: dl.Sequential(dl.Tanh(), dl.Dropout(0.1)),
            "no layer says how many columns come in; add a Dense layer",
        ),
        (lambda: dl.Sequential(dl.Dense(2, 3), dl.Dense(4, 1)), "layer 1, Dense, expects 4 columns, and gets 3"),
        (
            lambda: dl.Sequential(dl.Tanh(), dl.Embedding((0,), (3,), 2)),
            "layer 1 is Embedding, which must be the first",
        ),
    ],
)
def test_what_does_not_fit_together(make: Callable[[], object], message: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=message):
        make()
