"""What happened, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .figures import label, shown


class History(Mapping[str, list[float]]):
    """history["loss"] has one entry per epoch; with validation also "val_loss" and "val_accuracy" or "val_rmse".

    "loss" is the mean of the training batches' losses by the weights of their rows, each before its update; "seconds" the
    time of the epoch's steps, compiling included, validation not.  An epoch without a value (validation came later) has NaN there.
    `all_labels`: a row has several labels, and "val_accuracy" is the share of rows of which all are right (exact match).
    """

    def __init__(self, columns: Mapping[str, list[float]] | None = None, *, all_labels: bool = False) -> None:
        self.all_labels = all_labels
        self._columns: dict[str, list[float]] = {name: list(values) for name, values in (columns or {}).items()}

    @property
    def epochs(self) -> int:
        return max((len(values) for values in self._columns.values()), default=0)

    def append(self, logs: Mapping[str, float]) -> None:
        """Add an epoch."""
        n = self.epochs
        for name in dict.fromkeys((*self._columns, *logs)):
            column = self._columns.setdefault(name, [float("nan")] * n)
            column.append(float(logs.get(name, float("nan"))))

    def as_dict(self) -> dict[str, list[float]]:
        return {name: list(values) for name, values in self._columns.items()}

    def __getitem__(self, name: str) -> list[float]:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"{name!r}; this history has {', '.join(self._columns) or 'no epochs'}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        """The last epoch, and the seconds of all."""
        last = [
            f"{label(name, self.all_labels)} {shown(name, values[-1])}"
            for name, values in self._columns.items()
            if values and name != "seconds"
        ]
        seconds = [value for value in self._columns.get("seconds", []) if value == value]
        time = f", {shown('seconds', sum(seconds))} seconds in all" if seconds else ""
        return f"History({self.epochs} epochs{time}{': ' if last else ''}{', '.join(last)})"
