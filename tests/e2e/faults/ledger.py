"""What a namespace's runs must have come to, whatever happened to them on the way.

The runs are of a few pipelines whose faultless course is known to the last Job. Everything that a
fault may add is written down when it was injected (`Losses`); what is neither is a finding: a run
that was lost, a step that was done twice, a version that was published twice.

Every Job that was ever made is held to the one name that its run, step and attempt give it. So a Job
too many is found also where a run was cancelled, or is gone with its Jobs, and only the log tells of it.
"""

from __future__ import annotations

import collections
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from harness import names
from harness.api import Api, ApiError, Json
from harness.audit import Request

FINAL = ("Succeeded", "Failed", "Cancelled")
STEP, ATTEMPT = "tidemill.dev/step", "tidemill.dev/attempt"
CREATED = 201
SEAL = "tidemill-seal"  # the step of the Job that digests what is published
PATIENT = {"limit": 10, "backoff": {"initial": "1s", "max": "2s"}}
WATCH_SECONDS = 60
MODEL = "m"
CLAIM = "artifacts"
TRIES = 4  # of a write that is refused in the same words: a first one, and some at once because of other news
REFUSED_FOR_A_RUN = 10  # its Job, and an event about each thing that befalls it


def step(name: str, *after: str, retry: Json | None = None, fake: dict[str, str] | None = None, **fields: Any) -> Json:
    """A step that the fake nodes play; `fake` are their annotations without the prefix."""
    made: Json = {"name": name, "image": "fake", "command": ["true"], "retry": retry or PATIENT, **fields}
    if after:
        made["runAfter"] = list(after)
    if fake:
        made["podTemplate"] = {"metadata": {"annotations": {f"fake.tidemill.dev/{k}": v for k, v in fake.items()}}}
    return made


@dataclass(frozen=True)
class Course:
    """A pipeline, and what a run of it comes to when nothing is injected."""

    steps: tuple[Json, ...]
    attempts: dict[str, int]  # by step, in the order of steps
    end: str = "Succeeded"
    publishes: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def spec(self) -> Json:
        return {"steps": list(self.steps), **self.fields}

    def waits_for(self, step_name: str) -> list[str]:
        """The steps that have Jobs before this one, or the seal, gets its own."""
        if step_name == SEAL:
            return list(self.attempts)
        return next(list(step.get("runAfter", [])) for step in self.steps if step["name"] == step_name)

    def most(self, step_name: str, lost: int) -> int:
        """Attempts. A run whose limit of them is its end can't have more."""
        if step_name == SEAL:
            return 1 + lost if self.publishes else 0
        return self.attempts[step_name] + (lost if self.end != "Failed" else 0)


def courses(takes: str = "0s") -> dict[str, Course]:
    """`takes`: how long a pod runs."""
    slow = {"takes": takes}
    made: Json = {"artifacts": [{"name": "model"}]}
    return {
        "one": Course((step("only", fake=slow),), {"only": 1}),
        "chain": Course((step("first", fake=slow), step("second", "first", fake=slow), step("third", "second", fake=slow)),
                        {"first": 1, "second": 1, "third": 1}),
        "again": Course((step("only", fake={**slow, "fails-first": "yes"}),), {"only": 2}),
        "broken": Course((step("only", fake={**slow, "fails": "always"},
                               retry={"limit": 1, "backoff": {"initial": "1s"}}),), {"only": 2}, end="Failed"),
        "publish": Course((step("train", fake=slow, outputs=made),), {"train": 1}, publishes=True,
                          fields={"artifacts": {"volumeClaim": {"claimName": CLAIM}},
                                  "publish": {"model": MODEL, "artifact": "train.model"}}),
    }


