"""The command line of bench/run."""

import argparse
import contextlib
import dataclasses
import fcntl
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from measure import chains, compare, hooks, kept, load, plots, report, shapes, sizes, sources, writes
from measure.api import Failure
from measure.cluster import ROOT, UNTRACKED, BenchCluster, Cluster, Controller, free_port, remove_cluster, run

BUILD_LIMIT_S = 900
PACKAGES_LIMIT_S = 1800
MEMORY_CALM_S = 3
WARM_UP = 20
SIZED = 50  # runs and Jobs whose bodies are logged
ALONE = 10  # chains, one after the other
STARTS = 7  # of the controller; their median is told
began = time.monotonic()

EPILOG = """\
Each round creates N plain Jobs, then N one-step PipelineRuns whose Jobs have the same pod, then N more
with manifests/no-managed-fields, on a
throwaway control plane with fake nodes (hack/cluster --kwok) that is removed at the end. The sizes of bodies
come from a few more on a second one, since logging them costs the API server as much as some requests. All
raw samples are kept in bench/results. What each number means is in bench/README.md.

--against measures two builds in turns, A B A B ..., --rounds pairs of N runs, on one cluster with the
CRDs of this tree. It prints the ratios within the pairs, and says so when they don't agree.

--check-writes counts instead of measuring: exit code 1 unless each of 20 runs cost the controller
at most 3 writes, and no more bytes than it may (bench/measure/sizes.py), without managedFields too. With TIDEMILL_AUDIT_LOG set (hack/cluster env) it looks at the controller that is
installed on the cluster of KUBECONFIG; otherwise it starts a cluster and a controller of its own.
"""


def say(text: str) -> None:
    print(f"[{time.monotonic() - began:4.0f}s] {text}", flush=True)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return value


def sizes_kept(text: str) -> list[int]:
    if not all(part.isdigit() for part in text.split(",")):
        raise argparse.ArgumentTypeError("expected numbers with commas between them")
    return [int(part) for part in text.split(",")]


def shape(text: str) -> tuple[str, int]:
    try:
        return shapes.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description="What a run costs, side by side with plain Jobs.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=300, help="N, in each turn (default 300)")
    parser.add_argument("--rounds", type=positive, default=4, help="turns of each kind (default 4)")
    parser.add_argument("--chains", type=int, default=40,
                        help="runs of five steps, 10 at a time, in each turn; 0: none (default 40)")
    parser.add_argument("--no-sizes", action="store_true", help="leave out the second control plane, "
                        "whose audit log has the bodies of requests")
    parser.add_argument("--against", metavar="REVISION|FILE", help="compare two builds in turns: A is "
                        "--binary, B this revision of Git or this program")
    parser.add_argument("--check-writes", action="store_true", help="count the writes of a run")
    parser.add_argument("--kept", type=sizes_kept, metavar="N,...", help="start the controller with so many "
                        "finished runs in the cluster, e.g. 0,1000,5000,10000: memory and time")
    parser.add_argument("--shape", type=shape, action="append", metavar="NAME=N", help="what a large "
                        f"shape costs, {', '.join(shapes.SHAPES)}; may be given several times")
    parser.add_argument("--sources", type=positive, metavar="N", help="what it costs to poll the sources "
                        "of N Triggers of every kind, one host of which never answers")
    parser.add_argument("--hooks", nargs="*", choices=[mix.name for mix in hooks.MIXES], metavar="MIX",
                        help="what floods of deliveries to webhooks cost, "
                        f"{', '.join(mix.name for mix in hooks.MIXES)}; none: all")
    parser.add_argument("--rate", type=positive, default=1000, help="deliveries a second (default 1000)")
    parser.add_argument("--seconds", type=positive, default=30, help="of each mix (default 30)")
    parser.add_argument("--planning", action="store_true", help="count what planning costs: no cluster")
    parser.add_argument("--plots", nargs="+", type=pathlib.Path, metavar="FOLDER", help="draw the samples "
                        "of these folders of bench/results into bench/plots")
    parser.add_argument("--binary", type=pathlib.Path,
                        help="the controller to measure (default: make release builds it)")
    parser.add_argument("--cluster", default="bench", help="name of the cluster (default bench); one "
                        "that is there is replaced")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench" / "results",
                        help="where the folder with the samples goes (default bench/results)")
    return parser.parse_args(arguments)


