"""The callbacks of one call of fit, told in order, and their states for a checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from .callbacks import Callback, Saved


@dataclass(frozen=True)
class CallbackState:
    """One callback: the name of its class, its state, whether it knows of the last chunk's or epoch's end, and wants to stop."""

    name: str
    state: Saved
    informed: bool
    stops: bool


@dataclass(frozen=True)
class CallbackStates:
    """What a checkpoint says of the callbacks of a fit.

    phase   "chunk" or "epoch", whichever ended last, "" before the first; logs  the numbers of that epoch
    """

    each: Sequence[CallbackState]
    phase: str = ""
    logs: Mapping[str, float] = field(default_factory=dict)


class Listeners:
    """Tells callbacks of a fit of `trainer`; those that have begun also end, even if another one fails to.

    `before` are the states that callbacks of these classes had in the run that is resumed.
    """

    def __init__(self, trainer: object, callbacks: Sequence[Callback], before: CallbackStates | None = None) -> None:
        self._trainer, self._callbacks = trainer, list(callbacks)
        self._begun: list[Callback] = []
        self._before = before  # until it is loaded
        self._phase, self._logs = "", dict[str, float]()
        self._informed, self._stopping = set[Callback](), set[Callback]()

    def fit_begin(self) -> None:
        for callback in self._callbacks:
            callback.on_fit_begin(self._trainer)
            self._begun.append(callback)
        if self._before is not None:
            self._load(self._before)
            self._before = None

    def _load(self, before: CallbackStates) -> None:
        """Each state goes to a callback of its class, one that watches the same number before others.

        A warning names what is left on either side: decisions may be others than without the pause.
        """
        left, lost = list(self._callbacks), []
        self._phase, self._logs = before.phase, dict(before.logs)
        for saved in before.each:
            same = [each for each in left if type(each).__name__ == saved.name]
            same.sort(key=lambda each: getattr(each, "monitor", None) != saved.state.get("monitor"))
            if not same:
                lost += [saved.name] if saved.state else []
                continue
            left.remove(same[0])
            same[0].load_state(saved.state)
            self._informed |= {same[0]} if saved.informed else set()
            self._stopping |= {same[0]} if saved.stops else set()
        self._informed |= set(left)  # new ones are told of what comes
        new = [type(each).__name__ for each in left if each.state()]
        if lost or new:
            what = [f"without {', '.join(lost)}, whose state was saved"] if lost else []
            what += [f"with {', '.join(new)}, whose state was not"] if new else []
            warnings.warn(f"fit is resumed {' and '.join(what)}: decisions may be others", stacklevel=6)

    def chunk_end(self) -> None:
        self._begin("chunk", {})
        self._tell()

    def epoch_end(self, logs: Mapping[str, float]) -> bool:
        """Whether one of them wants to stop; each is told."""
        self._begin("epoch", logs)
        return self._tell()

    def _begin(self, phase: str, logs: Mapping[str, float]) -> None:
        self._phase, self._logs = phase, dict(logs)
        self._informed.clear()
        self._stopping.clear()

    def catch_up(self) -> bool:
        """Call the callbacks that had not been called when the checkpoint was written; whether one wants to stop."""
        return self._tell()

    def _tell(self) -> bool:
        for callback in self._callbacks if self._phase else ():
            if callback in self._informed:
                continue
            self._informed.add(
                callback
            )  # first: a checkpoint that it writes now is one with its own decision behind it
            if self._phase == "chunk":
                callback.on_chunk_end(self._trainer)
            elif callback.on_epoch_end(self._trainer, self._logs):
                self._stopping.add(callback)
        return bool(self._stopping)

    def fit_end(self) -> None:
        with ExitStack() as ends:
            for callback in reversed(self._begun):  # the last entered is called first
                ends.callback(callback.on_fit_end, self._trainer)

    def states(self) -> CallbackStates:
        """What a checkpoint stores."""
        if self._before is not None:  # its states are not theirs yet
            return self._before
        each = [
            CallbackState(type(c).__name__, c.state(), c in self._informed, c in self._stopping)
            for c in self._callbacks
        ]
        return CallbackStates(each, self._phase, self._logs)