@dataclass
class Losses:
    """What was done to a namespace that a Job, an attempt or an end too many is explained by."""

    jobs: dict[str, tuple[str, str]] = field(default_factory=dict)  # Job that lost itself or a pod -> (run, step)
    hits: collections.Counter[str] = field(default_factory=collections.Counter)  # how often each of them did
    runs: dict[str, str] = field(default_factory=dict)  # deleted by a user -> uid
    cancelled: set[str] = field(default_factory=set)
    # The audit log may lack the last lines of an API server that was killed, and has another code
    # for a request whose sender was gone before its answer.
    log_lacks_lines: bool = False

    def lose_job(self, job: str, run: str, step_name: str) -> None:
        self.jobs[job] = (run, step_name)
        self.hits[job] += 1

    def of_step(self, run: str, step_name: str) -> int:
        """What explains an attempt more. A Job that seals is made again under its own name when it was deleted."""
        lost = [job for job, place in self.jobs.items() if place == (run, step_name)]
        return sum(self.hits[job] for job in lost) if step_name == SEAL else len(lost)


class Observer(threading.Thread):
    """Follows all runs of a namespace, and notes each that leaves a final phase, or shows it too early."""

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(daemon=True)
        self.api, self.namespace = api, namespace
        self.phases: dict[str, str] = {}  # by uid
        self.wrong: list[str] = []
        self.ended = False
        self.start()

    def note(self, run: Json) -> None:
        uid, name = run["metadata"]["uid"], run["metadata"]["name"]
        phase = run.get("status", {}).get("phase", "")
        before = self.phases.get(uid, "")
        if before in FINAL and phase != before:
            self.wrong.append(f"run {name} went from {before} to {phase or 'nothing'}")
        self.phases[uid] = phase

    def run(self) -> None:
        while not self.ended:
            try:
                for kind, thing in self.api.watch("PipelineRun", self.namespace, WATCH_SECONDS):
                    if kind in ("ADDED", "MODIFIED"):
                        self.note(thing)
                    if self.ended:
                        return
            except Exception:  # the API server is what the test breaks: it is asked again
                time.sleep(0.5)


@dataclass
class Account:
    """All that is there at the end, and all that the controller asked for since the beginning."""

    runs: list[Json]
    jobs: list[Json]
    versions: list[Json]
    writes: list[Request]


def owner_run(thing: Json) -> str:
    return next((owner["name"] for owner in thing["metadata"].get("ownerReferences", [])
                 if owner["kind"] == "PipelineRun"), "")


def take_account(api: Api, namespace: str, writes: list[Request]) -> Account:
    def items(kind: str) -> list[Json]:
        found: list[Json] = api.call("GET", api.path(kind, namespace))["items"]
        return found

    return Account(items("PipelineRun"), items("Job"), items("ModelVersion"), writes)


def _creates(account: Account, resource: str) -> collections.Counter[str]:
    return collections.Counter(write.name for write in account.writes
                               if write.verb == "create" and write.resource == resource and write.code == CREATED)


Attempts = dict[str, set[int]]  # by step, SEAL too


@dataclass
class Begun:
    """The attempts of a run."""

    made: Attempts = field(default_factory=lambda: collections.defaultdict(set))
    # Also those that were asked for, whatever the answer in the log: the answer of one that was made may be lost.
    asked: Attempts = field(default_factory=lambda: collections.defaultdict(set))


def _explain_jobs(account: Account, of: dict[str, str], known: dict[str, Course],
                  losses: Losses) -> dict[str, tuple[str, str, int]]:
    """(run, step, attempt) by the name of each Job that there may have been."""
    uids = {**losses.runs, **{run["metadata"]["name"]: run["metadata"]["uid"] for run in account.runs}}
    explained = {}
    for run, pipeline in of.items():
        uid, course = uids.get(run, ""), known[pipeline]
        for step_name in (*course.attempts, SEAL):
            for attempt in range(1, course.most(step_name, losses.of_step(run, step_name)) + 1):
                name = names.seal_job(run, uid, attempt) if step_name == SEAL else \
                    names.step_job(run, uid, step_name, attempt)
                explained[name] = (run, step_name, attempt)
    return explained


