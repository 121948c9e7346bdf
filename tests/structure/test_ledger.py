"""The ledger of the fault tests and the soak finds what it is there to find."""

import copy
import pathlib
import sys
import unittest
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from faults import ledger  # noqa: E402
from harness.audit import Request  # noqa: E402

KNOWN = ledger.courses()
OF = {"c": "chain", "p": "publish"}


def run(name: str, phase: str, **attempts: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}"},
            "status": {"phase": phase, "steps": [{"name": step, "attempts": count} for step, count in attempts.items()]}}


def job(of: str, step: str, attempt: int) -> dict[str, Any]:
    labels = {ledger.STEP: step} if step else {}
    return {"metadata": {"name": f"{of}-{step}-{attempt}", "labels": labels, "annotations": {ledger.ATTEMPT: str(attempt)},
                         "ownerReferences": [{"kind": "PipelineRun", "name": of}]}}


def created(resource: str, name: str, code: int = 201) -> Request:
    return Request("", "create", resource, "", "ns", name, code, "tidemill/1")


def whole() -> ledger.Account:
    jobs = [job("c", "first", 1), job("c", "second", 1), job("c", "third", 1), job("p", "train", 1), job("p", "", 1)]
    version = {"metadata": {"name": "v"}, "spec": {"lineage": {"run": {"name": "p", "uid": "uid-p"}}}}
    writes = [created("jobs", item["metadata"]["name"]) for item in jobs] + [created("modelversions", "v")]
    return ledger.Account([run("c", "Succeeded", first=1, second=1, third=1), run("p", "Succeeded", train=1)],
                          jobs, [version], writes)


class Ledger(unittest.TestCase):
    def setUp(self) -> None:
        self.account, self.losses = whole(), ledger.Losses()

    def finds(self, *sentences: str) -> None:
        found = ledger.check(self.account, OF, KNOWN, self.losses)
        self.assertEqual(len(sentences), len(found), found)
        for sentence, line in zip(sentences, found, strict=True):
            self.assertIn(sentence, line)

    def test_whole(self) -> None:
        """a faultless course has no finding"""
        self.finds()

    def test_lost(self) -> None:
        """a run that is gone, or has not ended well, is found"""
        self.account.runs[0]["status"]["phase"] = "Failed"
        del self.account.runs[1], self.account.versions[0]
        self.finds("run p is gone", "run c is Failed, not Succeeded")

    def test_twice(self) -> None:
        """a step with two Jobs for one attempt, made beyond what is explained, is found"""
        twin = copy.deepcopy(self.account.jobs[0])
        twin["metadata"]["name"] = "twin"
        self.account.jobs.append(twin)
        self.account.writes.append(created("jobs", "twin"))
        self.finds("2 Jobs for step first, attempt 1", "6 Jobs were made, 5 are explained")

    def test_made_again(self) -> None:
        """a Job that was created twice under one name is found"""
        self.account.writes.append(created("jobs", "c-first-1"))
        self.finds("Job c-first-1 was created 2 times")

    def test_attempt(self) -> None:
        """an attempt too many is found, and is right when a loss explains it"""
        self.account.runs[0]["status"]["steps"][0]["attempts"] = 2
        self.account.jobs.append(job("c", "first", 2))
        self.account.writes.append(created("jobs", "c-first-2"))
        self.finds("step first: 2 attempts, where 1 and 0", "6 Jobs were made, 5 are explained")
        self.losses.jobs["c-first-1"] = ("c", "first")
        self.finds()

    def test_absent(self) -> None:
        """a Job that went without a known loss is found"""
        del self.account.jobs[0]
        self.finds("step first: Jobs of attempts []")

    def test_unasked(self) -> None:
        """a Job that nobody asked for is found, unless the log is known to lack lines"""
        del self.account.writes[0]
        self.finds("Job c-first-1 exists, and the log does not say")
        self.losses.log_lacks_lines = True
        self.finds()

    def test_versions(self) -> None:
        """a run without its version, with two, or a version of nobody, is found"""
        version = self.account.versions.pop()
        self.finds("run p (Succeeded) has 0 ModelVersions")
        self.account.versions = [version, version]
        self.finds("run p (Succeeded) has 2 ModelVersions")
        stray = copy.deepcopy(version)
        stray["spec"]["lineage"]["run"]["uid"] = "nobody"
        self.account.versions = [version, stray]
        self.finds("ModelVersions of unknown runs")

    def test_final(self) -> None:
        """a run that leaves its end is found by the observer"""
        observer = ledger.Observer.__new__(ledger.Observer)
        observer.phases, observer.wrong = {}, []
        for phase in ("Running", "Failed", "Running"):
            observer.note(run("c", phase))
        self.assertEqual(["run c went from Failed to Running"], observer.wrong)
