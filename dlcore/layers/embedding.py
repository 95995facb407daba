"""Embeddings of categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..arrays import ArrayLike, to_host
from ..checks import SIZE, check, is_integer, refused
from ..errors import ConfigurationError, ShapeError
from ..kernels.table import Kernels, Operand
from .initializers import Initializer, Normal
from .layer import Layer
from .parameters import Parameter
from .views import Views

__all__ = ["Embedding"]

LARGEST_CODE = 2**24  # float32 holds whole numbers up to here
LARGEST_CODES = {"float16": 2**11, "bfloat16": 2**8}


@dataclass(frozen=True)
class Embedding(Layer):
    """z_j = E_j[x_j] for each column j of `columns`; other columns are copied.   x[n,d] -> z[n, d + Σ_j (dimension_j − 1)]

    Column j holds codes 1 … categories_j and is replaced, in its place, by the dimension_j numbers of a learned row.  Any other
    value, such as 0, is an unknown category: it becomes zeros, and nothing is learned from it.  `categories` and `dimension` are
    one number per column, or one for all.  The gradient adds rows in order, so it is the same from run to run.  The number of
    input columns follows from the layer after this one.  An Embedding must be the first layer, because codes have no gradient.
    Guo & Berkhahn (2016).

    All tables are one parameter E, which `init` draws; `tables` splits it.
    Raises ConfigurationError for columns, categories or dimensions that do not fit together.
    """

    columns: Sequence[int] | int
    categories: Sequence[int] | int
    dimension: Sequence[int] | int
    init: Initializer = field(default=Normal(1.0), kw_only=True)

    reads: ClassVar[str] = "x"
    first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        columns = _integers("columns", self.columns, 0)
        if not columns or len(set(columns)) < len(columns) or min(columns) < 0:
            raise refused("Embedding", "columns", self.columns, "different indices of columns, from 0")
        object.__setattr__(self, "columns", columns)
        for name in ("categories", "dimension"):
            sizes = _integers(name, getattr(self, name), len(columns))
            if len(sizes) != len(columns):
                raise ConfigurationError(f"Embedding: {len(sizes)} {name} for {len(columns)} columns")
            for size in sizes:
                check("Embedding", SIZE, **{name: size})
            object.__setattr__(self, name, sizes)
        if max(self._categories) > LARGEST_CODE:
            expected = f"at most {LARGEST_CODE}: codes are read as float32"
            raise refused("Embedding", "categories", max(self._categories), expected)
        if not isinstance(self.init, Initializer):
            raise refused("Embedding", "init", self.init, "an initializer such as dl.initializers.Normal(0.1)")

    # the fields, of which __post_init__ has made tuples
    @property
    def _columns(self) -> tuple[int, ...]:
        return self.columns  # type: ignore[return-value]

    @property
    def _categories(self) -> tuple[int, ...]:
        return self.categories  # type: ignore[return-value]

    @property
    def _dimensions(self) -> tuple[int, ...]:
        return self.dimension  # type: ignore[return-value]

    def input_width_for(self, fan_out: int) -> int:
        return fan_out - sum(e - 1 for e in self._dimensions)

    def output_width(self, fan_in: int) -> int:
        width = fan_in + sum(e - 1 for e in self._dimensions)
        if max(self._columns) >= fan_in:
            raise ConfigurationError(
                f"Embedding: column {max(self._columns)} is to be replaced, but X has {max(fan_in, 0)} columns, since the "
                f"layer after it takes {width}; in place of {len(self._columns)} columns it gets {sum(self._dimensions)}"
            )
        return width

    def parameters(self) -> dict[str, Parameter]:
        sizes = (c * e for c, e in zip(self._categories, self._dimensions, strict=True))
        return {"E": Parameter((sum(sizes),), self.init)}

    def constants(self, fan_in: int) -> dict[str, np.ndarray]:
        categories, dimensions = np.zeros((2, fan_in), np.int64)
        categories[list(self._columns)] = self._categories
        dimensions[list(self._columns)] = self._dimensions
        return {"categories": categories, "dimensions": dimensions}

    def tables(self, E: ArrayLike) -> dict[int, np.ndarray]:
        """E, or its gradient, as one array (categories, dimension) for each embedded column: row k belongs to code k + 1."""
        E = to_host(E)
        if E.shape != (expected := self.parameters()["E"].shape):
            raise ShapeError(f"Embedding: E has shape {E.shape}, expected {expected}")
        tables, start = {}, 0
        for column, c, e in sorted(zip(self._columns, self._categories, self._dimensions, strict=True)):
            tables[column] = E[start : start + c * e].reshape(c, e)
            start += c * e
        return tables

    def check_dtype(self, dtype: str) -> None:
        largest = LARGEST_CODES.get(dtype, LARGEST_CODE)
        if max(self._categories) > largest:
            raise ConfigurationError(
                f"Embedding: categories={max(self._categories)}, and {dtype} holds whole numbers up to {largest} only: use float32"
            )

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.embedding(x, v.categories, v.dimensions, v.E, z, out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        k.embedding_grad(delta, x, v.categories, v.dimensions, v.dE, out=v.dE)


def _integers(name: str, values: object, count: int) -> tuple[int, ...]:
    """A tuple of integers; a single integer is repeated `count` times, or once for count 0."""
    if is_integer(values):
        return (int(values),) * (count or 1)
    if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)) or not all(map(is_integer, values)):
        raise refused("Embedding", name, values, "an integer or a list of integers")
    return tuple(int(v) for v in values)
