"""Draws raw samples as SVG: lines over sizes, and distributions. The standard library alone."""

import dataclasses
import html
import json
import math
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from measure.processes import MIB

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 72, 150, 44, 52  # room for the axes' texts and the legend
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
TICKS = 5
DISTRIBUTION_POINTS = 200
KIB, MS = 1024, 1000


@dataclasses.dataclass
class Series:
    """One line: its name and its points (x, y), in any order."""

    name: str
    points: list[tuple[float, float]]


@dataclasses.dataclass
class Chart:
    """A picture of a few series over one x axis; y begins at 0."""

    title: str
    x_title: str
    y_title: str
    series: list[Series]
    limit: tuple[str, float] | None = None  # a dashed line: what is to be reached
    logarithmic: bool = False  # x


def nice_step(largest: float) -> float:
    """1, 2 or 5 times a power of ten, so that about TICKS of it reach the largest value."""
    raw = largest / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= raw * 0.999)


def ticks_to(largest: float) -> list[float]:
    step = nice_step(largest)
    return [step * at for at in range(math.ceil(largest / step * 0.999) + 1)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


class Axis:
    """Values to places on the picture."""

    def __init__(self, ticks: list[float], low: float, high: float, logarithmic: bool = False) -> None:
        self.ticks, self.low, self.high, self.logarithmic = ticks, low, high, logarithmic

    def at(self, value: float) -> float:
        first, last = self.ticks[0], self.ticks[-1]
        part = (math.log(value / first) / math.log(last / first) if self.logarithmic
                else (value - first) / (last - first))
        return self.low + part * (self.high - self.low)


def x_axis(chart: Chart) -> Axis:
    values = [x for s in chart.series for x, _ in s.points]
    if chart.logarithmic:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        ticks = [10.0 ** power for power in range(low, max(high, low + 1) + 1)]
    else:
        ticks = ticks_to(max(values) or 1)
    return Axis(ticks, LEFT, WIDTH - RIGHT, chart.logarithmic)


def y_axis(chart: Chart) -> Axis:
    values = [y for s in chart.series for _, y in s.points] + ([chart.limit[1]] if chart.limit else [])
    return Axis(ticks_to(max(values) or 1), HEIGHT - BOTTOM, TOP)


def text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{html.escape(words)}</text>'


def grid(chart: Chart, x: Axis, y: Axis) -> list[str]:
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines = [text(WIDTH / 2, 22, chart.title, 'text-anchor="middle" font-size="14" font-weight="bold"'),
             text(middle, HEIGHT - 12, chart.x_title, 'text-anchor="middle"'),
             text(16, (TOP + HEIGHT - BOTTOM) / 2, chart.y_title, 'text-anchor="middle" '
                  f'transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:.1f})"')]
    for value in y.ticks:
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(value):.1f}" y2="{y.at(value):.1f}" '
                     'stroke="#ddd"/>')
        lines.append(text(LEFT - 6, y.at(value) + 4, number(value), 'text-anchor="end"'))
    for value in x.ticks:
        lines.append(f'<line x1="{x.at(value):.1f}" x2="{x.at(value):.1f}" y1="{y.low}" y2="{y.low + 5}" '
                     'stroke="#555"/>')
        lines.append(text(x.at(value), y.low + 18, number(value), 'text-anchor="middle"'))
    lines.append(f'<polyline points="{LEFT},{TOP} {LEFT},{y.low} {WIDTH - RIGHT},{y.low}" fill="none" '
                 'stroke="#555"/>')
    return lines


def draw(chart: Chart) -> str:
    x, y = x_axis(chart), y_axis(chart)
    lines = grid(chart, x, y)
    for at, series in enumerate(chart.series):
        colour = COLOURS[at % len(COLOURS)]
        places = [(x.at(a), y.at(b)) for a, b in sorted(series.points)]
        lines.append(f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}" fill="none" '
                     f'stroke="{colour}" stroke-width="1.8"/>')
        if len(places) <= 40:
            lines += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="{colour}"/>' for a, b in places]
        lines.append(text(WIDTH - RIGHT + 10, TOP + 10 + 18 * at, series.name, f'fill="{colour}"'))
    if chart.limit:
        name, value = chart.limit
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(value):.1f}" y2="{y.at(value):.1f}" '
                     'stroke="#555" stroke-dasharray="5 4"/>')
        lines.append(text(LEFT + 6, y.at(value) - 5, name, 'fill="#555"'))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n")


# ---- which pictures there are ----

Sample = dict[str, Any]


