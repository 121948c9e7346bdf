"""Triggers of sources that change, each against the real server."""

from __future__ import annotations

from typing import Any

from harness.api import Json
from harness.case import ClusterCase, condition
from harness.objects import step
from sources import servers

POLL = "10s"
FIRED_LIMIT_SECONDS = 90.0
KEPT = {"succeeded": 1000, "failed": 1000}  # runs are counted: none may go while that happens


class SourceCase(ClusterCase):
    weight = 60

    def setUp(self) -> None:
        super().setUp()
        self.outside = self.api.host.rpartition(".")[0] + ".1"  # this machine, for the cluster

    def expose(self, name: str, port: int) -> None:
        """A Service that leads out of the cluster."""
        self.create("Service", name, {"ports": [{"port": 80, "targetPort": port}]})
        self.create("EndpointSlice", name, metadata={"labels": {"kubernetes.io/service-name": name}}, addressType="IPv4",
                    ports=[{"port": port}], endpoints=[{"addresses": [self.outside]}])

    def serve(self, server: Any, name: str) -> Any:
        self.addCleanup(server.close)
        self.expose(name, server.port)
        return server

    def trigger(self, name: str, values: tuple[str, ...] = (), **spec: Any) -> Json:
        """A pipeline with a parameter for each value, and the trigger that fills them."""
        self.pipeline(name, step("one"), params=[{"name": value} for value in values], history=KEPT)
        params = [{"name": value, "from": value} for value in values]
        return self.create("Trigger", name, {"pipelineRef": {"name": name}, "params": params, **spec})

    def runs_of(self, trigger: str) -> list[Json]:
        return sorted((run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == trigger),
                      key=lambda run: int(run["metadata"]["name"].rpartition("-")[2]))

    def wait_fired(self, trigger: str, count: int) -> Json:
        """The newest run once there are so many; and never one more."""
        self.wait_for(f"firing {count} of {trigger}", lambda: len(self.runs_of(trigger)) >= count, FIRED_LIMIT_SECONDS)
        self.wait("Trigger", trigger, lambda thing: thing["status"].get("firings") == count, f"{count} firings told")
        runs = self.runs_of(trigger)
        self.assertEqual(count, len(runs))
        return runs[-1]

    @staticmethod
    def param(run: Json, name: str) -> str:
        return next(item["value"] for item in run["spec"]["params"] if item["name"] == name)


class Http(SourceCase):
    def test_document(self) -> None:
        """each change of a document starts one run, also back to what it was, and says why"""
        data = self.serve(servers.Documents(self.outside), "data")
        self.trigger("doc", ("etag",), http={"url": "http://data/model.json"}, interval=POLL)
        self.wait_condition("Trigger", "doc", "False", "SourceAbsent")
        self.assertEqual([], self.runs_of("doc"))
        etags = []
        for count, content in enumerate((b"one", b"two", b"one"), 1):
            data.documents["/model.json"] = content
            etags.append(self.param(self.wait_fired("doc", count), "etag"))
        self.assertEqual(etags[0], etags[2])
        self.assertNotEqual(etags[0], etags[1])
        thing = self.wait_condition("Trigger", "doc", "True", "Watching")
        self.assertIn(etags[2], thing["status"]["observedRevision"])
        self.wait_event("Trigger", "doc", "Fired", "was started for")
        self.settle()

    def test_secret(self) -> None:
        """a source's Secret is read by a Role, goes to the hosts that it allows, and is shown nowhere"""
        token = "e2e-planted-source-token"
        data = self.serve(servers.Documents(self.outside, token), "data")
        data.documents["/x"] = b"x"
        self.trigger("doc", http={"url": "http://data/x", "secretName": "key"}, interval=POLL)
        self.assert_says(self.wait_condition("Trigger", "doc", "False", "SourceFailed"), "SourceFailed",
                         "may not read Secret key", "Role")
        core = f"api/v1/namespaces/{self.namespace}"
        self.secret("key", {"token": token})
        self.allow_secret("key")

        def says(*words: str) -> Any:
            return lambda thing: all(word in condition(thing).get("message", "") for word in words)

        self.wait("Trigger", "doc", says("no annotation tidemill.dev/allowed-hosts"), "it asks for the annotation")
        annotate = lambda hosts: self.api.call("PATCH", f"{core}/secrets/key", {  # noqa: E731
            "metadata": {"annotations": {"tidemill.dev/allowed-hosts": hosts}}}, "application/merge-patch+json")
        annotate("data")
        self.wait("Trigger", "doc", says("in the clear"), "it refuses to send it in the clear")
        self.assertEqual(0, data.asked)
        annotate("http://data")
        self.wait_fired("doc", 1)
        for thing in (self.get("Trigger", "doc"), *self.list("Event"), *self.runs_of("doc")):
            self.assertNotIn(token, str(thing))
        log = self.kubectl("logs", "deployment/tidemill-controller", "--namespace", "tidemill-system")
        self.assertNotIn(token, log)

    def test_refused_hosts(self) -> None:
        """what a URL may not name, or what does not answer, is a condition that says what to do, and starts nothing"""
        rows = {"other": ("http://data.default.svc/x", "neither a Service of namespace", "--allow-egress"),
                "metadata": ("http://169.254.169.254/latest", "neither a Service of namespace"),
                "nobody": ("http://nobody/x", "it is asked again")}
        for name, (url, *_) in rows.items():
            self.trigger(name, http={"url": url}, interval=POLL)
        for name, (_, *words) in rows.items():
            self.assert_says(self.wait_condition("Trigger", name, "False", "SourceFailed"), "SourceFailed", *words)
            self.assertEqual([], self.runs_of(name))