def _check_begun(run: str, course: Course, begun: Begun) -> list[str]:
    """Also of a run that was cancelled or is gone: what it had begun, it began in the order of its pipeline."""
    wrong = []
    for step_name, attempts in begun.made.items():
        wrong += [f"run {run}, step {step_name}: attempt {attempt} was made, and none before it"
                  for attempt in attempts if attempt > 1 and attempt - 1 not in begun.asked[step_name]]
        wrong += [f"run {run}, step {step_name}: it has a Job, and step {before} before it has none"
                  for before in course.waits_for(step_name) if not begun.asked[before]]
    return wrong


def _check_status(run: Json, course: Course, begun: Begun, losses: Losses) -> list[str]:
    """The attempts that a run's status tells of, whatever its end, are those that were made."""
    name = run["metadata"]["name"]
    wrong = []
    for status in run.get("status", {}).get("steps", []):
        step_name, attempts = status["name"], status.get("attempts", 0)
        lost = losses.of_step(name, step_name)
        # A run that was stopped may have begun less than its course has.
        least = 0 if run["status"].get("phase") == "Cancelled" else course.attempts[step_name]
        if not least <= attempts <= course.most(step_name, lost):
            wrong.append(f"run {name}, step {step_name}: {attempts} attempts, where {course.attempts[step_name]} "
                         f"and {lost} injected losses are known")
        told, made = set(range(1, attempts + 1)), begun.made[step_name]
        if made - told or (told - begun.asked[step_name] and not losses.log_lacks_lines):
            wrong.append(f"run {name}, step {step_name}: attempts {sorted(made)} were made, {attempts} by its status")
    return wrong


def _check_run(run: Json, course: Course, jobs: list[Json], losses: Losses) -> list[str]:
    name = run["metadata"]["name"]
    phase = run.get("status", {}).get("phase", "")
    if name in losses.cancelled and phase == "Cancelled":
        return []  # of its Jobs those that ran are gone; what there was of them is the log's to say
    if phase != course.end:
        message = next((c["message"] for c in run.get("status", {}).get("conditions", []) if c["type"] == "Ready"), "")
        return [f"run {name} is {phase or 'nothing'}, not {course.end}: {message}"]
    made = collections.Counter((job["metadata"]["labels"].get(STEP, ""),
                                job["metadata"].get("annotations", {}).get(ATTEMPT, "")) for job in jobs)
    wrong = [f"run {name}: {count} Jobs for step {key[0] or 'seal'}, attempt {key[1]}"
             for key, count in made.items() if count > 1]
    for status in run["status"]["steps"]:
        step_name, attempts = status["name"], status.get("attempts", 0)
        there = {job["metadata"]["annotations"][ATTEMPT] for job in jobs if job["metadata"]["labels"].get(STEP) == step_name}
        expected = {str(number) for number in range(1, attempts + 1)}
        if there - expected or len(expected - there) > losses.of_step(name, step_name):
            wrong.append(f"run {name}, step {step_name}: Jobs of attempts {sorted(there)}, {attempts} by its status")
    return wrong


def check(account: Account, of: dict[str, str], known: dict[str, Course], losses: Losses) -> list[str]:
    """What is wrong, a sentence each. `of`: pipeline by run, of all runs that were ever made."""
    wrong = []
    jobs = collections.defaultdict(list)
    for job in account.jobs:
        jobs[owner_run(job)].append(job)
    present = {run["metadata"]["name"]: run for run in account.runs}
    wrong += [f"run {name} is gone, and nobody deleted it" for name in of if name not in present and name not in losses.runs]
    for name, run in sorted(present.items()):
        if name in of and name not in losses.runs:
            wrong += _check_run(run, known[of[name]], jobs[name], losses)
    wrong += _check_creates(account, of, known, losses)
    return wrong + _check_versions(account, of, known, losses)


