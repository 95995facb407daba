"""The stream of the emulated device: what is started runs at once; while a graph is captured, when the graph is launched.

Whatever a GPU forbids during capture, or what would leave a graph with the address of freed memory, is refused.
"""

from __future__ import annotations

from collections.abc import Callable

Work = Callable[[], None]


class EmulatedStream:
    """Counts what it was told to do."""

    def __init__(self) -> None:
        self.started = self.graphs = self.launched = 0
        self._recording: list[Work] | None = None

    def start(self, work: Work) -> None:
        """A kernel or a product."""
        self.started += 1
        if self._recording is None:
            work()
        else:
            self._recording.append(work)

    def refuse(self, what: str) -> None:
        if self._recording is not None:
            raise RuntimeError(f"{what} while a graph is captured")

    def captured(self, body: Work) -> Work:
        """What body starts, as a graph."""
        self.refuse("a capture")
        self._recording = recording = []
        try:
            body()
        finally:
            self._recording = None
        self.graphs += 1

        def launch() -> None:
            self.launched += 1
            for work in recording:
                work()

        return launch


STREAM = EmulatedStream()
