"""python3 tests/support/run_python.py bench/tests"""

import pathlib
import sys
import unittest
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import samples  # noqa: E402
from measure import audit, chains, report  # noqa: E402
from measure.api import Failure  # noqa: E402

JOBS = {"a-1": ("a", "step-1"), "a-2": ("a", "step-2"), "b-1": ("b", "step-1")}
PODS = {"a-1-x": "a-1", "a-2-y": "a-2", "b-1-z": "b-1"}


def request(verb: str, resource: str, name: str, at: float, **more: Any) -> audit.Request:
    told: dict[str, Any] = {"user": "", "agent": "", "namespace": "n", "code": 200, "ended": at, "sent_bytes": 0,
                            "answered_bytes": 0, "phase": "", "owner": "", **more}
    return audit.Request(verb=verb, resource=resource, name=name, received=at, **told)


def chain_of_two() -> list[audit.Request]:
    """Beside the first step of another one."""
    return [request("create", "jobs", "a-1", 1.0), request("create", "pods", "a-1-x", 1.25, owner="a-1"),
            request("create", "jobs", "b-1", 1.5), request("create", "pods", "b-1-z", 1.75, owner="b-1"),
            request("patch", "pods/status", "a-1-x", 2.0, phase="Running"),
            request("patch", "pods/status", "a-1-x", 3.0, phase="Succeeded"),
            request("create", "jobs", "a-2", 3.25), request("create", "pods", "a-2-y", 3.75, owner="a-2")]


def of_kind(kind: str, round_number: int, seconds: list[float], to_pod_s: float = 0.01, at_once: int = 10) -> chains.Chains:
    hop = {"run": "a", "step": 2, "to_job_s": to_pod_s / 2, "to_pod_s": to_pod_s, "job_to_pod_s": to_pod_s / 2}
    return chains.Chains(at_once, kind, samples.turn(round=round_number, count=len(seconds), each_seconds=seconds), [hop])


class Hops(unittest.TestCase):
    def test_times(self) -> None:
        """a hop is from the end of the pod before, not from its start, to the Job and the pod of the next step"""
        self.assertEqual([{"run": "a", "step": 2, "to_job_s": 0.25, "to_pod_s": 0.75, "job_to_pod_s": 0.5}],
                         chains.hops_of(JOBS, PODS, chain_of_two()))

    def test_no_pod(self) -> None:
        """a step whose pod is not in the log has no time to it"""
        hop, = chains.hops_of(JOBS, PODS, chain_of_two()[:-1])
        self.assertEqual((0.25, None, None), (hop["to_job_s"], hop["to_pod_s"], hop["job_to_pod_s"]))

    def test_no_end(self) -> None:
        """a log that has lost the end of a pod is no measurement"""
        with self.assertRaisesRegex(Failure, "when the pod of step 1 of a ended"):
            chains.hops_of(JOBS, PODS, [r for r in chain_of_two() if r.phase != "Succeeded"])

    def test_job(self) -> None:
        """a plain Job is named as follow_jobs() reads it back, and is found by its chain and step"""
        job = chains.job_of({"metadata": {"labels": {"x": "y"}}, "spec": {}}, 7, 3)
        self.assertEqual(["chain", "00007", "3"], job["metadata"]["name"].split("-"))
        self.assertEqual({"x": "y", chains.LABEL_RUN: "chain-00007", chains.LABEL_STEP: "step-3"}, job["metadata"]["labels"])


class Table(unittest.TestCase):
    ROUNDS = [of_kind("jobs", 1, [1.0, 1.0, 3.0]), of_kind("runs", 1, [1.5, 1.5, 1.5]), of_kind("untracked", 1, [1.0]),
              of_kind("untracked", 2, [2.0]), of_kind("runs", 2, [2.0, 2.0, 2.0]), of_kind("jobs", 2, [2.0, 2.0, 2.0], 0.03),
              of_kind("jobs", 1, [0.1], at_once=1)]

    def test_rows(self) -> None:
        """half of the chains, held against plain Jobs of the same round; others that go one by one are apart"""
        rows = {cells[0].strip(): cells[1:4] for cells in report.chain_rows(self.ROUNDS, 10)}
        self.assertEqual(("1.50", "1.75", "1.50"), rows["5-step chain, 10 at a time, p50 s"])
        self.assertEqual(("1.00", "1.25", "1.00"), rows["of that of plain Jobs, same round"])
        self.assertEqual(("10 / 30", "10 / 10", "10 / 10"), rows["a pod's end to the next step's pod, p50 / p99 ms"])

    def test_rounds(self) -> None:
        """each round is told, with its own ratio"""
        lines = [line.split() for line in report.chain_lines(self.ROUNDS)[1:]]
        self.assertEqual(["1", "runs", "10", "1.50", "1.50"], lines[1][:5])
        self.assertEqual(["2", "runs", "10", "2.00", "1.00"], lines[4][:5])
        self.assertEqual(["1", "jobs", "1", "0.10", "1.00"], lines[6][:5])


if __name__ == "__main__":
    unittest.main()
