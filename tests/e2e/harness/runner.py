"""Runs the tests side by side, a line for each, with what was seen where one fails."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import threading
import time
import traceback
import unittest
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from harness.api import Api
from harness.case import ClusterCase, DryRunCase

FOLDER = Path(__file__).resolve().parents[1]


def find_tests(pattern: str) -> list[ClusterCase]:
    def walk(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from walk(item)
            else:
                yield item

    loader = unittest.TestLoader()
    suite = loader.discover(str(FOLDER), pattern="test_*.py", top_level_dir=str(FOLDER))
    for error in loader.errors:
        print(error, file=sys.stderr)
    if loader.errors:
        sys.exit(1)
    return [test for test in walk(suite) if isinstance(test, ClusterCase) and matches(test, pattern)]


def share_of(tests: list[ClusterCase], number: int, count: int) -> list[ClusterCase]:
    """The tests of share `number` (from 1) of `count`, by their weights: the longest goes where there is least."""
    shares: list[list[ClusterCase]] = [[] for _ in range(count)]
    for test in sorted(tests, key=lambda test: -test.weight):
        min(shares, key=lambda share: sum(other.weight for other in share)).append(test)
    return shares[number - 1]


def sentence(test: ClusterCase) -> str:
    text = (test._testMethodDoc or test._testMethodName.removeprefix("test_").replace("_", " ")).strip()
    return " ".join(text.split())


def matches(test: ClusterCase, pattern: str) -> bool:
    if not pattern:
        return True
    name = f"{test.id()} {sentence(test)}".lower()
    return pattern.lower() in name or fnmatch.fnmatch(name, pattern.lower())


def sweep(api: Api) -> None:
    """Namespaces of runs that were killed: their names have the number of a process that is gone."""
    for thing in api.call("GET", "api/v1/namespaces", labelSelector="tidemill.dev/e2e=true")["items"]:
        name = thing["metadata"]["name"]
        number = name.split("-")[-2]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            api.call("DELETE", f"api/v1/namespaces/{name}", {"propagationPolicy": "Background"})


class Tally:
    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self.lock = threading.Lock()

    def add(self, test: ClusterCase, seconds: float, detail: str) -> None:
        with self.lock:
            name = sentence(test)
            if detail:
                self.failed.append(name)
                print(f"FAILED  {seconds:5.1f}s  {name}", flush=True)
                print("\n".join("    | " + line for line in detail.splitlines()), flush=True)
            else:
                self.passed += 1
                print(f"ok      {seconds:5.1f}s  {name}", flush=True)


def clean_up(test: ClusterCase) -> str:
    """What failed of it. doCleanups() would keep that to itself where unittest does not run the test."""
    detail = ""
    calls = [(test.tearDown, (), {})]
    while calls:
        function, words, named = calls.pop()
        try:
            function(*words, **named)
        except Exception:
            detail += "\n" + traceback.format_exc()
        if test._cleanups:
            calls.append(test._cleanups.pop())
    return detail


def run_one(test: ClusterCase, tally: Tally) -> None:
    """setUp, the test and the cleanups; what was seen is gathered before the cleanups."""
    began = time.monotonic()
    detail = ""
    try:
        test.setUp()
        getattr(test, test._testMethodName)()
    except Exception:
        detail = traceback.format_exc()
        try:
            detail += test.describe()
        except Exception:
            detail += f"and it can't be told what was seen: {traceback.format_exc()}"
    seconds = time.monotonic() - began
    tally.add(test, seconds, detail + clean_up(test))


def list_all(pattern: str) -> int:
    for test in find_tests(pattern):
        print(sentence(test))
    return 0


class Beside:
    """Shows the lines of another run of this as they come, and keeps its counts."""

    COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$")

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.passed = 0
        self.failed: list[str] = []
        self.is_whole = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            counts = self.COUNTS.match(line)
            if counts:
                self.passed, self.is_whole = int(counts[1]), True
            elif line.startswith("failed: "):
                self.failed.append(line.removeprefix("failed: ").strip())
            else:
                print(line, end="", flush=True)

    def join(self) -> None:
        """Its end; a run that did not say its counts has failed."""
        self.thread.join()
        if (self.process.wait(60) != 0 or not self.is_whole) and not self.failed:
            self.failed.append("the tests with a control plane of their own did not end well")


def run_side_by_side(tests: list[ClusterCase], threads: int, tally: Tally, on_last: Callable[[], None]) -> None:
    """The longest first; `on_last` is called when no test waits for a thread any more."""
    queue = sorted(tests, key=lambda test: -test.weight)
    waiting = len(queue)
    lock = threading.Lock()

    def take(test: ClusterCase) -> None:
        nonlocal waiting
        with lock:
            waiting -= 1
            is_last = waiting == 0
        if is_last:
            on_last()
        run_one(test, tally)

    if not queue:
        on_last()
    with ThreadPoolExecutor(threads) as pool:
        for done in as_completed([pool.submit(take, test) for test in queue]):
            done.result()


def run_all(tests: list[ClusterCase], threads: int,
            start_beside: Callable[[], Sequence[subprocess.Popen[str]]] = tuple) -> int:
    """`start_beside` starts other runs of this once processors get free; their tests count as ours."""
    began = time.monotonic()
    others: list[Beside] = []
    if any(not test.own_plane for test in tests):
        ClusterCase.api = Api()
        sweep(ClusterCase.api)
    tally = Tally()
    run_side_by_side([test for test in tests if not test.serial], threads, tally,
                     lambda: others.extend(map(Beside, start_beside())))
    print(f"e2e: {time.monotonic() - began:.0f} s, now one by one", flush=True)
    for test in sorted((test for test in tests if test.serial), key=lambda test: test.weight):
        run_one(test, tally)
    if hasattr(ClusterCase, "api"):
        DryRunCase.forget_shared(ClusterCase.api)
    for other in others:
        other.join()
        tally.passed += other.passed
        tally.failed += other.failed
    for name in tally.failed:
        print(f"failed: {name}")
    print(f"e2e: {time.monotonic() - began:.0f} s")
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed or not tally.passed else 0