class Repository(SourceCase):
    def test_branch_and_range(self) -> None:
        """a push starts a run with the commit, and a tag in the range one with the version"""
        git = self.serve(servers.Git(self.outside), "git")
        first = git.commit("first", "v1.0.0")
        url = "http://git/churn.git"
        self.trigger("branch", ("commit",), git={"url": url, "branch": "main"}, interval=POLL)
        self.trigger("range", ("version", "commit"), git={"url": url, "semver": ">=1.0 <2"}, interval=POLL)
        self.assertEqual(first, self.param(self.wait_fired("branch", 1), "commit"))
        self.assertEqual("1.0.0", self.param(self.wait_fired("range", 1), "version"))
        too_far = git.commit("too far", "v2.0.0")
        self.assertEqual(too_far, self.param(self.wait_fired("branch", 2), "commit"))
        second = git.commit("second", "v1.10.0")
        self.assertEqual(second, self.param(self.wait_fired("branch", 3), "commit"))
        run = self.wait_fired("range", 2)
        self.assertEqual(("1.10.0", second), (self.param(run, "version"), self.param(run, "commit")))


class Image(SourceCase):
    def test_tag(self) -> None:
        """a tag that moves to another digest starts a run with the image by its digest"""
        registry = self.serve(servers.Registry(self.outside), "registry")
        first = registry.push("team/base", "stable", "one")
        self.trigger("tag", ("digest",), image={"repository": "http://registry/team/base", "tag": "stable"}, interval=POLL)
        self.assertEqual(first, self.param(self.wait_fired("tag", 1), "digest"))
        registry.push("team/base", "other", "unrelated")
        second = registry.push("team/base", "stable", "two")
        self.assertEqual(second, self.param(self.wait_fired("tag", 2), "digest"))


class Objects(SourceCase):
    def test_batch(self) -> None:
        """a batch of objects in a bucket starts one run that names them"""
        bucket = self.serve(servers.Bucket(self.outside, "lake"), "s3")
        bucket.put("churn/2026/a.csv", b"1,2")
        self.secret("key", {"accessKey": bucket.ACCESS, "secretKey": bucket.SECRET}, "http://s3")
        self.allow_secret("key")
        self.trigger("batch", ("objects", "count", "new-objects", "revision"), interval=POLL, debounce="5s", bucket={
            "endpoint": "http://s3", "bucket": "lake", "prefix": "churn/", "pattern": "**.csv", "secretName": "key"})
        run = self.wait_fired("batch", 1)
        self.assertIn("churn/2026/a.csv", self.param(run, "objects"))
        self.assertEqual("1 new object below lake/churn/: churn/2026/a.csv", run["spec"]["cause"]["message"])
        for name in ("b", "c", "d"):
            bucket.put(f"churn/2026/{name}.csv", b"3,4")
        bucket.put("churn/2026/readme.txt", b"no data")
        bucket.put("other/e.csv", b"no")
        run = self.wait_fired("batch", 2)
        self.assertEqual("4", self.param(run, "count"))
        self.assertIn("churn/2026/d.csv", self.param(run, "objects"))
        self.assertNotIn("readme", self.param(run, "objects"))
        self.assertEqual({f"churn/2026/{name}.csv" for name in "bcd"}, set(self.param(run, "new-objects").split("\n")))
        self.assertEqual(run["spec"]["cause"]["revision"], self.param(run, "revision"))
        said = run["spec"]["cause"]["message"]
        self.assertRegex(said, r"^3 new objects below lake/churn/: (churn/2026/[bcd]\.csv(, )?){3}; 4 in all$")
        bucket.put("churn/2026/b.csv", b"5,6")
        said = self.wait_fired("batch", 3)["spec"]["cause"]["message"]
        self.assertEqual("1 new or changed object below lake/churn/: churn/2026/b.csv; 4 in all", said)