def on_signal(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Two at once would take each other's cluster, and measure each other."""
    path = pathlib.Path(tempfile.gettempdir(), f"tidemill-bench-{os.getuid()}-{name}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failure(f"another bench uses cluster {name}: wait, or give --cluster") from error
        yield


def find_binary(given: pathlib.Path | None) -> pathlib.Path:
    if given:
        return given.resolve()
    run([str(ROOT / "hack" / "packages"), "build", "cluster"], PACKAGES_LIMIT_S)
    say("building the controller")
    run(["make", "--no-print-directory", "release"], BUILD_LIMIT_S)
    return ROOT / "build" / "release" / "tidemill"


@contextlib.contextmanager
def on_cluster(options: argparse.Namespace, bodies: bool = False) -> Iterator[tuple[BenchCluster, contextlib.ExitStack]]:
    """A cluster without a controller; it goes at the end, after what is put on the stack. `bodies`: they are logged."""
    with only_one(options.cluster), contextlib.ExitStack() as stack:
        stack.callback(remove_cluster, options.cluster)
        cluster = BenchCluster(options.cluster, bodies)
        cluster.install()
        yield cluster, stack


def start_controller(cluster: BenchCluster, stack: contextlib.ExitStack, binary: pathlib.Path,
                     arguments: tuple[str, ...] = ()) -> Controller:
    controller = Controller(cluster, binary, pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())), arguments)
    stack.callback(controller.stop)
    say(f"the controller is ready after {controller.seconds_to_ready * 1000:.0f} ms")
    return controller


@contextlib.contextmanager
def started(options: argparse.Namespace, ends: bool = False, bodies: bool = False) -> Iterator[tuple[BenchCluster, Controller]]:
    """A cluster with a controller; both end, whatever happens. `ends`: the caller ends it itself."""
    binary = find_binary(options.binary)
    with on_cluster(options, bodies) as (cluster, stack):
        controller = start_controller(cluster, stack, binary)
        yield cluster, controller
        if controller.process.poll() is not None and not ends:
            raise Failure(f"the controller ended with {controller.process.returncode}")


def in_turn(round_number: int) -> list[str]:
    """The kinds, every other time from the end: what one leaves to be done is not always the same one's."""
    kinds = list(report.COLUMNS)
    return kinds if round_number % 2 else kinds[::-1]


def measure_chains(options: argparse.Namespace, bench: load.Bench) -> list[chains.Chains]:
    found: list[chains.Chains] = []
    for number in range(1, options.rounds + 1) if options.chains > 0 else ():
        for at_once, count in ((chains.AT_ONCE, options.chains), (1, min(ALONE, options.chains))):
            for kind in in_turn(number):
                found.append(chains.measure(bench, number, kind, count, at_once))
                say(f"round {number} of {options.rounds}: {count} chains of {chains.STEPS} steps, {kind}, "
                    f"{at_once} at a time, in {found[-1].turn.seconds:.1f} s")
    return found


