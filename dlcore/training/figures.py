"""Figures as people read them: the same digits on the live line, in tables and in messages."""

from __future__ import annotations

from ..losses.classification import Binary
from ..plan.recipe import Recipe


def shown(name: str, value: float | None) -> str:
    """Four significant digits, or a percentage for what is called accuracy; "-" for None."""
    if value is None:
        return "-"
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def label(name: str, all_labels: bool) -> str:
    """The name of a figure; it says so where the accuracy of a row with several labels asks for all of them."""
    return f"{name} (all labels)" if all_labels and name.endswith("accuracy") else name


def asks_for_all_labels(recipe: Recipe) -> bool:
    """Whether a row has several labels, each right or wrong, and counts as right only with all of them."""
    return isinstance(recipe.loss, Binary) and recipe.model.output_width > 1
