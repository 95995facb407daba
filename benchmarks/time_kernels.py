"""Each fast kernel against its reference, and against a floor: the cost of moving its arrays, or of its matrix product.

Arguments come from the contracts.  The floor of a kernel is the time of a pass, a ← 1 · a by one thread, that reads and writes
as many bytes as the kernel; for a kernel with a product it is the bare product, if that takes longer.  The pass is repeated
like the kernel, so arrays that fit into a cache are compared with a pass within that cache.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import clocks
import numpy as np
import record
import tables
from rounds import Spread, interleaved, ratios

from dlcore.backends.backend import Backend
from dlcore.kernels import reference
from dlcore.kernels.blas import ONE_BLAS_THREAD
from dlcore.kernels.contract import Argument, Contract
from dlcore.kernels.table import Kernel, writing

# sizes for the letters of the contracts: rows, fan-in, fan-out, columns, classes or outputs, parameters, data rows, tables
# of the schedule and of losses, columns of codes, tables of embeddings; other letters get UNKNOWN
SIZES = {
    "n": 128,
    "i": 512,
    "o": 512,
    "d": 784,
    "c": 10,
    "k": 10,
    "p": 669_706,
    "N": 16_384,
    "M": 8192,
    "D": 16,
    "P": 65_536,
}
QUICK = {"n": 16, "i": 24, "o": 24, "d": 32, "c": 10, "k": 10, "p": 2000, "N": 64, "M": 64, "D": 4, "P": 256}
UNKNOWN = 64


def main() -> None:
    parser = record.options(__doc__)
    parser.add_argument(
        "--kernels", nargs="+", default=["*"], metavar="PATTERN", help='such as "dense_*" adam (default: all)'
    )
    parser.add_argument("--seconds", type=record.duration, help="of each kernel in each round (default: 0.02)")
    chosen = record.begin(parser)
    backend = Backend.for_device(chosen.device)
    fast = [kernel for kernel in backend.kernels.values() if kernel.source != "reference"]
    asked = [k for k in fast if any(fnmatch.fnmatch(k.name, pattern) for pattern in chosen.kernels)]
    if not asked:
        why = backend.reason or f"none of {len(fast)} fast kernels is called {' or '.join(chosen.kernels)}"
        parser.error(f"nothing to measure on {chosen.device}: {why}")
    chosen.seconds = chosen.seconds or (0.0005 if chosen.quick else 0.02)
    run = record.Record("time_kernels", chosen)
    letters = {letter for kernel in asked for letter in kernel.contract.letters}
    sizes = dict.fromkeys(letters, UNKNOWN) | (QUICK if chosen.quick else SIZES)
    # for kernels and bare products alike: loops of the CPU kernels run in the calling thread
    with backend.context(), ONE_BLAS_THREAD:
        for kernel in asked:
            record.say(kernel.name)
            run.add(measure(kernel, backend, sizes, chosen.rounds, chosen.seconds))
    run.finish(summary)


def measure(kernel: Kernel, backend: Backend, sizes: Mapping[str, int], rounds: int, seconds: float) -> dict[str, Any]:
    """Times of the kernel, its reference, a pass over the same number of bytes, and its bare product, in interleaved rounds."""
    inputs, outputs = arguments(kernel.contract, backend, sizes)
    given, out = list(inputs.values()), outputs[0] if len(outputs) == 1 else outputs
    slow = writing(reference.KERNELS[kernel.name], backend.xp)
    moved = bytes_moved(kernel.contract, sizes)
    passed = backend.zeros((max(1, moved // 8),), "float32")  # read and written once
    calls: dict[str, Callable[[], Any]] = {
        "kernel": lambda: kernel.run(*given, out=out),
        "pass": lambda: backend.xp.multiply(passed, 1, out=passed),
    }
    if backend.xp is np:  # on a GPU the reference would be compiled operation by operation, for minutes
        calls["reference"] = lambda: slow(*given, out=out)
    if (product := bare_product(kernel.contract, inputs, backend)) is not None:
        calls["product"] = product
    updated = [(inputs[name], inputs[name].copy()) for name in kernel.contract.updated]
    clock = clocks.wall if backend.xp is np else clocks.events

    def timed(call: Callable[[], Any], times: int) -> float:
        for (
            array,
            start,
        ) in updated:  # restored, because counters that grow with each call would run out of their tables
            array[...] = start
        return clock(call, times)

    with np.errstate(all="ignore"):
        times = {name: clocks.repeats(timed, call, seconds, most=sizes["M"] - 1) for name, call in calls.items()}
        turns = {name: partial(timed, call, times[name]) for name, call in calls.items()}
        taken = interleaved(turns, rounds)
    return {
        "kernel": kernel.name,
        "source": kernel.source,
        "sizes": {letter: sizes[letter] for letter in kernel.contract.letters},
        "bytes": moved,
        **{f"{name}_seconds": [t / times[name] for t in values] for name, values in taken.items()},
    }


def arguments(contract: Contract, backend: Backend, sizes: Mapping[str, int]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Inputs drawn from the contract, in float32, and outputs; an updated argument is one array in both; counters start at 0."""
    drawn = contract.draw(np.random.default_rng(0), sizes)
    for a in contract.inputs:
        if a.dims is not None:
            counter = a.name in contract.updated and _dtype(a) == "int64"
            drawn[a.name] = backend.asarray(np.asarray(drawn[a.name] * (not counter)).astype(_dtype(a)))
    outputs = (
        drawn[a.name] if a.name in contract.updated else backend.zeros(contract.shape(a, sizes), _dtype(a))
        for a in contract.outputs
    )
    return drawn, tuple(outputs)


