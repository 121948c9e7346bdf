"""The loop, and the report."""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import time
import traceback
from typing import Any

from faults.plane import Plane
from harness.cluster import ROOT
from soak import memory
from soak.chaos import Chaos
from soak.world import Round

OUT = ROOT / "build/soak"
FAULTS_IN_A_ROUND = (2, 6)
BATCH = (5, 20)
REST_SECONDS = (0.0, 4.0)
KEEP_LOG_LINES = 4000
SHOWN_WRITES = 14


class Soak:
    def __init__(self, minutes: float, seed: int) -> None:
        self.minutes, self.seed = minutes, seed
        self.dice = random.Random(seed)
        self.ends: collections.Counter[str] = collections.Counter()
        self.writes: collections.Counter[tuple[str, str, int]] = collections.Counter()
        self.wrong: list[str] = []
        self.rounds = self.jobs = self.versions = 0
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:5.0f}s] {text}", flush=True)

    def go(self) -> None:
        self.plane = Plane.shared()
        os.environ["TIDEMILL_AUDIT_LOG"] = str(self.plane.audit_log)
        self.chaos = Chaos(self.plane, self.dice)
        self.began = time.monotonic()
        self.sampler = memory.Sampler(self.plane.worker, self.began)
        while time.monotonic() - self.began < self.minutes * 60:
            self.rounds += 1
            try:
                self.round()
            except Exception:
                # The next round shows whether anything else is still whole.
                self.found([f"round {self.rounds}: {traceback.format_exc()}"], None)
                self.plane.heal()
        self.plane.worker.wait_ready()

    def round(self) -> None:
        of = Round(self.plane, self.rounds, self.dice)
        faults = []
        for _ in range(self.dice.randint(*FAULTS_IN_A_ROUND)):
            of.make_runs(self.dice.randint(*BATCH))
            time.sleep(self.dice.uniform(*REST_SECONDS))
            faults.append(self.chaos.one(of))
        self.chaos.heal()
        wrong, figures = of.close()
        self.count(figures)
        self.say(f"round {self.rounds}: {len(of.of)} runs under {', '.join(faults)}: "
                 f"{'as it must be' if not wrong else f'{len(wrong)} FINDINGS'}")
        if wrong:
            self.found(wrong, of)
        else:
            of.forget()

    def count(self, figures: dict[str, Any]) -> None:
        self.ends.update(figures["ends"])
        self.writes.update(figures["writes"])
        self.jobs += figures["jobs"]
        self.versions += figures["versions"]

    def found(self, wrong: list[str], of: Round | None) -> None:
        """The namespace stays until the end, and what was seen is kept."""
        self.wrong += wrong
        for line in wrong:
            self.say(f"FINDING {line}")
        lines = self.plane.worker.log.read_text(errors="replace").splitlines()[-KEEP_LOG_LINES:]
        kept: dict[str, Any] = {"wrong": wrong}
        if of:
            lines = [line for line in lines if of.namespace in line] or lines
            for kind in ("PipelineRun", "Job", "ModelVersion", "Trigger"):
                kept[kind] = self.plane.api.call("GET", self.plane.api.path(kind, of.namespace))["items"]
        (OUT / f"finding-{self.rounds}.json").write_text(json.dumps(kept, indent=1))
        (OUT / f"finding-{self.rounds}.log").write_text("\n".join(lines) + "\n")

    def report(self) -> str:
        """A Markdown table, as docs/soak.md has it, and the findings."""
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
                                timeout=10).stdout.strip()
        runs = sum(self.ends.values())
        minutes = (time.monotonic() - self.began) / 60
        load = "/".join(f"{value:.1f}" for value in os.getloadavg())
        each = max(runs, 1)
        rows = [
            ("build", os.environ["TIDEMILL_BUILD"]),
            ("length", f"{minutes:.0f} min, {self.rounds} rounds"),
            ("runs", f"{runs}: {told(self.ends.most_common())}"),
            ("Jobs, ModelVersions at the rounds' ends", f"{self.jobs}, {self.versions}"),
            ("faults", f"{sum(self.chaos.counts.values())}: {told(sorted(self.chaos.counts.items(), key=lambda entry: -entry[1]))}"),
            ("starts of the controller after the first", f"{self.plane.worker.starts - 1}"),
            *memory.tell(self.sampler.samples),
            ("writes for each run, refused ones and events included", f"{sum(self.writes.values()) / each:.2f}"),
            *((f"- {verb} {resource}, {code}", f"{count / each:.3f}")
              for (verb, resource, code), count in self.writes.most_common(SHOWN_WRITES)),
            ("lost, doubled, unexplained or left behind", f"{len(self.wrong) or 'none'}"),
        ]
        return "\n".join([f"`SOAK_MINUTES={self.minutes:g} SOAK_SEED={self.seed} make soak`, {commit}; "
                          f"load averages at the end {load}:", "", "| | |", "|---|---|",
                          *(f"| {what} | {figure} |" for what, figure in rows), *self.wrong])


def told(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts)


def main(minutes: float, seed: int) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"soak: {minutes:g} min, SOAK_SEED={seed}", flush=True)
    soak = Soak(minutes, seed)
    soak.go()
    text = soak.report()
    (OUT / "report.txt").write_text(text + "\n")
    (OUT / "memory.svg").write_text(memory.draw(soak.sampler.samples))
    print("\n" + text)
    return 1 if soak.wrong else 0
