"""Charts of the records: medians as dots, a line from the smallest to the largest round.  Times on logarithmic axes.

Colours are those of Okabe & Ito (2008), distinguishable with every kind of colour vision; markers differ too, for grey prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import steps
import tables
from contestants import ROUNDED
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from rounds import Spread, ratios

OURS, THEIRS, BARE, FEWER_BITS = "#D55E00", "#0072B2", "#000000", "#CC79A7"
SERIES = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#999999")
MARKERS = "osD^vP*X"
WIDTH = 8.0  # inches


def style(name: str) -> tuple[str, str]:
    """Colour and marker of a contestant, by kind: dlcore, bare products, those that may multiply with fewer bits, others."""
    if name == "dlcore":
        return OURS, "o"
    if name.startswith("bare"):
        return BARE, "|"
    return (FEWER_BITS, "D") if name in ROUNDED else (THEIRS, "s")


def ranges(
    axes: Axes, names: Sequence[str], spreads: Sequence[Spread], labels: Sequence[str], colour_of_all: str | None = None
) -> None:
    """A row for each name, the first on top: a line from smallest to largest, a dot at the median, and a text at the right."""
    for row, (name, spread, label) in enumerate(zip(names, spreads, labels, strict=True)):
        colour, marker = (colour_of_all, "o") if colour_of_all else style(name)
        axes.plot([spread.least, spread.most], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(
            [spread.median], [row], marker, color=colour, markersize=11 if marker == "|" else 6, markeredgewidth=2
        )
        axes.annotate(label, (spread.most, row), (7, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def log_seconds(axes: Axes, spreads: Sequence[Spread], unit: float, name: str) -> None:
    """A logarithmic axis over all values, with room for the texts at the right."""
    axes.set_xscale("log")
    axes.set_xlim(min(s.least for s in spreads) / unit / 1.3, max(s.most for s in spreads) / unit * 2.2)
    plain_numbers(axes.xaxis)
    axes.set_xlabel(name)


def plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis with 1, 2, 5, 10, 20, …, not with powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def scaled(times: Sequence[float], unit: float) -> Spread:
    return Spread.of([t / unit for t in times])


def time_peers(values: Mapping[str, Any]) -> Figure:
    """A panel for each network: the time of a step, and its ratio to dlcore's."""
    networks = list(steps.by_network(values))
    heights = [0.9 + 0.27 * len(results) for _, results in networks]
    figure = Figure((WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(networks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (network, results) in zip(panels, networks, strict=True):
        ours = results.get("dlcore")
        spreads = [scaled(r["step_seconds"], 1e-6) for r in results.values()]
        labels = [
            f"{ratios(r['step_seconds'], ours['step_seconds']).median:.2g}×" if ours else "" for r in results.values()
        ]
        ranges(axes, list(results), spreads, labels)
        log_seconds(axes, [Spread(s.median * 1e-6, s.least * 1e-6, s.most * 1e-6) for s in spreads], 1e-6, "µs a step")
        axes.set_title(network, loc="left", fontsize=10)
    return figure


def time_step(values: Mapping[str, Any]) -> Figure:
    """A step of fit over the time of its bare products, from 0."""
    names, spreads = [], []
    for network, results in steps.by_network(values):
        bare = next((r for name, r in results.items() if name.startswith("bare")), None)
        if "dlcore" in results and bare:
            names.append(network)
            spreads.append(ratios(results["dlcore"]["step_seconds"], bare["step_seconds"]))
    figure = Figure((WIDTH, 1.0 + 0.4 * len(names)), layout="constrained")
    axes = figure.subplots()
    ranges(axes, names, spreads, [f"{s.median:.2f}" for s in spreads], OURS)
    axes.axvline(1, color=BARE, linewidth=1)
    axes.set_xlim(0, max([1.0, *(s.most for s in spreads)]) * 1.15)
    axes.set_xlabel("step of fit / its bare matrix products")
    return figure


def time_kernels(values: Mapping[str, Any]) -> Figure:
    """Each kernel and its reference over the floor of the kernel."""
    results = values["results"]
    figure = Figure((WIDTH, 1.2 + 0.2 * len(results)), layout="constrained")
    axes = figure.subplots()
    for row, r in enumerate(results):
        floor = max((r["pass_seconds"], r.get("product_seconds", [0.0])), key=lambda times: Spread.of(times).median)
        for times, colour, marker in (("reference", THEIRS, "s"), ("kernel", OURS, "o")):
            spread = ratios(r[f"{times}_seconds"], floor)
            axes.plot([spread.least, spread.most], [row, row], color=colour, linewidth=1.5)
            axes.plot([spread.median], [row], marker, color=colour, markersize=4, label=times if row == 0 else None)
    axes.axvline(1, color=BARE, linewidth=1)
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    axes.set_yticks(range(len(results)), [r["kernel"] for r in results], fontsize=7)
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set_xlabel("time / time of a pass over as many bytes, or of the bare product if that takes longer")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure


def time_import(values: Mapping[str, Any]) -> Figure:
    """Milliseconds of each part, from 0."""
    parts = [result["part"] for result in values["results"]]
    spreads = [scaled(result["seconds"], 1e-3) for result in values["results"]]
    figure = Figure((WIDTH, 1.0 + 0.4 * len(parts)), layout="constrained")
    axes = figure.subplots()
    ranges(axes, parts, spreads, [tables.digits(s.median) for s in spreads], OURS)
    axes.set_xlim(0, max(s.most for s in spreads) * 1.15)
    axes.set_xlabel("ms of processor time")
    return figure


def time_to_accuracy(values: Mapping[str, Any]) -> Figure:
    """A panel for each row: seconds over the seeds, and the median error."""
    rows: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for r in values["results"]:
        rows.setdefault(r["row"], {}).setdefault(r["contestant"], []).append(r)
    heights = [0.9 + 0.27 * len(runs) for runs in rows.values()]
    figure = Figure((WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, runs) in zip(panels, rows.items(), strict=True):
        spreads = [Spread.of([r["seconds"] for r in seeds]) for seeds in runs.values()]
        errors = [Spread.of([100 * (1 - r["accuracy"]) for r in seeds]).median for seeds in runs.values()]
        ranges(axes, list(runs), spreads, [f"{error:.2f} % wrong" for error in errors])
        log_seconds(axes, spreads, 1.0, "seconds from arrays on the host to the end, one run for each seed")
        axes.set_xlim(right=max(s.most for s in spreads) * 4)
        axes.set_title(name, loc="left", fontsize=10)
    return figure


def devices(values: Mapping[str, Any]) -> Figure:
    """The time of a step over the width, a line for each batch size, a panel for each device."""
    results = values["results"]
    names = list(dict.fromkeys(r["device"] for r in results))
    batches = sorted({r["batch"] for r in results})
    figure = Figure((WIDTH, 4.2), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, device in zip(panels, names, strict=True):
        for i, batch in enumerate(batches):
            cells = sorted(
                (r["width"], Spread.of(r["step_seconds"]))
                for r in results
                if (r["device"], r["batch"]) == (device, batch)
            )
            look = {"color": SERIES[i % len(SERIES)], "marker": MARKERS[i % len(MARKERS)], "markersize": 5}
            axes.plot([w for w, _ in cells], [s.median for _, s in cells], label=f"batch {batch}", **look)
        axes.set_xscale("log")
        axes.set_xticks(sorted({r["width"] for r in results}), minor=False)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tables.seconds(value)))
        axes.set_title(device, loc="left", fontsize=10)
        axes.set_xlabel("width")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("a step")
    panels[-1].legend(frameon=False, fontsize=8)
    return figure


def published(values: Mapping[str, Any]) -> Figure:
    """The error of each seed beside the published one, from 0; then a panel of curves for each published figure."""
    import published as benchmark

    of = [(row, [r for r in values["results"] if r["row"] == row.name]) for row in benchmark.ROWS]
    errors = [(row, runs) for row, runs in of if runs and isinstance(row, benchmark.ErrorRow)]
    orders = [(row, runs) for row, runs in of if runs and isinstance(row, benchmark.OrderRow)]
    heights = [1.2 + 0.4 * len(errors)] * bool(errors) + [3.0] * len(orders)
    figure = Figure((WIDTH, sum(heights)), layout="constrained")
    panels = iter(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if errors:
        _errors(next(panels), [(row, [100 * r["error"] for r in runs]) for row, runs in errors])
    for row, runs in orders:
        _curves(next(panels), row, benchmark.medians(row, runs))
    return figure


def _errors(axes: Axes, rows: Sequence[tuple[Any, Sequence[float]]]) -> None:
    """A dot for each seed, a bar for what was published."""
    for i, (row, found) in enumerate(rows):
        labels = ("dlcore, one dot for each seed", "published") if i == 0 else (None, None)
        axes.plot(found, [i] * len(found), "o", color=OURS, alpha=0.7, label=labels[0])
        axes.plot([100 * row.error], [i], "|", color=BARE, markersize=20, markeredgewidth=2, label=labels[1])
    axes.set_yticks(range(len(rows)), [row.name for row, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1.1 * max(max(100 * row.error, *found) for row, found in rows))
    axes.set_xlabel("% of the test set wrong")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, fontsize=8)


def _curves(axes: Axes, row: Any, medians: Mapping[str, Sequence[float]]) -> None:
    """The row's measure over the epochs, a line for each way of training; medians over the seeds."""
    for i, (way, found) in enumerate(medians.items()):
        look = {"color": SERIES[(5, 4, 3, 1)[i % 4]], "marker": MARKERS[i % len(MARKERS)], "markersize": 4}
        axes.plot(range(1, len(found) + 1), found, label=way, **look)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(row.measure)
    axes.set_title(f"{row.name} ({row.source})", loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


ALL: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    chart.__name__: chart
    for chart in (time_step, time_peers, time_kernels, time_import, time_to_accuracy, devices, published)
}