def _dtype(argument: Argument) -> str:
    return argument.dtype("float32") or "float32"  # data are stored in float32 here


def bytes_moved(contract: Contract, sizes: Mapping[str, int]) -> int:
    """Bytes if each input is read once and each output written once; of a data set, only as many rows as the batch has."""
    total = 0
    for a in (*contract.inputs, *contract.outputs):
        if a.dims is not None:
            shape = contract.shape(a, {**sizes, "N": sizes["n"]})
            total += math.prod(shape) * np.dtype(_dtype(a)).itemsize
    return total


def bare_product(contract: Contract, inputs: Mapping[str, Any], backend: Backend) -> Callable[[], Any] | None:
    """matmul of the operands of a kernel with a product: x W, delta Wᵀ or xᵀ delta; None for the others."""
    dims = {a.name: a.dims or () for a in contract.inputs if a.name in ("x", "W", "delta")}
    if len(dims) != 2:
        return None
    first, second = map(set, dims.values())
    if len(first | second) != 3 or not any(set(a.dims or ()) == first ^ second for a in contract.outputs):
        return None
    x, W, delta = (inputs.get(name) for name in ("x", "W", "delta"))
    a, b = (x, W) if "delta" not in dims else (delta, W.T) if "x" not in dims else (x.T, delta)
    out = backend.zeros((a.shape[0], b.shape[1]), "float32")
    return lambda: backend.xp.matmul(a, b, out=out)


def summary(values: Mapping[str, Any]) -> str:
    """Tables of ratios within each round, to the reference and to the floor."""
    rows = []
    for r in values["results"]:
        time, one_pass = r["kernel_seconds"], r["pass_seconds"]
        product = r.get("product_seconds")
        by_product = product is not None and Spread.of(product).median > Spread.of(one_pass).median
        rows.append((
            r["kernel"],
            tables.seconds(Spread.of(time).median),
            tables.spread(ratios(r["reference_seconds"], time)) if "reference_seconds" in r else "",
            f"{r['bytes'] / Spread.of(time).median / 1e9:.1f}",
            tables.seconds(Spread.of(product if by_product else one_pass).median),
            "product" if by_product else "pass",
            tables.spread(ratios(time, product if by_product else one_pass)),
        ))  # fmt: skip
    header = ("kernel", "a call", "reference / kernel", "GB/s", "floor", "by", "kernel / floor")
    return tables.markdown(header, rows)


if __name__ == "__main__":
    main()
