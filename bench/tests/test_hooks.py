"""python3 tests/support/run_python.py bench/tests"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from measure import audit, hooks, processes  # noqa: E402


def result(**changes: object) -> hooks.Result:
    values = {"mix": "wrong", "rate": 1000, "reached": 999.6, "statuses": {"401": 20, "429": 80}, "broken": 0,
              "p50_ms": 1.0, "p99_ms": 2.0, "most_ms": 3.0, "load_cpu_s": 1.0, "cpu_s": 0.5, "seconds": 10.0,
              "others_cpu": 0.25, "resident_before": 12 * processes.MIB, "peak": 14 * processes.MIB,
              "requests": {"get secrets": 1}, "secret_reads": 1, "taken": 0, "writes": 0, "runs": 0,
              "other_seconds": [0.3, 0.1, 0.2]}
    return hooks.Result(**{**values, **changes})  # type: ignore[arg-type]


class Hooks(unittest.TestCase):
    def test_lines(self) -> None:
        """a mix is told with its answers, the CPU of each, and what other runs took meanwhile"""
        heads, row = hooks.lines_of([result()])
        told = dict(zip(heads, row))
        self.assertEqual("20 x 401, 80 x 429", told["answers"])
        self.assertEqual("5000", told["CPU us each"])
        self.assertEqual("10%", told["load CPU"])
        self.assertEqual("0.2 / 0.3 (3)", told["other runs s, p50 / most"])
        self.assertEqual("25%", told["others' CPU"])

    def test_broken(self) -> None:
        """a connection that broke is told beside the answers"""
        self.assertIn("2 broken", hooks.lines_of([result(broken=2)])[1][2])

    def test_own_requests(self) -> None:
        """requests are the controller's own in the Trigger's namespace, refusals apart, watches left out"""
        def request(verb: str, resource: str, code: int = 200, user: str = audit.CONTROLLER,
                    namespace: str = "n") -> audit.Request:
            return audit.Request(user, "", verb, resource, namespace, "x", code, 0, 0, 0, 0, "", "")
        told = hooks.own_requests([
            request("patch", "triggers/status"), request("patch", "triggers/status", 409), request("watch", "triggers"),
            request("patch", "triggers/status", namespace="other"), request("get", "secrets", user="somebody")], "n")
        self.assertEqual({"patch triggers/status": 1, "patch triggers/status 409": 1}, told)


if __name__ == "__main__":
    unittest.main()