def measure(options: argparse.Namespace, bench: load.Bench, starts: list[float]) -> report.Results:
    controller = bench.controller
    time.sleep(MEMORY_CALM_S)
    memory = {"idle": controller.memory().resident}
    bench.warm_up("warm-up", WARM_UP)
    kinds = list(report.COLUMNS)
    bench.prepare([f"{k}-{r}" for r in range(1, options.rounds + 1) for k in kinds])
    bench.measure_idle()
    turns: list[load.Turn] = []
    for number in range(1, options.rounds + 1):
        for kind in in_turn(number):
            turns.append(bench.turn(kind, number, f"{kind}-{number}", options.runs))
            say(f"round {number} of {options.rounds}: {options.runs} {kind} in {turns[-1].seconds:.1f} s, "
                f"{report.rate(turns[-1]):.1f} in a second")
    followed = measure_chains(options, bench)
    memory |= {"peak": controller.memory().peak, "after": controller.memory().resident}
    told = {k: str(v) if isinstance(v, pathlib.Path) else v for k, v in vars(options).items()
            if k in ("runs", "rounds", "chains", "no_sizes")}
    binary = pathlib.Path(f"/proc/{controller.pid}/exe").resolve()
    return report.Results(report.describe_machine(told, binary), turns, followed, memory, starts)


def measure_sizes(bench: load.Bench) -> list[load.Turn]:
    bench.warm_up("warm-up", WARM_UP)
    kinds = list(report.COLUMNS)
    bench.prepare([f"sized-{kind}" for kind in kinds])
    bench.measure_idle()
    turns = [bench.turn(kind, 1, f"sized-{kind}", SIZED) for kind in kinds]
    say(f"{SIZED} Jobs and {SIZED} runs whose bodies are logged")
    return turns


def command_bench(options: argparse.Namespace) -> int:
    with started(options) as (cluster, controller):
        starts = [controller.seconds_to_ready, *(controller.restart() for _ in range(STARTS - 1))]
        results = measure(options, load.Bench(cluster, controller), starts)
        folder = report.new_folder(options.output, results.machine["cpus"])
        (folder / "controller.log").write_bytes(controller.log.read_bytes())
    if not options.no_sizes:
        with started(options, bodies=True) as (cluster, controller):
            results.sized = measure_sizes(load.Bench(cluster, controller))
    report.save(results, folder)
    print("\n" + "\n".join(report.lines_of(results)))
    say(f"raw samples: {os.path.relpath(folder)}")
    return 0


def command_compare(options: argparse.Namespace) -> int:
    first = find_binary(options.binary)
    with tempfile.TemporaryDirectory() as folder:
        say(f"building {options.against}")
        second = compare.build(options.against, pathlib.Path(folder))
        with on_cluster(options) as (cluster, stack):
            a = start_controller(cluster, stack, first)
            a.stop()
            b = start_controller(cluster, stack, second)
            bench = load.Bench(cluster, b)
            turns = compare.measure(bench, a, b, options.rounds, options.runs, say)
    lines = [compare.describe(first, options.against), "",
             *compare.lines_of(*turns, cores=len(os.sched_getaffinity(0)))]
    print("\n" + "\n".join(lines))
    folder_kept = report.new_folder(options.output, len(os.sched_getaffinity(0)))
    report.save_comparison(folder_kept, *turns, lines)
    say(f"raw samples: {os.path.relpath(folder_kept)}")
    return 0


