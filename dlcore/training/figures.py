"""Figures as people read them: the same digits on the live line, in tables and in messages."""

from __future__ import annotations


def shown(name: str, value: float | None) -> str:
    """Four significant digits, or a percentage for what is called accuracy; "-" for None."""
    if value is None:
        return "-"
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"
