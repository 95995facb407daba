"""The algorithm for each matrix product: chosen once by timing, then remembered, so that it is the same from run to run.

Another algorithm may sum in another order and give other bits, so a choice is kept in a file of the user's cache, and in
checkpoints.  It holds for one version of the library on one kind of GPU, its `identity`; on others it is ignored.  A choice from
a file is a hint: the library checks it before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, TypeGuard

import numpy as np

from ...files import write

BYTES = 64  # size of a cublasLtMatmulAlgo_t, which may be stored and read by the same version of the library


class Facts(TypedDict):
    """Chosen algorithms of one version of the library on one kind of GPU, in hexadecimal digits."""

    identity: str
    chosen: dict[str, str]


class Algorithms:
    """Chosen algorithms by key, a text that describes the product."""

    def __init__(self, identity: str, file: Path | None = None) -> None:
        """Read the choices of earlier runs from `file`, if given; new ones are written there."""
        self.identity, self._file = identity, file
        self._chosen: dict[str, bytes] = {}
        self.hint(self._of_this(self._remembered()))

    def get(self, key: str) -> np.ndarray | None:
        """The algorithm chosen for this product, which the caller must check."""
        return np.frombuffer(self._chosen[key], np.uint8).copy() if key in self._chosen else None

    def choose(self, key: str, algorithm: np.ndarray) -> None:
        self._chosen[key] = algorithm.tobytes()
        if self._file is not None:
            known = self._remembered()  # read again: other GPUs and other processes write there, too
            theirs = self._of_this(known)
            known[self.identity] = (theirs["chosen"] if are_facts(theirs) else {}) | self.facts()["chosen"]
            with suppress(OSError):  # without a writable cache the choice is not remembered
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write(self._file, json.dumps(known).encode())

    def _remembered(self) -> dict[str, object]:
        """Choices by identity, from the file; none if it cannot be read."""
        with suppress(OSError, ValueError):
            found = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            return found if isinstance(found, dict) else {}
        return {}

    def _of_this(self, known: Mapping[str, object]) -> dict[str, object]:
        return {"identity": self.identity, "chosen": known.get(self.identity)}

    def facts(self) -> Facts:
        """All choices, as JSON values."""
        return {"identity": self.identity, "chosen": {key: value.hex() for key, value in self._chosen.items()}}

    def hint(self, facts: object) -> None:
        """Use stored choices of this identity, so that a resumed run computes the same bits."""
        if are_facts(facts) and facts["identity"] == self.identity:
            self._chosen |= {key: bytes.fromhex(value) for key, value in facts["chosen"].items()}


def are_facts(facts: object) -> TypeGuard[Facts]:
    """Whether this has the form of Algorithms.facts()."""
    if not isinstance(facts, Mapping) or not isinstance(facts.get("identity"), str):
        return False
    chosen = facts.get("chosen")
    return isinstance(chosen, Mapping) and all(map(_is_algorithm, chosen.values()))


def _is_algorithm(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 2 * BYTES:
        return False
    return all(c in "0123456789abcdef" for c in value)
