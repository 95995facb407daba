"""What all tests share: with pytest-xdist, which of them run in one worker."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dlcore.kernels import reference

from .kernel_contracts import family


def group(test: str) -> str:
    """Tests of one family of kernels share compiled loops, those of the cache share processes; all others are free."""
    parameters = re.search(r"\[(.*)\]", test)
    for word in parameters[1].split("-") if parameters else ():
        if word in reference.KERNELS:
            return family(word)
    if "test_compiled.py" in test:
        return "cache"
    return "torch" if "torch" in test else test  # imported once: it takes seconds


# xdist's own --dist loadgroup has no effect with pytest 9.2: it renames tests by an attribute that is gone
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFamily(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByFamily(config, log)
