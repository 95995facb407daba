"""Graphs of a computation."""

from __future__ import annotations

import pytest

from dlcore import plotting

pytest.importorskip("matplotlib")


def test_a_graph_shows_its_values() -> None:
    figure = plotting.graph(
        {"x": (0, 0, "x"), "f": (1, 0, "x²")}, [plotting.Edge("x", "f", "3", "6")], title="a square"
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["x", "x²", "", "3", "6"]
