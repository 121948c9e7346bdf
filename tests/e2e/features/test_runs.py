"""What a pipeline and its runs can do."""

from __future__ import annotations

import datetime
import hashlib
import time

from harness import audit
from harness.case import ClusterCase, condition, step_status
from harness.objects import IMAGE, artifacts, pipeline_spec, results, run_spec, step, write_result


def seconds_of(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Graph(ClusterCase):
    weight = 40

    def test_graph(self) -> None:
        """artifacts and results flow along the graph, with digests as sha256sum says"""
        start = audit.mark()
        self.claim()
        self.pipeline(
            "p",
            step("make", "printf 'a,b\\n' >/tidemill/out/table; mkdir /tidemill/out/tree; echo 1 >/tidemill/out/tree/x; "
                 + write_result('{"rows": 2, "big": 12345678901234567890, "word": "it is $(HOME) & \\"quoted\\""}'),
                 outputs={**artifacts("table", "tree"), **results(rows="integer", big="integer", word="string")}),
            step("read", "test \"$(cat /tidemill/in/data)\" = 'a,b'; test \"$(cat /tidemill/in/folder/x)\" = 1; "
                 "test \"$RESULT_MAKE_ROWS\" = 2; test \"$RESULT_MAKE_BIG\" = 12345678901234567890; "
                 "printenv RESULT_MAKE_WORD; test \"$RESULT_MAKE_WORD\" = 'it is $(HOME) & \"quoted\"'",
                 inputs=[{"name": "data", "from": "make.table"}, {"name": "folder", "from": "make.tree"}]),
            step("last", "test \"$RESULT_MAKE_ROWS\" = 2", runAfter=["read"]),
            claim="artifacts",
        )
        run = self.run_to("Succeeded", "p", "run")
        made = {artifact["name"]: artifact for artifact in step_status(run, "make")["artifacts"]}
        self.assertEqual("sha256:" + hashlib.sha256(b"a,b\n").hexdigest(), made["table"]["digest"])
        self.assertRegex(made["tree"]["digest"], "^sha256:[0-9a-f]{64}$")
        self.assertTrue(made["table"]["uri"].startswith("pvc://artifacts/"))
        ends = [seconds_of(step_status(run, name)["completionTime"]) for name in ("make", "read", "last")]
        starts = [seconds_of(step_status(run, name)["startTime"]) for name in ("make", "read", "last")]
        self.assertLessEqual(ends[0], starts[1] + 1)
        self.assertLessEqual(ends[1], starts[2] + 1)
        self.assertEqual("3/3", run["status"]["progress"])
        self.assertEqual(3, len(self.jobs_of("run")))
        # The revision, the pipeline's status, three Jobs and what is written about the run: what
        # holds that nothing more is written must see what was.
        self.assertGreaterEqual(len(audit.controller_writes(start, self.namespace)), 7)
        self.settle()

    def test_side_by_side(self) -> None:
        """steps that don't wait for each other run side by side"""
        self.pipeline("p", step("a", "sleep 6"), step("b", "sleep 6"), step("end", runAfter=["a", "b"]))
        self.run_of("p", "run")
        self.wait("PipelineRun", "run", lambda run: step_status(run, "a").get("phase") == "Running"
                  and step_status(run, "b").get("phase") == "Running", "a and b run at once")
        self.wait_phase("run", "Succeeded")


class Params(ClusterCase):
    weight = 15

    def test_dollars(self) -> None:
        """parameters with $(X), $$ and quotes arrive as those characters"""
        odd = "$(HOME) $HOME $$(PARAM_SEED) $$ ${X} `id` \"'\\ \t é\n"
        script = "import os, sys; v = os.environ['PARAM_ODD']; assert v == sys.argv[1], (v, sys.argv[1]); assert v.encode().hex() == os.environ['HEX'], v"
        self.pipeline("p", {"name": "one", "image": IMAGE, "command": ["python", "-c", script, "$(PARAM_ODD)"],
                            "env": [{"name": "HEX", "value": odd.encode().hex()}]},
                      {"name": "who", "image": IMAGE, "runAfter": ["one"], "command": ["sh", "-ec",
                       "test \"$PARAM_SEED_2\" = 7 -a \"$TIDEMILL_RUN\" = run -a \"$TIDEMILL_PIPELINE\" = p "
                       "-a \"$TIDEMILL_STEP\" = who -a \"$TIDEMILL_ATTEMPT\" = 1 -a \"$TIDEMILL_RESULTS_MAX\" = 4096; "
                       "test ! -e /var/run/secrets/kubernetes.io"]},
                      params=[{"name": "odd"}, {"name": "seed-2", "type": "integer", "default": "7"}])
        self.run_to("Succeeded", "p", "run", odd=odd)


class Retries(ClusterCase):
    weight = 30

    def test_backoff(self) -> None:
        """a failed attempt is tried again after its backoff, each in a Job of its own"""
        self.pipeline("p", step("one", 'test "$TIDEMILL_ATTEMPT" -ge 3',
                                retry={"limit": 3, "backoff": {"initial": "2s", "factor": 2, "max": "1m"}}))
        run = self.run_to("Succeeded", "p", "run")
        self.assertEqual(3, step_status(run, "one")["attempts"])
        jobs = sorted(self.jobs_of("run"), key=lambda job: job["metadata"]["annotations"]["tidemill.dev/attempt"])
        self.assertEqual(3, len(jobs))
        made = [seconds_of(job["metadata"]["creationTimestamp"]) for job in jobs]
        self.assertGreaterEqual(made[1] - made[0], 2)
        self.assertGreaterEqual(made[2] - made[1], 4)

    def test_limit(self) -> None:
        """a step fails when its attempts are used up"""
        self.pipeline("p", step("one", "exit 1", retry={"limit": 1, "backoff": {"initial": "1s"}}))
        run = self.run_to("Failed", "p", "run")
        self.assertEqual(2, step_status(run, "one")["attempts"])
        self.assertEqual(2, len(self.jobs_of("run")))
        self.settle()


class Checks(ClusterCase):
    weight = 25

    def test_stop(self) -> None:
        """a check with verdict Stop ends the run, and what comes after it never starts"""
        self.pipeline("p", step("validate", write_result('{"nulls": 0.5}'), outputs=results(nulls="number"),
                                checks=[{"result": "nulls", "max": "0.02"}]), step("train", runAfter=["validate"]))
        run = self.run_to("Failed", "p", "run")
        self.assert_says(run, "CheckFailed", "nulls", "0.5", "0.02")
        self.assertEqual("Skipped", step_status(run, "train")["phase"])
        self.wait_event("PipelineRun", "run", "CheckFailed", "0.02")
        described = self.kubectl("describe", "pipelinerun", "run")
        self.assertIn("CheckFailed", described)

    def test_warn(self) -> None:
        """a check with verdict Warn is written down and the run goes on"""
        self.pipeline("p", step("validate", write_result('{"rows": 3, "kind": "a"}'),
                                outputs=results(rows="integer", kind="string"),
                                checks=[{"result": "rows", "min": "50", "onFailure": "Warn"},
                                        {"result": "kind", "equals": "a"}]))
        run = self.run_to("Succeeded", "p", "run")
        self.assertEqual("CheckWarned", step_status(run, "validate")["reason"])
        self.assertIn("50", step_status(run, "validate")["message"])
        self.wait_event("PipelineRun", "run", "CheckWarned", "50")


class Times(ClusterCase):
    weight = 35

    def test_step_timeout(self) -> None:
        """a step that takes too long has timed out, and its pod stays"""
        self.pipeline("p", {"name": "one", "image": IMAGE, "command": ["sleep", "600"], "timeout": "3s",
                            "podTemplate": {"spec": {"terminationGracePeriodSeconds": 1}}})
        run = self.run_to("Failed", "p", "run")
        self.assert_says(run, "StepTimedOut", "step one", "time limit")
        self.assertEqual(1, len(self.list("Pod")), "the pod and its logs stay")
        self.wait_event("PipelineRun", "run", "StepTimedOut")

    def test_run_timeout(self) -> None:
        """a run that takes too long has timed out, and no further step starts"""
        self.pipeline("p", {"name": "one", "image": IMAGE, "command": ["sleep", "600"],
                            "podTemplate": {"spec": {"terminationGracePeriodSeconds": 1}}},
                      step("two", runAfter=["one"]), timeout="6s")
        run = self.run_to("Failed", "p", "run")
        self.assertIn(condition(run)["reason"], ("RunTimedOut", "StepTimedOut"))
        self.assertEqual("Skipped", step_status(run, "two")["phase"])


class Steering(ClusterCase):
    weight = 30

    def test_cancel(self) -> None:
        """cancel stops what runs, and nothing is started any more"""
        self.pipeline("p", step("one", "sleep 600"), step("two", runAfter=["one"]))
        self.run_of("p", "run")
        self.wait_step("run", "one", "Running")
        self.merge("PipelineRun", "run", {"spec": {"cancel": True}})
        run = self.wait_phase("run", "Cancelled")
        self.assert_says(run, "Cancelled", "spec.cancel")
        self.assertEqual("Skipped", step_status(run, "two")["phase"])
        self.wait_for("its Job goes", lambda: not self.list("Job"))
        self.wait_event("PipelineRun", "run", "Cancelled")
        self.settle()

    def test_cancel_before(self) -> None:
        """a run that is cancelled before it starts never starts"""
        self.create("PipelineRun", "run", {**run_spec("nobody"), "cancel": True})
        self.wait_phase("run", "Cancelled")
        self.assertEqual([], self.list("Job"))

    def test_suspend(self) -> None:
        """suspend lets running steps finish and starts no other; resumed, the run goes on"""
        self.pipeline("p", step("one", "sleep 3"), step("two", runAfter=["one"]))
        self.run_of("p", "run")
        self.wait_step("run", "one", "Running")
        self.merge("PipelineRun", "run", {"spec": {"suspend": True}})
        run = self.wait_step("run", "one", "Succeeded")
        self.wait_phase("run", "Suspended")
        self.settle()
        run = self.get("PipelineRun", "run") or {}
        self.assert_says(run, "Suspended", "spec.suspend")
        self.assertEqual("Pending", step_status(run, "two")["phase"])
        self.merge("PipelineRun", "run", {"spec": {"suspend": False}})
        self.wait_phase("run", "Succeeded")

    def test_suspended_start(self) -> None:
        """a run that is created suspended starts when it is resumed"""
        self.pipeline("p", step("one"))
        self.create("PipelineRun", "run", {**run_spec("p"), "suspend": True})
        self.wait_condition("PipelineRun", "run", "Unknown", "Suspended")
        self.assertEqual([], self.list("Job"))
        self.merge("PipelineRun", "run", {"spec": {"suspend": None}})
        self.wait_phase("run", "Succeeded")


class Turns(ClusterCase):
    weight = 45

    def test_order(self) -> None:
        """with maxConcurrentRuns 1 runs go one after the other, in the order of their creation"""
        self.pipeline("p", step("one", "sleep 2"), maxConcurrentRuns=1)
        names = ["d", "b", "c", "a"]
        for name in names:
            self.run_of("p", name)
            created = time.time()
            # creationTimestamp has whole seconds, and the order is by it.
            self.wait_for("a second has passed", lambda: int(time.time()) > int(created), 5)
        run = self.wait("PipelineRun", "a", lambda thing: condition(thing).get("reason") == "WaitingForTurn", "waits")
        self.assert_says(run, "WaitingForTurn", "maxConcurrentRuns")
        for name in names:
            self.wait_phase(name, "Succeeded")
        runs = {name: self.get("PipelineRun", name) or {} for name in names}
        for before, after in zip(names, names[1:]):
            self.assertLessEqual(runs[before]["status"]["completionTime"], runs[after]["status"]["startTime"])

    def test_edit(self) -> None:
        """a pipeline that is edited during a run doesn't change that run, only the next"""
        self.pipeline("p", step("one", "sleep 4; " + write_result('{"word": "old"}'), outputs=results(word="string")),
                      step("two", 'test "$RESULT_ONE_WORD" = old', runAfter=["one"]))
        self.run_of("p", "first")
        run = self.wait_step("first", "one", "Running")
        self.merge("Pipeline", "p", {"spec": pipeline_spec(step("one", write_result('{"word": "new"}'),
                                                                outputs=results(word="string")))})
        self.wait_condition("Pipeline", "p", "True", "Accepted")
        second = self.run_to("Succeeded", "p", "second")
        first = self.wait_phase("first", "Succeeded")
        self.assertEqual(2, len(first["status"]["steps"]))
        self.assertEqual(1, len(second["status"]["steps"]))
        self.assertEqual(run["status"]["revision"], first["status"]["revision"])
        self.assertNotEqual(first["status"]["revision"], second["status"]["revision"])
        self.assertEqual("new", step_status(second, "one")["results"][0]["value"])
