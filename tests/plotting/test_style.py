"""How pictures look, and what is said where they cannot be drawn."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from dlcore import plotting
from dlcore.plotting import style

pytest.importorskip("matplotlib")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r'pip install "dlcore\[plot\]"'):
        plotting.panels(1)


def test_the_first_28_lines_look_different() -> None:
    """Seven colours, then the same with other dashes."""
    styles = [tuple(style.line_style(i).values()) for i in range(28)]
    assert len(set(styles)) == 28
    assert {dashes for _, dashes in styles[:7]} == {"-"}


def test_no_colour_is_hidden_by_white_paper() -> None:
    """In grey (Rec. 709) all are darker than 0.7; the yellow of Okabe & Ito, which is left out, has 0.86."""
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in style.COLORS])
    assert (rgb @ [0.2126, 0.7152, 0.0722] < 0.7).all()


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, None, 1), (3, None, 1), (4, None, 2), (4, 2, 2), (7, 3, 3)])
def test_panels_stand_in_rows(count: int, columns: int | None, rows: int) -> None:
    figure, axes = plotting.panels(count, columns, width=2, height=1)
    assert len(axes) == len(figure.axes) == count
    assert figure.get_size_inches().tolist() == [2 * min(count, columns or 3), rows]


def test_axes_in_a_part_of_a_figure_give_the_whole() -> None:
    """A SubFigure cannot be saved alone."""
    from matplotlib.figure import Figure

    whole = Figure()
    axes = whole.subfigures(1, 2)[1].subfigures(2, 1)[0].add_subplot()
    assert plotting.lines({"": [1.0, 2.0]}, xlabel="x", ylabel="y", axes=axes) is whole


def test_a_picture_is_a_png() -> None:
    """Bytes 16 to 24 are width and height: 4 by 3 inches, with a margin of at most a tenth of an inch on each side."""
    data = style.png(style.new_figure(4, 3), dpi=50)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    assert 200 <= width <= 210
    assert 150 <= height <= 160
