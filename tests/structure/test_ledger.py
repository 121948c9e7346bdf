"""The ledger of the fault tests and the soak finds what it is there to find."""

import copy
import pathlib
import random
import sys
import unittest
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from faults import ledger  # noqa: E402
from faults.users import User  # noqa: E402
from harness import names  # noqa: E402
from harness.api import Api, ApiError, Json  # noqa: E402
from harness.audit import Request  # noqa: E402

KNOWN = ledger.courses()
OF = {"c": "chain", "p": "publish"}
GONE = ApiError(404, {"reason": "NotFound"}, "DELETE")


def run(name: str, phase: str, **attempts: int) -> Json:
    return {"metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
            "status": {"phase": phase, "steps": [{"name": step, "attempts": count} for step, count in attempts.items()]}}


def job_name(of: str, step: str, attempt: int) -> str:
    return names.seal_job(of, f"uid-{of}", attempt) if step == ledger.SEAL else names.step_job(of, f"uid-{of}", step, attempt)


FIRST, SECOND = job_name("c", "first", 1), job_name("c", "second", 1)


def job(of: str, step: str, attempt: int) -> Json:
    return {"metadata": {"name": job_name(of, step, attempt), "namespace": "ns", "labels": {ledger.STEP: step},
                         "annotations": {ledger.ATTEMPT: str(attempt)},
                         "ownerReferences": [{"kind": "PipelineRun", "name": of}]}}


def created(resource: str, name: str, code: int = 201) -> Request:
    return Request("", "create", resource, "", "ns", name, code, "tidemill/1")


def whole() -> ledger.Account:
    jobs = [job("c", "first", 1), job("c", "second", 1), job("c", "third", 1), job("p", "train", 1), job("p", ledger.SEAL, 1)]
    version = {"metadata": {"name": "v"}, "spec": {"lineage": {"run": {"name": "p", "uid": "uid-p"}}}}
    writes = [created("jobs", item["metadata"]["name"]) for item in jobs] + [created("modelversions", "v")]
    return ledger.Account([run("c", "Succeeded", first=1, second=1, third=1), run("p", "Succeeded", train=1)],
                          jobs, [version], writes)


