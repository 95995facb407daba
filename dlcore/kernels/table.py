"""Tables of kernels, and calls of kernels on named buffers: a recorded training step is a list of such calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from ..errors import ContractError
from .contract import Contract, Reference

if TYPE_CHECKING:
    from ..arrays import Array, Namespace


def host_dtype(name: str) -> np.dtype:
    """The dtype of this name as NumPy has it, for bfloat16 from ml_dtypes."""
    if name == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)


class Operand(Protocol):
    """What a kernel is called with: an array, or the buffer that stands for it while a step is recorded."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...


class Kernels(Protocol):
    """Kernels by name, to be called as `k.dense(x, W, b, out=z)`: a kernel table makes the call, a recorder notes it."""

    def __getattr__(self, name: str, /) -> Callable[..., None]: ...

    def named(self, kernel: str, find: Callable[[str], object], /) -> None:
        """Call a kernel with find(argument) for each argument of its contract."""

    def call(self, function: Callable[..., None], /, *inputs: object, out: Operand | tuple[Operand, ...]) -> None:
        """Call a function of the user's own, function(*inputs, out=out), which writes into `out`: one array, or a tuple of them.

        In a step Python calls it, between compiled calls, with arrays of the trainer's device.
        """


Space = Literal["theta", "rounded", "grad", "slot", "state", "sum", "counter", "constant", "scratch", "data"]


@dataclass(frozen=True, eq=False)
class Buffer:
    """A place for an array, known before it is allocated.  Two buffers are equal only if they are one.

    `space` is the memory that it lies in, `path` the part of it:

    theta      the flat parameters: "" is all that are trained, "0.W" the matrix of layer 0
    rounded    the same in 16 bits, where layers compute with those
    grad       the flat gradient, likewise
    slot       an optimizer's flat buffer, by name
    state      what layers change without a gradient, such as "1.mean"
    sum        gradients of several batches before one update
    counter    where training is: progress, fault, scaling
    constant   numbers that follow from a layer's description
    scratch    what a step needs besides: "x" and "delta" are the plan's own, "2.mask" is a layer's
    data       the rows to train on

    A part of a flat buffer names that buffer as `whole`, and the entry that it begins at.
    """

    space: Space
    path: str
    shape: tuple[int, ...]
    dtype: str
    whole: Buffer | None = None
    start: int = 0

    def part(self, start: int, stop: int, path: str | None = None) -> Buffer:
        """Entries start to stop of a flat buffer, by the path of the buffer or by another one."""
        return Buffer(self.space, self.path if path is None else path, (stop - start,), self.dtype, self, start)

    def __str__(self) -> str:
        named = f"{self.space} {self.path}" if self.space in ("grad", "slot") else self.path
        of_whole = self.whole is not None and self.whole.path == self.path
        extent = f"{self.start}:{self.start + self.shape[0]}" if of_whole else ",".join(map(str, self.shape))
        return f"{named.strip() or self.space}[{extent}]"


def _plain(value: object) -> bool:
    """C-contiguous and writable, as far as the array tells: the only layout that plans use and kernels are compiled for."""
    flags = getattr(value, "flags", None)
    return flags is None or bool(flags.c_contiguous and getattr(flags, "writeable", True))


