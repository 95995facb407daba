"""What a layer is without further words."""

from __future__ import annotations

from typing import Any

import pytest

import dlcore as dl


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