class Metrics(SourceCase):
    weight = 90

    def test_threshold(self) -> None:
        """a value over its bound starts one run for each time that it goes over; no value starts none"""
        gauge = servers.Documents(self.outside)
        self.addCleanup(gauge.close)
        gauge.documents["/metrics"] = b"drift 0.1\n"
        prometheus = self.serve(servers.Prometheus(self.outside, gauge), "prometheus")
        self.wait_for("Prometheus scrapes", lambda: prometheus.value("drift") == "0.1")
        where = {"url": "http://prometheus"}
        self.trigger("none", prometheus={"query": "no_such_metric", "above": "0", **where}, interval=POLL)
        self.trigger("drift", ("value",), prometheus={"query": "drift", "above": "0.2", **where}, interval=POLL)
        self.wait("Trigger", "drift", lambda thing: thing["status"].get("observedRevision"), "it is quiet")
        self.assertEqual([], self.runs_of("drift"))
        for count, value in enumerate(("0.3", "0.4"), 1):
            gauge.documents["/metrics"] = f"drift {value}\n".encode()
            self.assertEqual(value, self.param(self.wait_fired("drift", count), "value"))
            breach = self.get("Trigger", "drift")["status"]["observedRevision"]
            gauge.documents["/metrics"] = b"drift 0.1\n"
            self.wait("Trigger", "drift", lambda thing: thing["status"]["observedRevision"] != breach, "it is quiet again")
        self.wait_condition("Trigger", "none", "False", "SourceAbsent")
        self.assertEqual([], self.runs_of("none"))


class Chain(SourceCase):
    def test_pipeline(self) -> None:
        """the end of a run starts another pipeline's, with its name as a parameter"""
        self.pipeline("data", step("one"))
        self.pipeline("broken", step("one", "exit 1"))
        self.trigger("train", ("run", "phase"), pipeline={"name": "data"})
        self.trigger("mend", ("run",), pipeline={"name": "broken", "events": ["Failed"]})
        self.run_of("broken", "broken-1")
        for number in (1, 2):
            self.run_to("Succeeded", "data", f"data-{number}")
            run = self.wait_fired("train", number)
            self.assertEqual((f"data-{number}", "Succeeded"), (self.param(run, "run"), self.param(run, "phase")))
        self.assertEqual("broken-1", self.param(self.wait_fired("mend", 1), "run"))
        self.delete("PipelineRun", "data-2")
        self.settle()
        self.assertEqual(2, len(self.runs_of("train")))


class Controls(SourceCase):
    def test_cooldown_and_budget(self) -> None:
        """a change waits for cooldown and budget, and the newest fires when they allow it"""
        data = self.serve(servers.Documents(self.outside), "data")
        data.documents["/x"] = b"1"
        self.trigger("cool", http={"url": "http://data/x"}, interval=POLL, cooldown="40s")
        self.trigger("budget", http={"url": "http://data/x"}, interval=POLL, budget={"runs": 1, "per": "1h"})
        self.wait_fired("cool", 1)
        self.wait_fired("budget", 1)
        data.documents["/x"] = b"2"
        self.wait_condition("Trigger", "cool", "True", "Cooldown")
        said = self.wait_condition("Trigger", "budget", "True", "BudgetUsed")
        self.assert_says(said, "BudgetUsed", "spec.budget (1 runs per 1h) is used up", "until")
        data.documents["/x"] = b"3"
        self.wait_fired("cool", 2)
        self.assertEqual(1, len(self.runs_of("budget")))
