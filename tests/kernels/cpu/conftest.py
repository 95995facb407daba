"""Blocks of the worker's table that are as small as they can be."""

from __future__ import annotations

import pytest


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small arrays have many blocks, with a ragged last one."""
    lowering = pytest.importorskip("dlcore.kernels.cpu.lowering")
    for name, value in (("_WIDE", 16), ("_ROWS", 4), ("_RUN", 4), ("_TINY", 8), ("_SMALL_PRODUCT", 0)):
        monkeypatch.setattr(lowering, name, value)
