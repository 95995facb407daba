"""What a layer is without further words; arguments of layers that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.layer import flag, in_range, positive_size


def test_a_layer_without_further_words() -> None:
    """Any number of columns, as many out; nothing is trained or kept."""
    layer = dl.Layer()
    assert (layer.input_width, layer.output_width(7), layer.input_width_for(7)) == (None, 7, 7)
    assert [layer.parameters(), layer.state(), layer.constants(7), layer.scratch(5, 7)] == [{}] * 4
    assert not layer.trainable_parameters


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_layer_that_does_not_say_how_is_named(way: str) -> None:
    class Half(dl.Layer):
        pass

    arguments: list[Any] = [None] * (4 if way == "forward" else 6)
    with pytest.raises(TypeError, match=f"Half does not say how to go {way}"):
        getattr(Half(), way)(*arguments)


@pytest.mark.parametrize("size", [0, -1, 2**31, 1.0, True, "3", None])
def test_a_size_is_a_positive_integer(size: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match=r"Owner: width=.*expected a positive integer below"):
        positive_size("Owner", width=size)
    positive_size("Owner", width=np.int32(3))


@pytest.mark.parametrize("value", [1, 0, None, "no"])
def test_a_flag_is_true_or_false(value: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match=r"Owner: bias=.*expected True or False"):
        flag("Owner", bias=value)
    flag("Owner", bias=np.False_)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True, None])
def test_a_number_lies_in_its_range(value: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match=r"Owner: rate=.*expected a number from 0 to 1"):
        in_range("Owner", 0, 1, rate=value)
    for good in (0, 1, np.float32(0.5)):
        in_range("Owner", 0, 1, rate=good)