def keep_samples(options: argparse.Namespace, name: str, samples: list[Any], lines: list[str]) -> None:
    """One JSON line for each sample, the machine, and the table as it was printed."""
    machine = report.describe_machine({"kept": options.kept, "shape": options.shape},
                                      options.binary or ROOT / "build" / "release" / "tidemill")
    folder = report.new_folder(options.output, machine["cpus"])
    report.write_lines(folder / f"{name}.jsonl", [dataclasses.asdict(s) for s in samples])
    (folder / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")
    head = f"{machine['date']}, {machine['cpus']} x {machine['cpu']}, {machine['version']} at {machine['commit']}"
    (folder / "table.txt").write_text("\n".join([head, "", *lines]) + "\n")
    print("\n" + "\n".join(lines))
    say(f"raw samples: {os.path.relpath(folder)}")


def command_kept(options: argparse.Namespace) -> int:
    with started(options, ends=True) as (cluster, controller):
        samples = kept.measure(cluster, controller, options.kept, say)
    keep_samples(options, "kept", samples, report.print_columns(kept.lines_of(samples), 0))
    return 0


def command_shapes(options: argparse.Namespace) -> int:
    results: list[shapes.Result] = []
    try:
        with started(options) as (cluster, controller):
            for name, size in options.shape:
                results.append(shapes.measure(cluster, controller, name, size))
                say(shapes.request_lines(results[-1:])[0])
    finally:  # what was measured before a failure is worth keeping
        lines = report.print_columns(shapes.lines_of(results), 1) + ["", *shapes.request_lines(results)]
        keep_samples(options, "shapes", results, lines)
    return 0


def command_sources(options: argparse.Namespace) -> int:
    with started(options) as (cluster, controller):
        result = sources.measure(cluster, controller, options.sources, say)
    keep_samples(options, "sources", [result], report.print_columns(sources.lines_of(result), 0))
    return 0


def command_hooks(options: argparse.Namespace) -> int:
    """The controller is started anew for each mix, so that memory is its own."""
    binary = find_binary(options.binary)
    run(["make", "--no-print-directory", "FLAVOUR=release", "build/release/bench-deliver"], BUILD_LIMIT_S)
    port = free_port()
    results: list[hooks.Result] = []
    try:
        with on_cluster(options) as (cluster, stack):
            controller = start_controller(cluster, stack, binary, ("--webhook-address", f"127.0.0.1:{port}"))
            bench = load.Bench(cluster, controller)
            for mix in hooks.MIXES:
                if options.hooks and mix.name not in options.hooks:
                    continue
                controller.restart()
                flood = hooks.Flood(bench, ROOT / "build" / "release" / "bench-deliver", port, mix, options.rate,
                                    options.seconds)
                results.append(flood.measure())
                say(f"{mix.what}: {results[-1].reached:.0f} a second, {results[-1].statuses}")
    finally:  # what was measured before a failure is worth keeping
        lines = report.print_columns(hooks.lines_of(results), 1) + ["", *hooks.request_lines(results)]
        keep_samples(options, "hooks", results, lines)
    return 0


def command_planning(options: argparse.Namespace) -> int:
    say("building what is counted")
    run(["make", "--no-print-directory", "counted"], BUILD_LIMIT_S)
    text = run([str(ROOT / "build" / "counted" / "plan_cost")], BUILD_LIMIT_S)
    folder = report.new_folder(options.output, len(os.sched_getaffinity(0)))
    (folder / "planning.jsonl").write_text(text)
    say(f"raw samples: {os.path.relpath(folder)}")
    return 0


def command_plots(options: argparse.Namespace) -> int:
    made = plots.draw_all(options.plots, ROOT / "bench" / "plots")
    if not made:
        raise Failure("no samples in these folders")
    say(f"bench/plots: {', '.join(made)}")
    return 0


def command_check_writes(options: argparse.Namespace) -> int:
    audit_log = os.environ.get("TIDEMILL_AUDIT_LOG")
    if audit_log:
        cluster = Cluster(os.environ.get("KUBECONFIG", ""), os.environ["PATH"], audit_log)
        writes.expect_controller(cluster)
        passed, failed = writes.check(cluster)
    else:
        with started(options) as (own_cluster, controller):
            passed, failed = writes.check(own_cluster, controller)
            print(f"with {UNTRACKED}:")
            own_cluster.track_fields(False)
            more = writes.check(own_cluster, controller, sizes.UNTRACKED_LIMITS)
            passed, failed = passed + more[0], failed + more[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    try:
        if options.check_writes:
            return command_check_writes(options)
        if options.planning:
            return command_planning(options)
        if options.plots:
            return command_plots(options)
        if options.hooks is not None:
            return command_hooks(options)
        if options.kept:
            return command_kept(options)
        if options.shape:
            return command_shapes(options)
        if options.sources:
            return command_sources(options)
        return command_compare(options) if options.against else command_bench(options)
    except (Failure, subprocess.SubprocessError, OSError, http.client.HTTPException) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"bench: interrupted {error}; everything was ended", file=sys.stderr)
        return 130
