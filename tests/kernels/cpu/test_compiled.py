"""How loops are compiled: under names of their own, all alike, on one thread."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from dlcore.kernels import cpu


def test_no_two_loops_share_a_name() -> None:
    """Machine code is found by name, so members of a family have names of their own."""
    from dlcore.kernels.cpu.compiled import Loop

    modules = [m for name, m in sys.modules.items() if name.startswith("dlcore.kernels.cpu") and m]
    values = [v for module in modules for v in vars(module).values()]
    members = [v for d in values if isinstance(d, dict) for v in d.values()]
    loops = {id(v): v for v in (*values, *members) if isinstance(v, Loop)}
    assert len(loops) > 60
    assert len({loop.name for loop in loops.values()}) == len(loops)


SOURCES = sorted(Path(cpu.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_no_kernel_is_parallel(source: Path) -> None:
    """numba's threads fight with those of the BLAS, so no call says parallel=True and nothing is named prange."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    keywords = {k.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for k in node.keywords}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)
    }
    assert "parallel" not in keywords
    assert "prange" not in names


def test_every_loop_is_compiled_alike() -> None:
    """With IEEE division, without bounds checks; sums may be regrouped, NaN and infinity never assumed away."""
    from dlcore.kernels.cpu.compiled import Loop

    loops = [
        loop
        for module in (cpu.activations, cpu.data, cpu.dense, cpu.losses, cpu.normalization, cpu.random, cpu.updates)
        for loop in (
            *vars(module).values(),
            *(v for d in vars(module).values() if isinstance(d, dict) for v in d.values()),
        )
        if isinstance(loop, Loop)
    ]
    assert len(loops) > 50
    for loop in loops:
        options = loop.options
        assert options["error_model"] == "numpy"
        assert not options.get("parallel")
        assert options["fastmath"] <= {"contract", "reassoc", "nsz"}
