"""A real Gitea that pushes to a Trigger."""

from __future__ import annotations

import os

from sources import servers
from sources.test_webhooks import KEY, WebhookCase

SYSTEM = "tidemill-system"


class Gitea(WebhookCase):
    weight = 90

    def setUp(self) -> None:
        super().setUp()
        self.gitea = servers.Gitea(self.api.host, os.environ["TIDEMILL_CLUSTER"])
        self.addCleanup(self.gitea.close)

    def wait_answered(self, count: int) -> tuple[str, int]:
        """The newest delivery once there are so many that were answered."""
        self.wait_for(f"{count} deliveries of Gitea", lambda: len(self.gitea.deliveries()) >= count)
        self.assertEqual(count, len(self.gitea.deliveries()))
        return self.gitea.deliveries()[-1]

    def test_push(self) -> None:
        """a push to a real Gitea starts one run with its commit; a test delivery, another branch and a repetition none"""
        service = self.api.call("GET", f"api/v1/namespaces/{SYSTEM}/services/tidemill-webhooks")["spec"]
        self.hook("push", type="Gitea")
        self.wait_condition("Trigger", "push", "True", "Watching")
        self.gitea.repository("churn")
        hook = self.gitea.hook(f"http://{service['clusterIP']}/hooks/{self.namespace}/push", KEY)

        self.gitea.test_delivery(hook)
        self.assertEqual(200, self.wait_answered(1)[1])

        commit = self.gitea.push("main", "first")
        pushed, status = self.wait_answered(2)
        self.assertEqual(202, status)
        self.assertEqual(commit, self.param(self.wait_fired("push", 1), "commit"))

        self.gitea.push("side", "elsewhere")
        self.assertEqual(200, self.wait_answered(3)[1])

        self.gitea.repeat(hook, pushed)  # under another name: Gitea makes a new one
        again, status = self.wait_answered(4)
        self.assertNotEqual(pushed, again)
        self.assertEqual(200, status)

        commit = self.gitea.push("main", "second")
        self.assertEqual(202, self.wait_answered(5)[1])
        self.assertEqual(commit, self.param(self.wait_fired("push", 2), "commit"))
        self.settle()
        self.assertEqual(2, len(self.runs_of("push")))

    def test_wrong_secret(self) -> None:
        """what Gitea signs with another secret is not accepted, and Gitea shows it as failed"""
        service = self.api.call("GET", f"api/v1/namespaces/{SYSTEM}/services/tidemill-webhooks")["spec"]
        self.hook("push", type="Gitea")
        self.wait_condition("Trigger", "push", "True", "Watching")
        self.gitea.repository("churn")
        self.gitea.hook(f"http://{service['clusterIP']}/hooks/{self.namespace}/push", "another")
        self.gitea.push("main", "first")
        self.assertEqual(401, self.wait_answered(1)[1])
        self.assertEqual([], self.runs_of("push"))
