"""From raw turns to figures, to a table for people, and to files that keep all of it."""

import collections
import dataclasses
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
from collections.abc import Callable
from typing import Any

from measure import audit, writes
from measure.chains import STEPS, Chains
from measure.load import Turn

MIB, MS = 1024 * 1024, 1000
NOISE_OTHERS = 0.10  # of the machine's cores, spent by processes that are not ours
NOISE_SPREAD = 0.20  # between the rounds of one kind, of their median
SILLY_RATIO, SILLY_CPU_MS = 0.5, 3.0
CLIENT_ERRORS = 400

# Measured once on another machine of this kind: 2 vCPU for everything, Kubernetes 1.36.3, kwok.
PUBLISHED_BY = "Argo Workflows 4.1.2"
PUBLISHED = {
    "rate": ("3.9", "31 to 51"),
    "jobs": ("65 to 90", "65 to 90"),
    "controller_cpu": ("14.5", "5.8 to 8.9"),
    "plane_cpu": ("92", "39 to 65"),
    "requests": ("7", "8"),
    "wire": ("66", "66 to 91"),
    "to_pod": ("10000", "985 / 999"),
    "chain": ("50", "5.1"),
    "resident": ("63", "332 (5,000 kept)"),
}

# What is to be reached here (the issue of cost); told beside the measured value.
TARGET = {
    "ratio": ">= 0.75", "controller_cpu": "< 0.5", "plane_ratio": "<= 1.3", "requests": "<= 3, writes",
    "wire": "< 30", "to_pod": "< 20 / 100", "chain": "< 0.5", "resident": "< 8", "kept": "< 2", "start": "< 1000",
}


