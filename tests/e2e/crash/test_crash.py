"""The controller, then the API server, killed at many moments: nothing is lost, nothing done twice."""

from __future__ import annotations

import os
import random

from harness import audit, faults
from harness.api import Json, wait_until
from harness.case import ClusterCase, condition, step_status
from harness.objects import artifacts, results, step, write_result

LIMIT_SECONDS = 240.0
KILLS = 10
SEED = 20261124


class CrashCase(ClusterCase):
    serial = True

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(faults.wait_controller, self.api)
        self.start = audit.mark()

    def three_steps(self, **fields: object) -> None:
        self.claim()
        self.pipeline(
            "p", step("ingest", "echo 1 >/tidemill/out/table; sleep 2; " + write_result('{"rows": 1}'),
                      outputs={**artifacts("table"), **results(rows="integer")}),
            step("train", 'test "$TIDEMILL_ATTEMPT" = 2; cp /tidemill/in/table /tidemill/out/model',
                 inputs=[{"name": "table", "from": "ingest.table"}], outputs=artifacts("model"),
                 retry={"limit": 2, "backoff": {"initial": "2s"}}),
            step("evaluate", write_result('{"accuracy": 0.9}'), runAfter=["train"], outputs=results(accuracy="number")),
            claim="artifacts", publish={"model": "m", "artifact": "train.model", "metricsFrom": ["evaluate"]}, **fields)

    def assert_once(self, runs: list[str]) -> None:
        """One Job for each step and attempt, and one version for each run, over the whole life."""
        made = [write for write in audit.controller_writes(self.start, self.namespace)
                if write.verb == "create" and write.code == 201]
        jobs = [job["metadata"]["name"] for run in runs for job in self.jobs_of(run)]
        # Four attempts and the seal Job: none is made twice, none is deleted. The log may say
        # another code of one whose sender was gone before the answer.
        self.assertEqual(5 * len(runs), len(jobs))
        created = [write.name for write in made if write.resource == "jobs"]
        self.assertEqual(len(set(created)), len(created), "\n".join(map(str, made)))
        deleted = [write for write in audit.controller_writes(self.start, self.namespace)
                   if write.verb == "delete" and write.resource == "jobs"]
        self.assertEqual([], deleted)
        for run in runs:
            thing = self.wait_phase(run, "Succeeded", limit=LIMIT_SECONDS)
            self.assertEqual(2, step_status(thing, "train")["attempts"])
            attempts = [(job["metadata"]["labels"]["tidemill.dev/step"], job["metadata"]["annotations"]["tidemill.dev/attempt"])
                        for job in self.jobs_of(run)]
            self.assertEqual(len(attempts), len(set(attempts)))
        versions = self.list("ModelVersion")
        self.assertEqual(sorted(runs), sorted(version["spec"]["lineage"]["run"]["name"] for version in versions))
        published = [write.name for write in made if write.resource == "modelversions"]
        self.assertEqual(len(set(published)), len(published))
        numbers = [self.wait("ModelVersion", version["metadata"]["name"], lambda thing: thing["status"].get("version"),
                             "a number")["status"]["version"] for version in versions]
        self.assertEqual(list(range(1, len(runs) + 1)), sorted(numbers))


class Kills(CrashCase):
    weight = 100

    def test_moments(self) -> None:
        """the controller killed at each moment of a run does every step once"""
        self.three_steps()
        self.run_of("p", "run")
        moments = [
            ("the run is new", lambda run: True),
            ("ingest has a Job", lambda run: len(self.list("Job")) >= 1),
            ("ingest runs", lambda run: step_status(run, "ingest").get("phase") == "Running"),
            ("train waits for its second attempt", lambda run: step_status(run, "train").get("phase") == "Retrying"),
            ("train has its second Job", lambda run: len(self.list("Job")) >= 3),
            ("evaluate runs", lambda run: step_status(run, "evaluate").get("phase") == "Running"),
            ("the artifact is sealed", lambda run: run["status"].get("sealJob")),
        ]
        for number, (what, holds) in enumerate(moments):
            # A moment that has passed meanwhile is as good.
            self.wait("PipelineRun", "run", lambda run: holds(run) or run["status"].get("phase") == "Succeeded", what,
                      LIMIT_SECONDS)
            # A process that is killed again and again would wait for the kubelet's backoff.
            if number == 2:
                faults.kill_process(self.api)
            else:
                faults.delete_pod(self.api)
        self.wait_phase("run", "Succeeded", limit=LIMIT_SECONDS)
        self.assert_once(["run"])
        self.settle()

    def test_random(self) -> None:
        """the controller killed at random does every step of four runs once, and each firing once"""
        dice = random.Random(SEED)
        self.three_steps()
        self.pipeline("quick", step("only"))
        runs = [f"run-{number}" for number in range(4)]
        self.create("Trigger", "t", {"pipelineRef": {"name": "quick"}, "schedule": {"cron": "* * * * *"}})
        for run in runs:
            self.run_of("p", run)

        def all_done() -> bool:
            return all((self.get("PipelineRun", run) or {})["status"].get("phase") == "Succeeded" for run in runs)

        for _ in range(KILLS):
            if wait_until(all_done, dice.uniform(0.5, 5.0)):
                break
            faults.delete_pod(self.api)
        for run in runs:
            self.wait_phase(run, "Succeeded", limit=LIMIT_SECONDS)
        self.assert_once(runs)
        trigger = self.wait("Trigger", "t", lambda thing: thing["status"].get("firings", 0) >= 1
                            and not thing["status"].get("pending"), "a firing", 75)
        fired = [run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == "t"]
        times = [run["spec"]["cause"]["revision"] for run in fired]
        self.assertEqual(len(times), len(set(times)))
        self.assertEqual(trigger["status"]["firings"], len(fired))


class ApiServer(CrashCase):
    weight = 200  # the last of all: everything else would be disturbed

    def test_api_server(self) -> None:
        """an API server that is killed in mid-run loses no step, once it is up again"""
        name = os.environ["TIDEMILL_CLUSTER"]
        self.addCleanup(faults.cluster_up, name)
        self.three_steps()
        self.run_of("p", "run")
        self.wait_step("run", "ingest", "Running")
        faults.kill_api_server(name)
        faults.cluster_up(name)
        run: Json = self.wait_phase("run", "Succeeded", limit=LIMIT_SECONDS)
        self.assertEqual("True", condition(run)["status"])
        self.assert_once(["run"])