@dataclass(frozen=True, eq=False)
class Kernel:
    """`run(*inputs, out=…)` writes what the contract declares.  `source` is where it comes from: cpu, cuda or reference."""

    name: str
    contract: Contract
    run: Callable[..., None]
    source: str

    def __call__(self, *inputs: object, out: object) -> None:
        """Check the call against the contract, then run it.  A recorded step checks once, when it is recorded.

        Inputs may have any layout; a fast kernel gets a C-contiguous copy of any input that is not.
        """
        outputs = out if isinstance(out, tuple) else (out,)
        self.contract.check(self.name, inputs, outputs)
        for argument, value in zip(self.contract.outputs, outputs, strict=True):
            if not _plain(value):
                raise ContractError(f"{self.name}: output {argument.name} must be C-contiguous and writable")
        if self.source != "reference":
            inputs = tuple(v.copy() if hasattr(v, "copy") and not _plain(v) else v for v in inputs)
        self.run(*inputs, out=out)


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel and the buffers and numbers it is called with."""

    kernel: Kernel
    inputs: tuple[object, ...]
    outputs: tuple[Buffer, ...]

    @property
    def name(self) -> str:
        return self.kernel.name

    @property
    def on_host(self) -> bool:
        """The kernel has no compiled code: Python makes the call."""
        return self.kernel.source == "reference"

    def bind(self, array: Callable[[Buffer], Array]) -> BoundCall:
        """The call on real arrays."""
        inputs = tuple(array(v) if isinstance(v, Buffer) else v for v in self.inputs)
        return BoundCall(self.kernel, inputs, tuple(array(v) for v in self.outputs))

    @property
    def operations(self) -> int:
        """Floating point operations: 2 n i o for a matrix product, whose contract has three sizes; 0 for other kernels, which
        are negligible beside it."""
        sizes: dict[str, int] = {}
        for argument, value in zip(self.kernel.contract.inputs, self.inputs, strict=True):
            if isinstance(value, Buffer):
                sizes |= {d: n for d, n in zip(argument.dims or (), value.shape, strict=True) if d.islower()}
        return 2 * math.prod(sizes.values()) if len(sizes) == 3 else 0

    def __str__(self) -> str:
        """Buffers with their shapes, numbers with their names; `*` marks what is updated in place."""
        contract = self.kernel.contract
        words = []
        for argument, value in zip(contract.inputs, self.inputs, strict=True):
            if isinstance(value, Buffer):
                words.append(f"{value}{'*' if argument.name in contract.updated else ''}")
            else:
                words.append(f"{argument.name}={value:g}" if isinstance(value, float) else f"{argument.name}={value}")
        named = zip(contract.outputs, self.outputs, strict=True)
        written = [str(value) for argument, value in named if argument.name not in contract.updated]
        return " ".join(words + (["->", *written] if written else []))

    def buffers(self) -> Iterator[Buffer]:
        yield from (v for v in (*self.inputs, *self.outputs) if isinstance(v, Buffer))


class BoundCall:
    """A kernel and the arrays and numbers it is called with; calling it takes no arguments."""

    __slots__ = ("inputs", "kernel", "out", "outputs", "run")

    def __init__(self, kernel: Kernel, inputs: tuple[object, ...], outputs: tuple[Array, ...]) -> None:
        self.kernel, self.inputs, self.outputs = kernel, inputs, outputs
        self.run, self.out = kernel.run, outputs[0] if len(outputs) == 1 else outputs

    @property
    def on_host(self) -> bool:
        """The kernel has no compiled code: Python makes the call."""
        return self.kernel.source == "reference"

    def __call__(self) -> None:
        self.run(*self.inputs, out=self.out)


Run = Callable[[int], None]  # make all calls, a number of times


class Segment(NamedTuple):
    """Neighbouring calls of a list that run in the same way: `by` the worker, in a graph, or by the host, and why."""

    by: str
    calls: Sequence[Call]
    reason: str = ""


class Executor(Protocol):
    """A way to run a list of calls.  `reason` says why it is not a faster one."""

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...

    def prepare(self, calls: Sequence[BoundCall], operations: float) -> Run:
        """A function that runs them; `operations` are the floating point operations of a whole step."""

    def limits(self, operations: float) -> AbstractContextManager[object]:
        """A context to stay in while steps of that size run, so that it need not be entered for each."""

    def segments(self, calls: Sequence[Call]) -> list[Segment]:
        """The list, cut where the way to run it changes."""


class KernelTable(Mapping[str, Kernel]):
    """The kernels of one device: its own where it has them, the reference elsewhere.  `table.dense(x, W, b, out=z)` runs one.

    `executor(calls)` picks the way to run a list of their calls; `reason` says why fast kernels are missing, if they are.
    """

    def __init__(
        self,
        kernels: Mapping[str, Kernel],
        device: str,
        executor: Callable[[Sequence[Call]], Executor],
        reason: str = "",
    ) -> None:
        self._kernels = dict(kernels)
        self.device, self.executor, self.reason = device, executor, reason

    @classmethod
    def of(
        cls,
        xp: Namespace,
        reference: Mapping[str, Reference],
        fast: Mapping[str, Callable[..., None]],
        source: str,
        executor: Callable[[Sequence[Call]], Executor],
        *,
        device: str = "",
        reason: str = "",
    ) -> KernelTable:
        """The `fast` kernels, and the `reference` on the namespace xp where there is no fast one; `device` is `source` by default."""
        kernels = {}
        for name, f in reference.items():
            run = fast.get(name)
            kernels[name] = Kernel(name, f.contract, run or writing(f, xp), source if run else "reference")
        return cls(kernels, device or source, executor, reason)

    def run_by(self, executor: Callable[[Sequence[Call]], Executor]) -> KernelTable:
        """The same kernels, run in another way."""
        return KernelTable(self._kernels, self.device, executor, self.reason)

    def __getitem__(self, name: str) -> Kernel:
        return self._kernels[name]

    def __getattr__(self, name: str) -> Kernel:
        try:
            return self._kernels[name]
        except KeyError:
            raise AttributeError(f"no kernel {name!r}") from None

    def named(self, kernel: str, find: Callable[[str], object]) -> None:
        """Call a kernel with find(argument) for each argument of its contract."""
        contract = self._kernels[kernel].contract
        inputs, outputs = ([find(a.name) for a in side] for side in (contract.inputs, contract.outputs))
        self._kernels[kernel](*inputs, out=tuple(outputs))

    def call(self, function: Callable[..., None], *inputs: object, out: Operand | tuple[Operand, ...]) -> None:
        """Call a function of the user's own."""
        function(*inputs, out=out)

    def __iter__(self) -> Iterator[str]:
        return iter(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)


def writing(reference: Reference, xp: Namespace) -> Callable[..., None]:
    """Turn a pure reference kernel into one that writes into `out`."""

    def run(*inputs: object, out: Array | tuple[Array, ...]) -> None:
        results = reference(xp, *inputs)
        if not isinstance(out, tuple):
            out, results = (out,), (results,)
        # copied: a result may be one of the inputs, which another output is about to overwrite
        results = [xp.asarray(r, copy=True) if len(out) > 1 and any(r is v for v in inputs) else r for r in results]
        for buffer, result in zip(out, results, strict=True):
            buffer[...] = result

    return run
