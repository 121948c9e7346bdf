"""python3 tests/support/run_python.py bench/tests"""

import json
import pathlib
import sys
import tempfile
import unittest
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from measure import audit, report, sizes, writes  # noqa: E402

PLACE = "ns"


def event(verb: str, resource: str, name: str, code: int = 200, subresource: str = "",
          user: str = audit.CONTROLLER, **more: Any) -> dict[str, Any]:
    target = {"resource": resource, "namespace": PLACE, "name": name}
    if subresource:
        target["subresource"] = subresource
    return {"stage": "ResponseComplete", "verb": verb, "user": {"username": user},
            "objectRef": target, "responseStatus": {"code": code},
            "requestReceivedTimestamp": "2026-01-31T03:00:00.000250Z",
            "stageTimestamp": "2026-01-31T03:00:00.001250Z", **more}


ONE_RUN = [event("create", "jobs", "a-job", 201), event("patch", "pipelineruns", "a", 200, "status"),
           event("patch", "pipelineruns", "a", 200, "status")]


def faults(events: list[dict[str, Any]]) -> list[str]:
    requests = [r for r in map(audit.parse_event, events) if r]
    return writes.find_faults(writes.count_writes(requests, ["a"], {"a-job": "a"}, PLACE))


METRICS = """\
# TYPE tidemill_watch_bytes_total counter
tidemill_watch_bytes_total{kind="Pod"} 1000
tidemill_watch_bytes_total{kind="Job"} 70
tidemill_request_bytes_total{method="POST",resource="jobs",direction="sent"} 500
tidemill_request_bytes_total{method="WATCH",resource="jobs",direction="received"} 9000
tidemill_requests_total{method="POST",resource="jobs",code="201"} 7
"""


class Sizes(unittest.TestCase):
    def test_read(self) -> None:
        """bytes are told by what they were for; a watch counts once, as it comes"""
        self.assertEqual(sizes.read(METRICS),
                         {"watch of Pods": 1000, "watch of Jobs": 70, "POST jobs, sent": 500})

    def test_for_each(self) -> None:
        """what was there before is no part of a run, and what did not move is left out"""
        before = {"watch of Pods": 200, "watch of Jobs": 70}
        self.assertEqual(sizes.for_each(before, sizes.read(METRICS), 10),
                         {"watch of Pods": 80, "POST jobs, sent": 50})

    def test_limit(self) -> None:
        """more than a run may bring is found, and named"""
        limits = {"watch of Pods": 20.0}
        self.assertEqual(list(sizes.find_faults({"watch of Pods": 20}, limits)), [])
        self.assertEqual(list(sizes.find_faults({"watch of Pods": 21}, limits)),
                         ["watch of Pods: 21 bytes for each run, at most 20"])
        self.assertEqual(list(sizes.find_faults({"watch of Pods": 12, "something new": 9}, {**limits, sizes.TOGETHER: 20})),
                         ["together: 21 bytes for each run, at most 20"])


class Writes(unittest.TestCase):
    def test_three(self) -> None:
        """a Job and two writes of the status are what a run may cost"""
        self.assertEqual(faults(ONE_RUN), [])

    def test_fourth(self) -> None:
        """a fourth write is found, and named"""
        found = faults([*ONE_RUN, event("patch", "pipelineruns", "a", 200, "status")])
        self.assertIn("run a cost 4 writes, at most 3", found[0])

    def test_refused(self) -> None:
        """an attempt that was refused counts too"""
        self.assertIn("(409)", faults([*ONE_RUN, event("create", "jobs", "a-job", 409)])[0])

    def test_apart(self) -> None:
        """events, history and what is written once for a pipeline are listed apart"""
        self.assertEqual(faults([*ONE_RUN, event("create", "events", "e", 201),
                                 event("delete", "pipelineruns", "old"),
                                 event("create", "controllerrevisions", "one-1", 201),
                                 event("patch", "pipelines", "one", 200, "status")]), [])

    def test_unexplained(self) -> None:
        """a write that belongs to no run is found"""
        self.assertIn("no run explains", faults([*ONE_RUN, event("delete", "jobs", "other")])[0])

    def test_nothing(self) -> None:
        """a log in which nothing is found proves nothing"""
        self.assertIn("expected one Job", faults([])[0])

    def test_others(self) -> None:
        """reads, dry runs, and what others write, do not count"""
        question = "/apis/batch/v1/namespaces/ns/jobs?dryRun=All&fieldValidation=Strict"
        self.assertEqual(faults([*ONE_RUN, event("get", "jobs", "a-job"),
                                 event("create", "jobs", "one-check", 201, requestURI=question),
                                 event("update", "jobs", "a-job", 200, "status", "job-controller")]), [])


class Log(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "audit.log")
        self.path.write_text("before\n")
        self.log = audit.Log(self.path)

    def append(self, text: str) -> None:
        with self.path.open("a") as stream:
            stream.write(text)

    def test_rotation(self) -> None:
        """what was written is read once, across two rotations"""
        self.append("1\n")
        self.path.rename(self.path.with_name("audit-2026-01-31T03-00-00.000.log"))
        self.path.write_text("2\n")
        self.path.rename(self.path.with_name("audit-2026-01-31T03-00-01.000.log"))
        self.path.write_text("3\n")
        self.assertEqual(list(self.log.read()), [b"1\n", b"2\n", b"3\n"])
        self.append("4\n")
        self.assertEqual(list(self.log.read()), [b"4\n"])

    def test_half_line(self) -> None:
        """a line that is still being written is left for the next time"""
        self.append('{"ha')
        self.assertEqual(list(self.log.read()), [])
        self.append('lf"}\n')
        self.assertEqual(list(self.log.read()), [b'{"half"}\n'])

    def test_sizes(self) -> None:
        """bodies are sized as compact JSON, and a watch counts where it begins"""
        body = {"status": {"phase": "Succeeded"}}
        self.append(json.dumps(event("patch", "pods", "p", 200, "status", requestObject=body),
                               separators=(",", ":")) + "\n")
        self.append(json.dumps({**event("watch", "pods", ""), "stage": "ResponseComplete"},
                               separators=(",", ":")) + "\n")
        (request,) = self.log.requests(PLACE)
        self.assertEqual((request.resource, request.phase, request.sent_bytes),
                         ("pods/status", "Succeeded", len('{"status":{"phase":"Succeeded"}}')))
        self.assertAlmostEqual(request.ended - request.received, 0.001, places=5)


class Figures(unittest.TestCase):
    def test_percentiles(self) -> None:
        """percentiles are values that were measured (nearest rank)"""
        hundred = [float(n) for n in range(100, 0, -1)]
        self.assertEqual([report.percentile(hundred, p) for p in (0.5, 0.99, 1.0)], [50, 99, 100])
        self.assertEqual(report.percentile([7.0], 0.99), 7)

    def test_kept(self) -> None:
        """what a finished run holds is counted from the end of the first turn on"""
        mib = 1024 * 1024
        self.assertEqual(report.kept_kib([(300, 8 * mib), (1000, 9 * mib), (1048, 12 * mib)]), 2)


if __name__ == "__main__":
    unittest.main()
