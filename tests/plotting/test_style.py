"""How pictures look, and what is said where they cannot be drawn."""

from __future__ import annotations

import builtins

import pytest

from dlcore import plotting

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