class Answers:
    """An API server that has these objects, and answers each other request so."""

    def __init__(self, items: list[Json], answer: ApiError | None = None) -> None:
        self.items, self.answer = items, answer

    def call(self, method: str, path: str, *_words: Any) -> Json:
        if method == "GET":
            return {"items": [item for item in self.items if path.endswith("jobs") == ("labels" in item["metadata"])]}
        if self.answer:
            raise self.answer
        return {}

    path = staticmethod(Api.path)


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
        self.finds("run p is gone", "run c is Failed, not Succeeded", "Job p-seal-", "Job p-train-")

    def test_twice(self) -> None:
        """a step with two Jobs for one attempt, made beyond what is explained, is found"""
        twin = copy.deepcopy(self.account.jobs[0])
        twin["metadata"]["name"] = "twin"
        self.account.jobs.append(twin)
        self.account.writes.append(created("jobs", "twin"))
        self.finds("2 Jobs for step first, attempt 1", "Job twin was made or asked for, and is no attempt")

    def test_refused_unread(self) -> None:
        """a create that was refused before it was read is no Job; one that made something has a name"""
        self.account.writes.append(created("jobs", "", 401))
        self.finds()
        self.account.writes.append(created("jobs", ""))
        self.finds("Job  was made or asked for, and is no attempt")

    def test_made_again(self) -> None:
        """a Job that was created twice under one name is found"""
        self.account.writes.append(created("jobs", FIRST))
        self.finds(f"Job {FIRST} was created 2 times")

    def test_attempt(self) -> None:
        """an attempt too many is found, and is right when a loss explains it"""
        again = job("c", "first", 2)
        self.account.runs[0]["status"]["steps"][0]["attempts"] = 2
        self.account.jobs.append(again)
        self.account.writes.append(created("jobs", again["metadata"]["name"]))
        self.finds(f"Job {again['metadata']['name']} was made or asked for, and is no attempt",
                   "step first: 2 attempts, where 1 and 0", "step first: attempts [1] were made, 2 by its status")
        self.losses.lose_job(FIRST, "c", "first")
        self.finds()

    def test_sealed_again(self) -> None:
        """a Job that seals is made again under its own name as often as it was deleted, and no more"""
        seal = job_name("p", ledger.SEAL, 1)
        self.account.writes += [created("jobs", seal)] * 2
        self.losses.lose_job(seal, "p", ledger.SEAL)
        self.finds(f"Job {seal} was created 3 times")
        self.losses.lose_job(seal, "p", ledger.SEAL)
        self.finds()

    def cancel(self) -> None:
        """After the first step, while the second ran: the Job of that was deleted."""
        self.losses.cancelled.add("c")
        self.account.runs[0] = run("c", "Cancelled", first=1, second=1, third=0)
        del self.account.jobs[1:3], self.account.writes[2]

    def test_cancelled(self) -> None:
        """of a cancelled run a Job too many, or one beyond what it had begun, is found"""
        self.cancel()
        self.finds()
        writes = list(self.account.writes)
        self.account.writes = [*writes, created("jobs", "twin")]
        self.finds("Job twin was made or asked for, and is no attempt")
        self.account.writes = [*writes, created("jobs", FIRST)]
        self.finds(f"Job {FIRST} was created 2 times")
        self.account.writes = [*writes, created("jobs", job_name("c", "third", 1))]
        self.finds("step third: attempts [1] were made, 0 by its status")
        self.account.writes = [write for write in writes if write.name != FIRST]
        self.finds(f"Job {FIRST} exists, and the log does not say")
        self.account.writes = [write for write in writes if write.name != SECOND]
        self.finds("step second: attempts [] were made, 1 by its status")

    def test_cancelled_too_late(self) -> None:
        """a run that ended before its cancel is held to its whole course, and to no other end"""
        self.losses.cancelled.add("c")
        self.finds()
        del self.account.jobs[0]
        self.finds("step first: Jobs of attempts []")
        self.account.runs[0]["status"]["phase"] = "Failed"
        self.finds("run c is Failed, not Succeeded")

    def test_deleted(self) -> None:
        """of a deleted run a Job too many, one out of turn, or a second version is found"""
        self.losses.runs = {"c": "uid-c", "p": "uid-p"}
        self.account.runs, self.account.jobs = [], []
        self.finds()
        writes = list(self.account.writes)
        self.account.writes = [*writes, created("jobs", "twin")]
        self.finds("Job twin was made or asked for, and is no attempt")
        self.account.writes = [*writes, created("jobs", SECOND)]
        self.finds(f"Job {SECOND} was created 2 times")
        self.account.writes = [*writes, created("jobs", job_name("c", "second", 2))]
        self.finds("is no attempt that is explained")
        self.account.writes = [write for write in writes if write.name != SECOND]
        self.finds("step third: it has a Job, and step second before it has none")
        self.account.writes = writes
        self.account.versions *= 2
        self.finds("run p, deleted, has 2 ModelVersions")

    def test_loss(self) -> None:
        """a loss is one only when the API server says so; else an attempt too many is found"""
        for acts, answer, losses in ((("delete_job", "delete_run", "cancel_run"), None, 1),
                                     (("delete_job", "delete_run", "cancel_run"), GONE, 0)):
            for act in acts:
                with self.subTest(act, losses=losses):
                    books = ledger.Losses()
                    api: Any = Answers([job("c", "first", 1), run("c", "Running", first=1)], answer)
                    self.assertEqual(bool(losses), getattr(User(api, "ns", books, random.Random(1)), act)())
                    self.assertEqual(losses, len(books.jobs) + len(books.runs) + len(books.cancelled))
        self.losses = books
        self.account.runs[0]["status"]["steps"][0]["attempts"] = 2
        self.finds("step first: Jobs of attempts ['1'], 2", "step first: 2 attempts, where 1 and 0",
                   "step first: attempts [1] were made, 2 by its status")
        unknown: Any = Answers([job("c", "first", 1)], ApiError(500, {}, "DELETE"))
        with self.assertRaises(ApiError):
            User(unknown, "ns", books, random.Random(1)).delete_job()

    def test_doomed(self) -> None:
        """in a namespace that is deleted a Job made twice, and what is refused in a loop, is found"""
        def refused(resource: str, name: str, count: int) -> list[Request]:
            return [created(resource, name, 403)] * count

        few = [created("jobs", FIRST), *refused("jobs", SECOND, ledger.TRIES), *refused("events", "e", 1)]
        self.assertEqual([], ledger.check_doomed(few, 1))
        for more, runs, sentence in (([created("jobs", FIRST)], 1, f"Job {FIRST} was created 2 times"),
                                     (refused("jobs", SECOND, 1), 1, f"create jobs  {SECOND} was refused 5 times"),
                                     (refused("events", "e", 1), 1, "create events  e was refused 2 times"),
                                     ([], 0, "5 writes were refused for 0 runs")):
            with self.subTest(sentence):
                self.assertEqual([sentence], ledger.check_doomed(few + more, runs))
        self.assertEqual([], ledger.check_doomed(few + refused("jobs", SECOND, ledger.TRIES), 1, starts=2))

    def test_absent(self) -> None:
        """a Job that went without a known loss is found"""
        del self.account.jobs[0]
        self.finds("step first: Jobs of attempts []")

    def test_unasked(self) -> None:
        """a Job that nobody asked for is found, unless the log is known to lack lines"""
        del self.account.writes[0]
        self.finds(f"Job {FIRST} exists, and the log does not say")
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
