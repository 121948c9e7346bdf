"""Plants faults in copies of the sources, one after the other, and looks which test finds each."""

from __future__ import annotations

import copy
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLAVOUR = "sim"
BUILD_SECONDS = 600
UNIT_SECONDS = 120
SIMULATION_SECONDS = 900

# The tests of what decides and writes, by the beginnings of their names: the cheap ones first.
BEGINNINGS = [
    "test_executor", "test_expectations", "test_queue", "test_routes", "test_gather", "test_reaction", "test_facts",
    "test_events", "test_cache", "test_reflector", "test_plan_", "test_cron", "test_codec", "test_kept", "test_poller",
    "test_source_secret", "test_hooks", "test_unreadable", "test_backfill", "test_controller_leads", "test_protobuf",
    "test_egress", "test_io_http2", "test_client_random", "test_election",
]
UNITS = [path.stem for beginning in BEGINNINGS for path in sorted((ROOT / "tests" / "unit").glob(f"{beginning}*.c"))
         if not path.stem.endswith("_endurance")]
SIMULATIONS = ["test_sim_random", "test_sim_faults", "test_sim_stale"]

# Which of them are about a file, by the beginning of its name; asked first.
NEAR = [
    ("kube/executor", "test_executor"), ("kube/request", "test_executor"),
    ("api/render", "test_executor"), ("api/codec_patch", "test_codec_patch"),
    ("kube/expectations", "test_expectations"), ("kube/queue", "test_queue"),
    ("kube/controller", "test_controller_leads"), ("api/schema_meta", "test_codec"), ("api/codec_form", "test_protobuf"),
    ("kube/egress", "test_egress"), ("io/http2", "test_io_http2"), ("io/http2", "test_client_random"), ("source/secret", "test_source_secret"),
    ("kube/election", "test_election"), ("kube/routes", "test_routes"), ("kube/reaction", "test_reaction"),
    ("kube/gather", "test_gather"), ("kube/reflector", "test_reflector"), ("cache/", "test_cache"),
    ("plan/pipeline", "test_plan_pipeline"), ("plan/run", "test_plan_run"), ("plan/run_observe", "test_plan_run_attempt"), ("plan/run_publish", "test_plan_run_publish"),
    ("plan/evidence", "test_plan_evidence"), ("plan/version_health", "test_plan_health"), ("plan/backoff", "test_plan_run"),
    ("plan/backfill", "test_plan_backfill"), ("cli/", "test_backfill"),
    ("plan/trigger", "test_plan_trigger"), ("plan/ends", "test_plan_trigger"), ("api/kept", "test_kept"), ("kube/poller", "test_poller"), ("kube/hooks", "test_hooks"),
    ("plan/cron", "test_cron"),
    ("plan/model", "test_plan_model"), ("plan/model", "test_plan_rollout"),
    ("plan/version", "test_plan_model"), ("plan/version", "test_plan_rollout"),
]

FAILED = re.compile(r"^\[  (?:FAILED|ERROR) *\] (\w+)$")


class Fault:
    """One thing that is wrong in one file of controller/."""

    def __init__(self, name: str, sentence: str, file: str) -> None:
        self.name = name
        self.sentence = sentence
        self.file = file  # below controller/
        self.asks_others = True  # when no test that is near has found it
        self.found_by = ""  # "": it survived
        self.error = ""
        self.seconds = 0.0

    def near(self) -> list[str]:
        """The tests that are asked first."""
        wanted = [test for prefix, test in NEAR if self.file.startswith(prefix)]
        return [unit for unit in UNITS if any(unit.startswith(test) for test in wanted)]

    def plant(self, folder: pathlib.Path) -> None:
        """Raises RuntimeError when it does not apply."""
        raise NotImplementedError

    def remove(self, folder: pathlib.Path) -> None:
        raise NotImplementedError


class Copy:
    """The sources and what was built of them, to plant faults in."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.jobs = 2
        self.flags: list[str] = []  # more words for make
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        built = ROOT / "build" / FLAVOUR
        if built.is_dir():
            shutil.copytree(built, folder / "build" / FLAVOUR, symlinks=True)

    def twin(self, folder: pathlib.Path) -> "Copy":
        """Another one of what was built here."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = copy.copy(self)
        other.folder = folder
        return other

    def build(self, tests: list[str]) -> None:
        targets = [f"build/{FLAVOUR}/{test}" for test in tests]
        done = subprocess.run(
            ["make", "--no-print-directory", f"-j{self.jobs}", f"FLAVOUR={FLAVOUR}", *self.flags, *targets],
            cwd=self.folder, capture_output=True, text=True, timeout=BUILD_SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"does not build: {done.stderr.strip()[:600]}")

    def first_failure(self, test: str, limit: int) -> str:
        """The first test of this binary that fails, "" when none does."""
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                [f"build/{FLAVOUR}/{test}"], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )
            ends = time.monotonic() + limit
            try:
                while True:
                    over = process.poll() is not None
                    log.seek(0)
                    for line in log.read().splitlines():
                        match = FAILED.match(line)
                        if match:
                            return match[1].replace("_", " ")
                    if over:
                        return "" if process.returncode == 0 else "it died"
                    if time.monotonic() > ends:
                        return f"it did not end within {limit} s"
                    time.sleep(0.05)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def find(self, tests: list[str], limit: int) -> str:
        if tests:
            self.build(tests)
        for test in tests:
            failure = self.first_failure(test, limit)
            if failure:
                return f"`{test}` {failure}"
        return ""

    def judge(self, fault: Fault, units: list[str], simulations: list[str]) -> None:
        began = time.monotonic()
        try:
            fault.plant(self.folder)
        except RuntimeError as error:
            fault.error = str(error)
            return
        try:
            near = [unit for unit in fault.near() if unit in units]
            rest = [unit for unit in units if fault.asks_others and unit not in near]
            fault.found_by = (self.find(near, UNIT_SECONDS) or self.find(rest, UNIT_SECONDS)
                              or self.find(simulations, SIMULATION_SECONDS))
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            fault.error = str(error)
        finally:
            fault.remove(self.folder)
        fault.seconds = time.monotonic() - began


def say(fault: Fault) -> None:
    verdict = fault.error or fault.found_by or "SURVIVED: " + fault.sentence
    print(f"{fault.seconds:6.1f} s  {fault.name}: {verdict}", flush=True)


def judge_all(faults: Sequence[Fault], units: list[str], simulations: list[str], workers: int, trust: bool,
              flags: Sequence[str] = ()) -> None:
    """Says of each what found it. Unless `trust`, every test must pass without a fault first. `flags`: for make, once
    what has no fault is built."""
    waiting: queue.SimpleQueue[Fault] = queue.SimpleQueue()
    for fault in faults:
        waiting.put(fault)

    def work(place: Copy) -> None:
        while True:
            try:
                fault = waiting.get_nowait()
            except queue.Empty:
                return
            place.judge(fault, units, simulations)
            say(fault)

    with tempfile.TemporaryDirectory(prefix="tidemill-mutation-") as folder:
        base = pathlib.Path(folder)
        first = Copy(base / "0")
        first.build([*units, *simulations])
        failure = "" if trust else first.find([*units, *simulations], SIMULATION_SECONDS)
        if failure:
            sys.exit(f"without any fault a test fails, so nothing can be learnt: {failure}")
        first.jobs, first.flags = 1, list(flags)
        places = [first, *(first.twin(base / str(number)) for number in range(1, workers))]
        threads = [threading.Thread(target=work, args=(place,)) for place in places]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
