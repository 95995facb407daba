"""SIGINT and SIGTERM: where they wait so that no step is left half done, and where they must not be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self


class DeferredInterrupt(KeyboardInterrupt):
    """What a signal that was noted raises."""


class DeferredSignals:
    """Inside `with`, these signals are noted instead of acted on: `number` is the first that came, or 0.

    A second SIGINT raises KeyboardInterrupt at once.  Only in the main thread, and only signals that have the meaning they
    have when Python starts, or that ProgramSignals gives them; others, ignored ones among them, are left to their handlers.
    """

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.number = numbers, 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        import signal  # here and below: `import dlcore` is quicker without
        import threading

        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for number in self.numbers:
                handler = signal.getsignal(number)
                program = _owner(handler, ProgramSignals)
                if program or handler in (signal.SIG_DFL, signal.default_int_handler):
                    self._previous[number] = signal.signal(number, self._note)
                self.number = self.number or (program.number if program else 0)
        return self

    def __exit__(self, *exception: object) -> None:
        import signal

        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        import signal

        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number

    def check(self) -> None:
        """Raise DeferredInterrupt if one came."""
        if self.number:
            raise DeferredInterrupt


class ProgramSignals(DeferredSignals):
    """Inside `with`, these signals raise KeyboardInterrupt at once, and are noted too.

    An exception may be lost in an import, a destructor or a library's `except`; `check`, and `number` at the end, find it.
    """

    def _note(self, number: int, frame: object) -> None:
        self.number = self.number or number
        # not KeyboardInterrupt itself: where one leaves an exec(), Python ends itself by SIGINT later, whatever main returns
        raise DeferredInterrupt


def check_interrupt() -> None:
    """Raise DeferredInterrupt if a signal was noted: to be called where much time has passed and nothing is half done."""
    import signal
    import threading

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signals := _owner(signal.getsignal(number), DeferredSignals):
                signals.check()


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Inside, the first SIGINT waits until the given function is called, or for the end; a second one interrupts at once."""
    import signal

    with DeferredSignals(signal.SIGINT) as signals:
        yield signals.check
    signals.check()


def _owner(handler: Any, kind: Any) -> Any:
    """The object of this kind whose method handles a signal, or None."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, kind) else None