def _check_creates(account: Account, of: dict[str, str], known: dict[str, Course], losses: Losses) -> list[str]:
    created = _creates(account, "jobs")
    there = {job["metadata"]["name"] for job in account.jobs}
    # A create whose answer was lost is in the log with another code. One that was refused before its
    # body was read, for its token or because the connection broke, names nobody and has made nothing.
    asked = {write.name for write in account.writes
             if write.resource == "jobs" and write.verb == "create" and (write.name or write.code == CREATED)}
    explained = _explain_jobs(account, of, known, losses)
    wrong = []
    if not losses.log_lacks_lines:
        wrong += [f"Job {name} exists, and the log does not say that it was asked for" for name in there - asked]
    begun: dict[str, Begun] = collections.defaultdict(Begun)
    for name in sorted(set(created) | there | asked):
        if name not in explained:
            wrong.append(f"Job {name} was made or asked for, and is no attempt that is explained")
            continue
        run, step_name, attempt = explained[name]
        begun[run].asked[step_name].add(attempt)
        if name in created or name in there:
            begun[run].made[step_name].add(attempt)
        # What seals has one name for each attempt, and is made again under it when it was deleted.
        most = 1 + (losses.hits[name] if step_name == SEAL else 0)
        if created[name] > most:
            wrong.append(f"Job {name} was created {created[name]} times")
    present = {run["metadata"]["name"]: run for run in account.runs}
    for run, pipeline in of.items():
        if not losses.log_lacks_lines:
            wrong += _check_begun(run, known[pipeline], begun[run])
        if run in present and run not in losses.runs:
            wrong += _check_status(present[run], known[pipeline], begun[run], losses)
    return wrong


def _check_versions(account: Account, of: dict[str, str], known: dict[str, Course], losses: Losses) -> list[str]:
    wrong = [f"ModelVersion {name} was created {count} times"
             for name, count in _creates(account, "modelversions").items() if count > 1]
    found = collections.Counter(version["spec"]["lineage"]["run"]["uid"] for version in account.versions)
    present = {run["metadata"]["name"]: run for run in account.runs}
    for name, pipeline in of.items():
        if not known[pipeline].publishes or name not in present:
            continue
        run = present[name]
        expected = 1 if run.get("status", {}).get("phase") == "Succeeded" else 0
        count = found.pop(run["metadata"]["uid"], 0)
        if count != expected:
            wrong.append(f"run {name} ({run.get('status', {}).get('phase')}) has {count} ModelVersions")
    for name, uid in losses.runs.items():
        count = found.pop(uid, 0)
        if count > known[of[name]].publishes:
            wrong.append(f"run {name}, deleted, has {count} ModelVersions")
    if found:
        wrong.append(f"ModelVersions of unknown runs: {dict(found)}")
    return wrong


def check_doomed(writes: list[Request], runs: int, starts: int = 1) -> list[str]:
    """What is wrong with how a namespace was left that is deleted with so many runs; `starts` of the controller meanwhile.

    Its objects go in any order, so there is no course to hold them to. But nothing that is refused there is tried in a
    loop, an event never again, and no Job is made twice."""
    made = collections.Counter(write.name for write in writes
                               if write.verb == "create" and write.resource == "jobs" and write.code == 201)
    wrong = [f"Job {name} was created {count} times" for name, count in made.items() if count > 1]
    refused = collections.Counter((write.verb, write.resource, write.subresource, write.name)
                                  for write in writes if write.code >= 400)
    for (verb, resource, part, name), count in refused.items():
        if count > (1 if resource == "events" else TRIES) * starts:
            wrong.append(f"{verb} {resource} {part} {name} was refused {count} times")
    if sum(refused.values()) > runs * REFUSED_FOR_A_RUN * starts:
        wrong.append(f"{sum(refused.values())} writes were refused for {runs} runs")
    return wrong


def unfinished(api: Api, namespace: str) -> int | None:
    """Runs that have not ended; None while the API server does not answer."""
    try:
        runs = api.call("GET", api.path("PipelineRun", namespace))["items"]
    except (ApiError, OSError):
        return None
    return sum(run.get("status", {}).get("phase") not in FINAL for run in runs)
