"""Where parameters lie in the flat buffer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dlcore.kernels.rng import Stream
from dlcore.layers.initializers import Constant, Normal
from dlcore.layers.parameters import ALIGNMENT, Layout, Parameter

ENTRIES = {
    "0.W": Parameter((3, 50), Normal(1.0), matrix=True),
    "0.b": Parameter((50,), Constant(2.0)),
    "1.W": Parameter((50, 2), Normal(1.0), matrix=True, trainable=False),
    "1.b": Parameter((2,), Constant(3.0), trainable=False),
    "2.W": Parameter((2, 2), Normal(1.0), matrix=True),
}
LAYOUT = Layout(ENTRIES.items())


def test_matrices_come_first_and_frozen_parameters_last() -> None:
    """What l2 applies to is a prefix, and so is what is trained."""
    assert sorted(LAYOUT.starts, key=LAYOUT.starts.__getitem__) == ["0.W", "2.W", "0.b", "1.W", "1.b"]
    assert LAYOUT.matrices == LAYOUT.starts["0.b"]
    assert LAYOUT.trainable == LAYOUT.starts["1.W"]
    assert LAYOUT.trainable_names == ["0.W", "0.b", "2.W"]


def test_every_view_begins_on_a_boundary() -> None:
    """Views are disjoint, and the buffer is whole blocks."""
    assert all(start % ALIGNMENT == 0 for start in (*LAYOUT.starts.values(), LAYOUT.size))
    taken = sorted((LAYOUT.starts[name], LAYOUT.starts[name] + p.size) for name, p in ENTRIES.items())
    assert all(stop <= start for (_, stop), (start, _) in pairwise(taken))
    assert LAYOUT.count == 150 + 50 + 100 + 2 + 4


def test_a_view_is_a_part_of_the_buffer() -> None:
    flat = np.zeros(LAYOUT.size)
    view = LAYOUT.view(np, flat, "0.W")
    view[...] = 1
    assert view.shape == (3, 50)
    assert flat.sum() == 150


def test_initial_values_are_those_of_the_rules_and_the_padding_is_zero() -> None:
    """Each parameter draws from the stream of its own number, in the order of declaration."""
    flat = LAYOUT.initial(lambda i: Stream(7, i))
    for i, (name, parameter) in enumerate(ENTRIES.items()):
        expected = parameter.initial(Stream(7, i), parameter.shape)
        np.testing.assert_array_equal(LAYOUT.view(np, flat, name), expected)
        LAYOUT.view(np, flat, name)[...] = 0
    assert not flat.any()


def test_sizes_of_numpy_are_integers() -> None:
    """They are written to JSON."""
    shape = Parameter((np.int64(3), np.int32(2)), Constant(0.0)).shape  # type: ignore[arg-type]
    assert [type(n) for n in shape] == [int, int]
