"""After all that went wrong in the tests before: the controller is the same process."""

from __future__ import annotations

import subprocess

from harness import faults
from harness.case import SYSTEM_NAMESPACE, ClusterCase


class Alive(ClusterCase):
    serial = True
    weight = 0  # the first of the serial ones: those after it kill the controller

    def setUp(self) -> None:
        self.namespace = SYSTEM_NAMESPACE

    def test_restarts(self) -> None:
        """the controller has never crashed nor restarted by itself"""
        pods = faults.controller_pods(self.api)
        self.assertEqual(1, len(pods))
        status = pods[0]["status"]["containerStatuses"][0]
        self.assertTrue(status["ready"])
        self.assertEqual(0, status["restartCount"], status.get("lastState"))
        log = subprocess.run(["kubectl", "logs", "--namespace", SYSTEM_NAMESPACE, pods[0]["metadata"]["name"]],
                             capture_output=True, text=True, timeout=60).stdout
        self.assertNotIn("broken invariant", log)
        self.assertNotIn("level=error", log)
