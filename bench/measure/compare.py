"""Two builds in turns on one cluster: A B A B ..., and what can be said about their difference.

A machine's speed changes while it is measured, so only the ratios within a pair count. When they
are on both sides of 1, or others used the machine, nothing can be said.
"""

import dataclasses
import pathlib
import statistics
import subprocess
from collections.abc import Callable

from measure import report
from measure.api import Failure
from measure.cluster import ROOT, Controller, run
from measure.load import Bench, Turn

BUILD_LIMIT_S = 900
COMMAND_LIMIT_S = 60
WARM_UP = 20
UNKNOWN = "can't tell"


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    of: Callable[[Turn], float]
    digits: int
    more_is_better: bool = False


FIGURES = (
    Figure("one-step runs in a second", report.rate, 1, more_is_better=True),
    Figure("controller's CPU for each, ms", lambda t: report.cpu_ms(t, ["controller"]), 2),
    Figure("whole plane's CPU for each, ms", report.cpu_ms, 1),
    Figure("requests for each, events too", lambda t: report.per_run(t, report.of_controller(t)), 2),
    Figure("bytes on the wire for each, kB", lambda t: (t.wire_sent + t.wire_received) / t.count / 1000, 1),
    Figure("controller resident after it, MiB", lambda t: t.resident / report.MIB, 1),
)


@dataclasses.dataclass(frozen=True)
class Ratio:
    """B by A, within each pair."""

    least: float
    median: float
    most: float


def ratio(figure: Figure, a: list[Turn], b: list[Turn]) -> Ratio:
    pairs = sorted(figure.of(y) / figure.of(x) if figure.of(x) else 1.0 for x, y in zip(a, b))
    return Ratio(pairs[0], statistics.median(pairs), pairs[-1])


def verdict(found: Ratio, more_is_better: bool, pairs: int, noisy: bool) -> str:
    """What the pairs agree on."""
    if found.least == found.most == 1:
        return "the same"
    if noisy or pairs < 2 or found.least <= 1 <= found.most:
        return UNKNOWN
    return "B is better" if (found.least > 1) == more_is_better else "B is worse"


def noise(turns: list[Turn], cores: int) -> list[str]:
    """Why the machine was too noisy, a sentence each; none: it was not."""
    found = []
    for turn in turns:
        others = turn.others_cpu / (turn.measured_seconds * cores)
        if others > report.NOISE_OTHERS:
            found.append(f"noisy: in pair {turn.round} ({turn.kind}) other processes took {others:.0%} of the machine")
    return found


def spreads(a: list[Turn], b: list[Turn]) -> list[str]:
    """One build against itself: how far apart its own turns are."""
    found = []
    for name, turns in (("A", a), ("B", b)):
        rates = [report.rate(t) for t in turns]
        spread = (max(rates) - min(rates)) / statistics.median(rates)
        if spread > report.NOISE_SPREAD:
            found.append(f"noisy: the rates of {name} alone differ by {spread:.0%} between its turns")
    return found


def lines_of(a: list[Turn], b: list[Turn], cores: int) -> list[str]:
    disturbed = noise([*a, *b], cores)
    rows: list[tuple[str, ...]] = [("", "A", "B", "B/A least", "median", "most", "")]
    for figure in FIGURES:
        found = ratio(figure, a, b)
        rows.append((figure.name, *(f"{report.median_of(t, figure.of):.{figure.digits}f}" for t in (a, b)),
                     f"{found.least:.2f}", f"{found.median:.2f}", f"{found.most:.2f}",
                     verdict(found, figure.more_is_better, len(a), bool(disturbed))))
    doubts = [*disturbed, *spreads(a, b)]
    return [*report.print_columns(rows, 1), "",
            *([f"! {line}" for line in doubts] or ["the machine was quiet"])]


def build(what: str, folder: pathlib.Path) -> pathlib.Path:
    """The program that `what` names: a file, or a revision of Git that is built in `folder`."""
    if pathlib.Path(what).is_file():
        return pathlib.Path(what).resolve()
    archive = folder / "sources.tar"
    run(["git", "archive", "--format=tar", f"--output={archive}", what], COMMAND_LIMIT_S)
    run(["tar", "-xf", str(archive), "-C", str(folder)], COMMAND_LIMIT_S)
    run(["make", "--no-print-directory", "-C", str(folder), "release"], BUILD_LIMIT_S)
    return folder / "build" / "release" / "tidemill"


def switch(bench: Bench, to: Controller) -> None:
    """One controller at a time: two would do each other's work."""
    if bench.controller.process.poll() is None and bench.controller.stop() != 0:
        raise Failure(f"the controller did not end well; its log: {bench.controller.log}")
    to.start()
    to.wait_ready()
    bench.controller = to


def measure(bench: Bench, a: Controller, b: Controller, pairs: int, count: int,
            say: Callable[[str], None]) -> tuple[list[Turn], list[Turn]]:
    """The turns of A and of B. Both end with nothing running but the last."""
    bench.warm_up("warm-up", WARM_UP)
    bench.prepare([f"{name}-{pair}" for pair in range(1, pairs + 1) for name in "ab"])
    bench.measure_idle()
    turns: dict[str, list[Turn]] = {"a": [], "b": []}
    for pair in range(1, pairs + 1):
        for name, controller in (("a", a), ("b", b)):
            switch(bench, controller)
            turn = bench.turn("runs", pair, f"{name}-{pair}", count)
            say(f"pair {pair} of {pairs}, {name.upper()}: {report.rate(turn):.1f} runs in a second, "
                f"{report.cpu_ms(turn, ['controller']):.2f} ms of the controller's CPU for each")
            turns[name].append(turn)
    return turns["a"], turns["b"]


def describe(a: pathlib.Path, b: str) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                            text=True, timeout=COMMAND_LIMIT_S, check=False).stdout.strip()
    return f"A: {a.name} at {commit or 'no commit'}; B: {b}"