def percentile(values: list[float], part: float) -> float:
    """The smallest value that at least this part of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan


def rate(turn: Turn) -> float:
    return turn.count / turn.seconds


def cpu_ms(turn: Turn, names: list[str] | None = None) -> float:
    """For each run or Job, of some processes or of the whole plane with the controller."""
    chosen = names if names is not None else [n for n in turn.cpu if n != "bench"]
    return sum(turn.cpu[n] for n in chosen) * MS / turn.count


def of_controller(turn: Turn) -> list[audit.Request]:
    return [r for r in turn.requests if r.user == audit.CONTROLLER]


def per_run(turn: Turn, requests: list[audit.Request]) -> float:
    return len(requests) / turn.count


def short_user(request: audit.Request) -> str:
    if request.user == audit.CONTROLLER:
        return "tidemill"
    if request.user == "admin":
        return "the bench"
    return request.user.removeprefix("system:").removeprefix("serviceaccount:kube-system:")


def table_of_requests(turns: list[Turn]) -> list[tuple[str, str, str, int, int, int, int]]:
    """(user, verb, resource, code, number, bytes sent, bytes answered), summed over turns."""
    sums: dict[tuple[str, str, str, int], list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    for turn in turns:
        for request in turn.requests:
            entry = sums[(short_user(request), request.verb, request.resource, request.code)]
            entry[0] += 1
            entry[1] += request.sent_bytes
            entry[2] += request.answered_bytes
    return [(*key, value[0], value[1], value[2]) for key, value in sorted(sums.items())]


@dataclasses.dataclass
class Results:
    """All that was measured."""

    machine: dict[str, Any]
    turns: list[Turn]
    chains: list[Chains]
    memory: dict[str, int]
    starts: list[float]  # seconds from a start of the controller to Ready
    sized: list[Turn] = dataclasses.field(default_factory=list)  # of a plane whose log has bodies

    def kind(self, name: str) -> list[Turn]:
        return [t for t in self.turns if t.kind == name]

    def all_turns(self) -> list[Turn]:
        """Those of chains too, in the order in which they were done."""
        return sorted([*self.turns, *(c.turn for c in self.chains)], key=lambda t: t.began)


def median_of(turns: list[Turn], figure: Callable[[Turn], float]) -> float:
    return statistics.median(figure(t) for t in turns)


def ratios(results: Results, kind: str, figure: Callable[[Turn], float]) -> list[float]:
    """A figure of runs by that of plain Jobs of the same round."""
    return [figure(b) / figure(a) for a, b in zip(results.kind("jobs"), results.kind(kind))]


def hop_text(rounds: list[Chains], key: str) -> str:
    values = [hop[key] * MS for chains in rounds for hop in chains.hops if hop[key] is not None]
    if not values:
        return "-"
    return f"{percentile(values, 0.5):.0f} / {percentile(values, 0.99):.0f}"


# The columns of what was measured here; the last two are runs.
COLUMNS = {"jobs": "plain Jobs", "runs": "Tidemill", "untracked": "no managedFields"}
RUNS = ("runs", "untracked")


def row(what: str, *here: str, key: str = "") -> tuple[str, ...]:
    """(what, plain Jobs here, Tidemill here, and without managedFields, target, the other's default, tuned)."""
    return (what, *here, TARGET.get(key, "-"), *PUBLISHED.get(key, ("-", "-")))


def wire_kb(turns: list[Turn]) -> float:
    return sum(t.wire_sent + t.wire_received for t in turns) / sum(t.count for t in turns) / MS


def per_run_of(turns: list[Turn], is_event: bool) -> float:
    return sum(r.is_event == is_event for t in turns for r in of_controller(t)) / sum(t.count for t in turns)


def of_runs(results: Results, figure: Callable[[list[Turn]], float], digits: int) -> tuple[str, ...]:
    """A figure of the runs, and of those without managedFields."""
    return tuple(f"{figure(results.kind(kind)):.{digits}f}" for kind in RUNS)


def ratio_texts(results: Results, figure: Callable[[Turn], float]) -> tuple[str, ...]:
    return tuple(f"{statistics.median(ratios(results, kind, figure)):.2f}" for kind in COLUMNS)


def controller_ms(turn: Turn) -> float:
    return cpu_ms(turn, ["controller"])


def kept_kib(turns: list[tuple[int, int]]) -> float:
    """What a finished run holds, of turns as (runs, bytes resident at the end).

    From the end of the first turn on: whatever the first run is, it has the program's code read in.
    """
    return (turns[-1][1] - turns[0][1]) / sum(runs for runs, _ in turns[1:]) / 1024


def comparison(results: Results) -> list[tuple[str, ...]]:
    finished = sum(t.count for t in results.all_turns() if not t.kind.endswith("jobs"))
    one_step = [(t.count, t.resident) for t in results.turns if t.kind != "jobs"]
    starts = [s * MS for s in results.starts]
    everywhere = [results.kind(kind) for kind in COLUMNS]
    return [
        row("one-step runs (or Jobs) in a second", *(f"{median_of(turns, rate):.1f}" for turns in everywhere), key="rate"),
        row("  of the plain Jobs' rate, same round", *ratio_texts(results, rate), key="ratio"),
        row("controller's CPU for each, ms", "-", *of_runs(results, lambda t: median_of(t, controller_ms), 2),
            key="controller_cpu"),
        row("whole plane's CPU for each, ms", *(f"{median_of(turns, cpu_ms):.1f}" for turns in everywhere), key="plane_cpu"),
        row("  of the plain Jobs' CPU, same round", *ratio_texts(results, cpu_ms), key="plane_ratio"),
        row("controller's requests for each", "-", *of_runs(results, lambda t: per_run_of(t, False), 2), key="requests"),
        row("  events besides", "-", *of_runs(results, lambda t: per_run_of(t, True), 2)),
        row("controller's reconciles for each", "-",
            *of_runs(results, lambda turns: median_of(turns, lambda t: t.reconciles / t.count), 1)),
        row("bytes on the wire for each, kB, watches included", "-", *of_runs(results, wire_kb, 1), key="wire"),
        *(line for at_once in sorted({c.at_once for c in results.chains}, reverse=True)
          for line in chain_rows(results.chains, at_once)),
        row("controller resident idle, MiB", "-", f"{results.memory['idle'] / MIB:.1f}", "-", key="resident"),
        row(f"  peak; after {finished} runs kept, MiB", "-",
            f"{results.memory['peak'] / MIB:.1f}; {results.memory['after'] / MIB:.1f}", "-"),
        row("  for each one-step run kept, KiB", "-", f"{kept_kib(one_step):.1f}", "-", key="kept"),
        row(f"start to Ready, median; most of {len(starts)}, ms", "-",
            f"{statistics.median(starts):.0f}; {max(starts):.0f}", "-", key="start"),
    ]


def half_of(chains: Chains) -> float:
    """Seconds that half of them took at most."""
    return percentile(chains.turn.each_seconds, 0.5)


def chain_rows(chains: list[Chains], at_once: int) -> list[tuple[str, ...]]:
    """Of all rounds of each kind."""
    rounds = [[c for c in chains if (c.at_once, c.kind) == (at_once, kind)] for kind in COLUMNS]
    halves = [[half_of(c) for c in of_kind] for of_kind in rounds]
    return [
        row(f"{STEPS}-step chain, {at_once} at a time, p50 s", *(f"{statistics.median(half):.2f}" for half in halves),
            key="chain" if at_once > 1 else ""),
        row("  of that of plain Jobs, same round",
            *(f"{statistics.median(a / b for a, b in zip(half, halves[0])):.2f}" for half in halves)),
        row("  a pod's end to the next step's pod, p50 / p99 ms", *(hop_text(c, "to_pod_s") for c in rounds), key="to_pod"),
        row("    of this to the next step's Job, p50 / p99 ms", *(hop_text(c, "to_job_s") for c in rounds)),
        row("    and from the Job to its pod, p50 / p99 ms", *(hop_text(c, "job_to_pod_s") for c in rounds)),
    ]


def chain_lines(chains: list[Chains]) -> list[str]:
    """Each round of each kind."""
    plain = {(c.turn.round, c.at_once): half_of(c) for c in chains if c.kind == "jobs"}
    rows: list[tuple[str, ...]] = [("round", "chains of", "at a time", "p50 s", "ratio", "Jobs in a second", "plane ms for each Job",
                                    "to the pod ms", "to the Job ms", "Job to pod ms")]
    for c in chains:
        jobs = c.turn.count * STEPS
        rows.append((str(c.turn.round), c.kind, str(c.at_once), f"{half_of(c):.2f}",
                     f"{half_of(c) / plain[c.turn.round, c.at_once]:.2f}", f"{jobs / c.turn.seconds:.1f}",
                     f"{cpu_ms(c.turn) / STEPS:.1f}", *(hop_text([c], key) for key in ("to_pod_s", "to_job_s", "job_to_pod_s"))))
    return print_columns(rows, 2)


def print_columns(rows: list[tuple[str, ...]], right: int) -> list[str]:
    """Aligned lines; the columns from `right` on are numbers."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(cell.ljust(widths[at]) if at < right else cell.rjust(widths[at])
                      for at, cell in enumerate(row)).rstrip() for row in rows]


def round_lines(results: Results) -> list[str]:
    rows: list[tuple[str, ...]] = [("round", "load", "in a second", "ratio", "p50 s", "plane ms",
                                    "controller ms", "API server ms", "etcd ms", "Job etc. ms",
                                    "others' CPU")]
    cores = results.machine["cpus"]
    jobs_rate = {t.round: rate(t) for t in results.kind("jobs")}
    for t in results.turns:
        others = t.others_cpu / (t.measured_seconds * cores)
        rows.append((str(t.round), t.kind, f"{rate(t):.1f}", f"{rate(t) / jobs_rate[t.round]:.2f}",
                     f"{percentile(t.each_seconds, 0.5):.2f}", f"{cpu_ms(t):.1f}",
                     f"{cpu_ms(t, ['controller']):.2f}", f"{cpu_ms(t, ['kube-apiserver']):.1f}",
                     f"{cpu_ms(t, ['etcd']):.1f}", f"{cpu_ms(t, ['kube-controller-manager']):.1f}",
                     f"{others:.0%}"))
    return print_columns(rows, 2)


def request_lines(turns: list[Turn]) -> list[str]:
    total = sum(t.count for t in turns)
    rows: list[tuple[str, ...]] = [("who", "verb", "resource", "answer", "for each", "sent B",
                                    "answered B")]
    for user, verb, resource, code, number, sent, answered in table_of_requests(turns):
        rows.append((user, verb, resource, str(code), f"{number / total:.2f}",
                     f"{sent / total:.0f}", f"{answered / total:.0f}"))
    return print_columns(rows, 4)


def doubts(results: Results) -> list[str]:
    """Why the figures may not be worth much, and what looks wrong in them."""
    found = []
    cores = results.machine["cpus"]
    for t in results.turns:
        others = t.others_cpu / (t.measured_seconds * cores)
        if others > NOISE_OTHERS:
            found.append(f"noisy: in round {t.round} ({t.kind}) other processes took {others:.0%} "
                         "of the machine")
    for kind in COLUMNS:
        rates = [rate(t) for t in results.kind(kind)]
        spread = (max(rates) - min(rates)) / statistics.median(rates)
        if spread > NOISE_SPREAD:
            found.append(f"noisy: the rates of {kind} differ by {spread:.0%} between rounds")
    runs = results.kind("runs")
    if statistics.median(ratios(results, "runs", rate)) < SILLY_RATIO:
        found.append(f"slow: less than {SILLY_RATIO} of the plain Jobs' rate")
    if median_of(runs, controller_ms) > SILLY_CPU_MS:
        found.append(f"dear: the controller takes more than {SILLY_CPU_MS} ms of CPU for a run")
    return found + doubtful_requests([t for t in results.all_turns() if not t.kind.endswith("jobs")])


def doubtful_requests(turns: list[Turn]) -> list[str]:
    found = []
    requests = [r for t in turns for r in of_controller(t)]
    reads = collections.Counter((r.verb, r.resource) for r in requests if not r.is_write)
    found += [f"{number} requests of the controller were reads: {verb} {resource}"
              for (verb, resource), number in sorted(reads.items())]
    errors = collections.Counter((r.code, r.verb, r.resource) for r in requests
                                 if r.code >= CLIENT_ERRORS or r.code == 0)
    found += [f"{number} times {verb} {resource} of the controller was answered {code}"
              for (code, verb, resource), number in sorted(errors.items())]
    for t in turns:
        plain = [r for r in of_controller(t) if r.is_write and not writes.is_apart(r)]
        if t.kind in RUNS and per_run(t, plain) > writes.LIMIT:
            found.append(f"round {t.round}: {per_run(t, plain):.2f} writes for each run, at most "
                         f"{writes.LIMIT}")
        if t.reconnects:
            found.append(f"round {t.round} ({t.kind}): {t.reconnects} new connections")
    return found


def describe_machine(options: dict[str, Any], binary: pathlib.Path) -> dict[str, Any]:
    """Nothing in it names the machine."""
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo")
                  .read_text().splitlines() if line.startswith("model name")), "unknown")
    memory_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            timeout=10, cwd=pathlib.Path(__file__).parent, check=False).stdout.strip()
    version = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=10,
                             check=False).stdout.strip()
    return {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "cpus": len(os.sched_getaffinity(0)), "cpu": model,
            "memory_gib": round(memory_kib / MIB), "kernel": platform.release(),
            "python": platform.python_version(), "commit": commit or "unknown",
            "version": version, "options": options}


def sized_or_not(results: Results, kind: str) -> list[Turn]:
    """Turns whose requests have the sizes of their bodies, if there are any."""
    return [t for t in results.sized if t.kind == kind] or results.kind(kind)


def lines_of(results: Results) -> list[str]:
    head: tuple[str, ...] = ("", *COLUMNS.values(), "target", f"{PUBLISHED_BY}*", "tuned*")
    machine = results.machine
    lines = [f"{machine['date']}, {machine['cpus']} x {machine['cpu']}, Linux {machine['kernel']}, "
             f"{machine['version']} at {machine['commit']}", "", *round_lines(results), "",
             *([*chain_lines(results.chains), ""] if results.chains else []),
             *print_columns([head, *comparison(results)], 1), "",
             f"* measured elsewhere, on the same kind of machine (2 vCPU for everything, Kubernetes "
             f"1.36.3, kwok), not in this run; plain Jobs there: {PUBLISHED['jobs'][0]}/s.",
             "  Compare across columns of one run; machines of one kind differ by up to 38 %. In a chain of plain Jobs",
             "  the bench makes the next one when it sees a pod end. No managedFields: with manifests/no-managed-fields.", "",
             "requests for each one-step run", *request_lines(sized_or_not(results, "runs")), "",
             "requests for each one-step run without managedFields", *request_lines(sized_or_not(results, "untracked")), "",
             "requests for each plain Job", *request_lines(sized_or_not(results, "jobs")), ""]
    found = doubts(results)
    lines += [f"! {line}" for line in found] or ["nothing doubtful was seen"]
    return lines


def new_folder(base: pathlib.Path, cpus: int) -> pathlib.Path:
    """DATE-CPUS, with a number behind it when that is taken."""
    stem = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}-{cpus}cpu"
    number = 1
    while (folder := base / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    folder.mkdir(parents=True)
    return folder


def write_lines(file: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def flat(turns: list[Turn]) -> list[dict[str, Any]]:
    return [{k: v for k, v in dataclasses.asdict(t).items() if k != "requests"} for t in turns]


def save_comparison(folder: pathlib.Path, a: list[Turn], b: list[Turn], lines: list[str]) -> None:
    rows = [{"build": name, **row} for name, turns in (("A", a), ("B", b)) for row in flat(turns)]
    write_lines(folder / "turns.jsonl", rows)
    (folder / "table.txt").write_text("\n".join(lines) + "\n")


def save(results: Results, folder: pathlib.Path) -> None:
    """Raw samples as JSON lines, and the table as it was printed."""
    turns = results.all_turns()
    write_lines(folder / "turns.jsonl", flat(turns))
    requests = [{"kind": t.kind, "round": t.round, "user": u, "verb": v, "resource": r, "code": c,
                 "number": n, "bytes_sent": s, "bytes_answered": a}
                for t in [*turns, *results.sized] for u, v, r, c, n, s, a in table_of_requests([t])]
    write_lines(folder / "requests.jsonl", requests)
    write_lines(folder / "hops.jsonl", [{"round": c.turn.round, "at_once": c.at_once, "kind": c.kind, **hop}
                                        for c in results.chains for hop in c.hops])
    kept = {"memory": results.memory, "seconds_to_ready": results.starts}
    (folder / "machine.json").write_text(json.dumps({**results.machine, **kept}, indent=2) + "\n")
    (folder / "table.txt").write_text("\n".join(lines_of(results)) + "\n")
