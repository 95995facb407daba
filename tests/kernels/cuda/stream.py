"""The stream of the emulated device: work runs at once, or, while a graph is captured, when the graph is launched.

It refuses everything that a GPU forbids during capture, or that would leave a graph with the address of freed memory.
"""

from __future__ import annotations

from collections.abc import Callable

Work = Callable[[], None]


class EmulatedStream:
    """Counts graphs and their launches."""

    def __init__(self) -> None:
        self.graphs = self.launched = 0
        self._recording: list[Work] | None = None
        self._aside: list[Work] = []
        self._capturing = self._forked = False

    def fork(self, body: Work) -> None:
        """Delay the work that body launches as long as possible, until something waits for it."""
        main, self._recording, self._forked = self._recording, self._aside, True
        try:
            body()
        finally:
            self._recording, self._forked = main, False

    def wait(self) -> None:
        """Wait for the work of the current stream, which runs delayed work now."""
        if self._forked:
            self._recording = None
            self.join()
            self._recording = self._aside

    def join(self) -> None:
        late, self._aside = self._aside, []
        for work in late:
            self.start(work)

    def start(self, work: Work) -> None:
        """Launch a kernel or a product."""
        if self._recording is None:
            work()
        else:
            self._recording.append(work)

    def refuse(self, what: str) -> None:
        if self._capturing:
            raise RuntimeError(f"{what} while a graph is captured")

    def begin(self) -> None:
        """Begin a capture: work launched from now on goes into a graph."""
        self.refuse("a capture")
        self._recording, self._capturing = [], True

    def end(self) -> Work:
        """End the capture and return the launch of the graph."""
        recording, self._recording, self._capturing = self._recording or [], None, False
        self.graphs += 1

        def launch() -> None:
            self.launched += 1
            for work in recording:
                work()

        return launch

    def captured(self, body: Work) -> Work:
        """The work that body launches, captured as a graph."""
        self.begin()
        try:
            body()
        except BaseException:
            self._recording, self._capturing = None, False
            raise
        return self.end()


STREAM = EmulatedStream()
