"""Kernels by name, and a call of a kernel on named buffers: the words that a recorded training step is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..contract import Contract


@dataclass(frozen=True, eq=False)
class Buffer:
    """A place for an array, known before it is allocated.  Two buffers are equal only if they are one."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True, eq=False)
class Kernel:
    """`run(*inputs, out=…)` writes what the contract declares.  `source` says whose it is: cpu, cuda or reference."""

    name: str
    contract: Contract
    run: Callable[..., None]
    source: str

    def __call__(self, *inputs: Any, out: Any) -> None:
        """Check the call against the contract, then make it.  A recorded step checks once, when it is recorded."""
        self.contract.check(self.name, inputs, out if isinstance(out, tuple) else (out,))
        self.run(*inputs, out=out)


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel and the buffers and numbers it is called with."""

    kernel: Kernel
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def name(self) -> str:
        return self.kernel.name

    def bind(self, array: Callable[[Buffer], Any]) -> Callable[[], None]:
        """The call on real arrays, as a function without arguments."""
        inputs = tuple(array(v) if isinstance(v, Buffer) else v for v in self.inputs)
        outputs = tuple(array(v) for v in self.outputs)
        run, out = self.kernel.run, outputs[0] if len(outputs) == 1 else outputs
        return lambda: run(*inputs, out=out)

    def buffers(self) -> Iterator[Buffer]:
        yield from (v for v in (*self.inputs, *self.outputs) if isinstance(v, Buffer))


class KernelTable(Mapping[str, Kernel]):
    """The kernels of one backend: its own where it has them, the reference elsewhere.  `table.dense(x, W, b, out=z)` runs one."""

    def __init__(self, kernels: Mapping[str, Kernel]) -> None:
        self._kernels = dict(kernels)

    @classmethod
    def of(cls, xp: Any, reference: Mapping[str, Any], fast: Mapping[str, Any], source: str) -> KernelTable:
        """`fast` kernels over the `reference` on the namespace xp."""
        kernels = {}
        for name, f in reference.items():
            run = fast.get(name)
            kernels[name] = Kernel(name, f.contract, run or writing(f, xp), source if run else "reference")
        return cls(kernels)

    def __getitem__(self, name: str) -> Kernel:
        return self._kernels[name]

    def __getattr__(self, name: str) -> Kernel:
        try:
            return self._kernels[name]
        except KeyError:
            raise AttributeError(f"no kernel {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)


def writing(reference: Any, xp: Any) -> Callable[..., None]:
    """A pure reference kernel, as one that writes into `out`."""

    def run(*inputs: Any, out: Any) -> None:
        results = reference(xp, *inputs)
        if not isinstance(out, tuple):
            out, results = (out,), (results,)
        # a result that is an input itself comes first: the input may be overwritten by another result
        pairs = zip(out, results, strict=True)
        for buffer, result in sorted(pairs, key=lambda pair: all(pair[1] is not v for v in inputs)):
            buffer[...] = result

    return run