def median_points(samples: list[Sample], x: str, y: Callable[[Sample], float]) -> list[tuple[float, float]]:
    groups: dict[float, list[float]] = {}
    for sample in samples:
        groups.setdefault(sample[x], []).append(y(sample))
    return [(at, sorted(values)[len(values) // 2]) for at, values in groups.items()]


def distribution(values: Iterable[float]) -> list[tuple[float, float]]:
    """(value, % of all that do not exceed it); of many values those at each half per cent, which are all that can be seen."""
    ordered = sorted(values)
    ranks: Sequence[int] = range(1, len(ordered) + 1)
    if len(ordered) > DISTRIBUTION_POINTS:
        ranks = sorted({math.ceil(len(ordered) * at / DISTRIBUTION_POINTS) for at in range(1, DISTRIBUTION_POINTS + 1)})
    return [(ordered[rank - 1], 100 * rank / len(ordered)) for rank in ranks]


def kept_charts(samples: list[Sample]) -> dict[str, Chart]:
    return {
        "kept-memory": Chart(
            "Memory over finished runs kept", "finished runs in the cluster", "MiB", [
                Series("resident", median_points(samples, "kept", lambda s: s["resident"] / MIB)),
                Series("peak of the start", median_points(samples, "kept", lambda s: s["peak"] / MIB))]),
        "kept-start": Chart(
            "A start of the controller until all caches are synced", "finished runs in the cluster", "ms",
            [Series("our own CPU", median_points(samples, "kept", lambda s: s["cpu_s"] * MS))],
            limit=("target: 1 s at 10,000", MS))}


def shape_charts(samples: list[Sample]) -> dict[str, Chart]:
    names = list(dict.fromkeys(s["shape"] for s in samples))

    def lines(y: Callable[[Sample], float]) -> list[Series]:
        return [Series(name, median_points([s for s in samples if s["shape"] == name], "size", y)) for name in names]

    graphs = [s for s in samples if s["shape"] in ("chain", "wide")]
    charts = {
        "shapes-cpu": Chart("The controller's CPU over the size of a shape", "steps, runs, Triggers or versions",
                            "CPU ms for each", lines(lambda s: s["cpu_s"] * MS / s["size"]), logarithmic=True),
        "shapes-memory": Chart("The controller's peak memory over the size of a shape",
                               "steps, runs, Triggers or versions", "MiB",
                               lines(lambda s: s["peak"] / MIB), logarithmic=True),
        "shapes-requests": Chart("The controller's requests over the size of a shape",
                                 "steps, runs, Triggers or versions", "requests for each",
                                 lines(lambda s: sum(n for name, n in s["requests"].items()
                                                     if not name.startswith("watch")) / s["size"]),
                                 logarithmic=True)}
    if graphs:
        charts["shapes-status"] = Chart(
            "A finished run's status over its steps", "steps", "KiB of JSON",
            [Series(name, median_points([s for s in graphs if s["shape"] == name], "size",
                                        lambda s: s["status_bytes"] / KIB)) for name in ("chain", "wide")
             if any(s["shape"] == name for s in graphs)], limit=("target: 256 KiB", 256))
    return charts


def planning_charts(samples: list[Sample]) -> dict[str, Chart]:
    wanted = {("wide", "start"): "wide: all start", ("tree", "half"): "tree: half is done",
              ("chain", "half"): "chain: half is done", ("wide", "end"): "wide: all end",
              ("chain", "answered"): "pipeline: judged"}
    return {"planning": Chart(
        "One planning over the steps of its graph (n log n is a gentle slope)", "steps",
        "basic blocks for each step",
        [Series(name, [(s["steps"], s["blocks"] / s["steps"]) for s in samples
                       if (s["shape"], s["moment"]) == key]) for key, name in wanted.items()], logarithmic=True)}


def hop_charts(samples: list[Sample]) -> dict[str, Chart]:
    kinds = {"jobs": "plain Jobs", "runs": "runs", "untracked": "runs, policy"}
    series = [Series(f"{name}, {at_once} at once",
                     distribution(s["to_pod_s"] * MS for s in samples
                                  if (s["kind"], s["at_once"]) == (kind, at_once) and s["to_pod_s"] is not None))
              for at_once in sorted({s["at_once"] for s in samples}) for kind, name in kinds.items()]
    return {"hops": Chart("From a pod's end to the next step's pod", "ms", "% of hops within this time",
                          [s for s in series if s.points], logarithmic=True)}


CHARTS: dict[str, Callable[[list[Sample]], dict[str, Chart]]] = {
    "kept": kept_charts, "shapes": shape_charts, "planning": planning_charts, "hops": hop_charts}
DRAWN = {"hops": ("round", "kind", "at_once", "to_pod_s")}  # of thousands of samples what is drawn is kept; else all


def read_samples(folders: list[pathlib.Path], name: str) -> list[Sample]:
    samples = [json.loads(line) for folder in folders if (folder / f"{name}.jsonl").exists()
               for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    return [{key: sample[key] for key in DRAWN.get(name, sample)} for sample in samples]


def draw_all(folders: list[pathlib.Path], output: pathlib.Path) -> list[str]:
    """Pictures of all samples in these folders, and the samples beside them; names of the files."""
    made = []
    (output / "samples").mkdir(parents=True, exist_ok=True)
    for name, charts in CHARTS.items():
        samples = read_samples(folders, name)
        if not samples:
            continue
        lines = "".join(json.dumps(sample) + "\n" for sample in samples)
        (output / "samples" / f"{name}.jsonl").write_text(lines)
        for file, chart in charts(samples).items():
            (output / f"{file}.svg").write_text(draw(chart))
            made.append(f"{file}.svg")
    return made
