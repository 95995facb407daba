"""A program: lists of recorded calls under names, which prints itself, and becomes functions when it is bound to arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..arrays import Array
from ..kernels.table import Buffer, Call, KernelTable, Run, Segment

Bound = dict[str, Run]


class Program:
    """Lists of calls of one kernel table, in the order in which they run.

    buffers    those that are filled or read from outside, by name
    executor   runs the calls; segments  the calls as it cuts them, where some have no compiled code
    notes      lines that are printed below the calls
    """

    def __init__(
        self,
        title: str,
        kernels: KernelTable,
        lists: Mapping[str, list[Call]],
        buffers: Mapping[str, Buffer] | None = None,
    ) -> None:
        self.title, self.kernels, self.lists, self.buffers = title, kernels, dict(lists), dict(buffers or {})
        self.executor = kernels.executor(self.calls)
        self.notes: tuple[str, ...] = ()
        # floating point operations of the matrix products
        self.operations = sum(call.operations for call in self.calls)

    @property
    def calls(self) -> list[Call]:
        return [call for calls in self.lists.values() for call in calls]

    @property
    def segments(self) -> list[Segment]:
        return self.executor.segments(self.calls)

    def bind(self, array: Callable[[Buffer], Array]) -> Bound:
        """Each list, and all of them in order ("step"), as a function of how often to run it."""
        bound = {name: [call.bind(array) for call in calls] for name, calls in self.lists.items()}
        bound["step"] = [call for calls in bound.values() for call in calls]
        return {name: self.executor.prepare(calls, self.operations) for name, calls in bound.items()}

    def __str__(self) -> str:
        segments = self.segments
        cut = f", {len(segments)} segments" if len(segments) > 1 else ""
        executor = f"executor {self.executor.name}, {len(self.calls)} calls{cut}"
        lines = [f"{self.title}, device {self.kernels.device}, {executor}"]
        begins = {id(segment.calls[0]): segment for segment in segments} if cut else {}
        number = 0
        for name, calls in self.lists.items():
            lines += [f"{name}:"] if calls else []
            for call in calls:
                number += 1
                if segment := begins.get(id(call)):
                    lines.append(
                        f"  {segment.by}" + (f": no compiled kernel for {segment.reason}" if segment.reason else "")
                    )
                lines.append(f"{number:3d} {call.name:28s} {call.kernel.source:9s} {call}")
        lines.append("* updated in place")
        if any(call.on_host for call in self.calls):
            lines.append(f"reference kernels: {self.kernels.reason or 'they have no faster twin on this device'}")
        if self.executor.reason:
            lines.append(f"executor {self.executor.name}: {self.executor.reason}")
        return "\n".join([*lines, *self.notes])
