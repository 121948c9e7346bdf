"""Past times of a schedule, run by `tidemill backfill` as somebody with this kubeconfig gives it."""

from __future__ import annotations

import datetime
import pathlib
import subprocess
import tempfile
from typing import Any

from faults import ledger
from faults.plane_case import PlaneCase
from harness.api import Json
from harness.case import FINAL_PHASES, condition, step_status
from harness.cluster import ROOT
from harness.objects import results, step
from triggers.test_triggers import YEARLY, TriggerCase, minutes_ago

COMMAND_LIMIT_SECONDS = 400.0
YEARS = range(2015, 2021)
SAY_DAY = """printf '{"day": "%s"}' "$PARAM_DAY" >$TIDEMILL_RESULTS; sleep 3"""
DAY = [{"name": "day", "from": "scheduledTime"}]


def new_year(year: int) -> str:
    return f"{year}-01-01T00:00:00Z"


def run_name(trigger: str, time: str) -> str:
    minutes = int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()) // 60
    return f"{trigger}-{minutes}-backfill"


class BackfillCase(TriggerCase):
    def command(self, trigger: str, *words: str) -> list[str]:
        return [str(ROOT / "build/release/tidemill"), "backfill", trigger, "-n", self.namespace, *words]

    def years(self, trigger: str, *words: str) -> list[str]:
        return self.command(trigger, "--from", "2015-01-01", "--to", "2021-01-01", *words)

    def give(self, code: int, command: list[str]) -> str:
        """What it prints, both outputs, when it ends with this code."""
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=COMMAND_LIMIT_SECONDS)
        self.assertEqual(code, done.returncode, done.stdout)
        return done.stdout

    def made(self, trigger: str) -> dict[str, Json]:
        runs = self.list("PipelineRun", labelSelector=f"tidemill.dev/backfill={trigger}")
        return {run["metadata"]["name"]: run for run in runs}

    def say_day(self, name: str, **fields: Any) -> None:
        self.pipeline(name, step("one", SAY_DAY, outputs=results(day="string")), params=[{"name": "day"}], **fields)

    def yearly(self, name: str, pipeline: str = "p", **fields: Any) -> Json:
        """As it is when it has come to rest."""
        self.trigger(name, YEARLY, pipeline, params=DAY, **fields)
        return self.wait_condition("Trigger", name, "True")


class Backfill(BackfillCase):
    weight = 90

    def assert_untouched(self, before: Json) -> None:
        """Not one write has reached the Trigger."""
        now = self.get("Trigger", before["metadata"]["name"])
        assert now is not None
        self.assertEqual(before["status"], now["status"])
        self.assertEqual(before["metadata"]["resourceVersion"], now["metadata"]["resourceVersion"])

    def assert_two_at_once(self, runs: dict[str, Json]) -> None:
        spans = [(run["metadata"]["creationTimestamp"], run["status"]["completionTime"]) for run in runs.values()]
        for start, _ in spans:
            beside = [span for span in spans if span[0] <= start < span[1]]
            self.assertLessEqual(len(beside), 2, spans)

    def test_killed(self) -> None:
        """a backfill that is killed and given again makes each time once, with its time as a parameter"""
        self.say_day("p", history={"succeeded": 1, "failed": 1})
        before = self.yearly("nightly", concurrencyPolicy="Forbid", budget={"runs": 1})
        going = subprocess.Popen(self.years("nightly", "--max-parallel", "2"), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        try:
            self.wait_for("the third run", lambda: len(self.made("nightly")) >= 3)
        finally:
            going.kill()
            told = going.communicate(timeout=20)[0]
        self.assertIn("6 times", told)
        first = {name: run["metadata"]["uid"] for name, run in self.made("nightly").items()}
        self.assertLess(len(first), 6, told)
        told = self.give(0, self.years("nightly", "--max-parallel", "2"))
        self.assertIn("from earlier calls: ", told)
        self.assertIn("6 times: 6 succeeded\n", told)
        runs = self.made("nightly")
        self.assertEqual([run_name("nightly", new_year(year)) for year in YEARS], sorted(runs))
        for name, uid in first.items():
            self.assertEqual(uid, runs[name]["metadata"]["uid"], "it is the one that was made before")
        for year in YEARS:
            run = runs[run_name("nightly", new_year(year))]
            self.assertEqual([{"name": "day", "value": new_year(year)}], run["spec"]["params"])
            self.assertEqual([{"name": "day", "value": new_year(year)}], step_status(run, "one")["results"])
            self.assertEqual({"kind": "Backfill", "name": "nightly", "revision": new_year(year)},
                             {key: run["spec"]["cause"][key] for key in ("kind", "name", "revision")})
        self.assert_two_at_once(runs)
        told = self.give(0, self.years("nightly"))
        self.assertIn("from earlier calls: 6 succeeded\n", told)
        self.assertNotIn("created", told)
        self.settle()
        self.assertEqual(sorted(runs), sorted(self.made("nightly")), "no history takes one")
        self.assert_untouched(before)

    def test_dry_run(self) -> None:
        """a dry run prints each time in the zone's clock and creates nothing"""
        self.say_day("p")
        before = self.yearly("nightly", schedule={"timeZone": "Europe/Berlin"}, suspend=True)
        told = self.give(0, self.years("nightly", "--dry-run"))
        self.assertIn(f"2014-12-31T23:00:00Z  2015-01-01 00:00 CET  {run_name('nightly', '2014-12-31T23:00:00Z')}", told)
        self.assertEqual(6, told.count("  would be created  "), told)
        self.assertEqual(6, told.count("  day=20"), told)
        self.assertIn("the Trigger is suspended", told)
        self.assertEqual([], self.list("PipelineRun"))
        self.assert_untouched(before)

    def test_live(self) -> None:
        """a time that the live schedule has fired gets a run of its own, and the schedule goes on unaffected"""
        self.say_day("p")
        self.asleep("minutely", 3, params=DAY)
        self.wake("minutely")
        self.wait_for("the live run", lambda: self.runs_of("minutely"))
        self.merge("Trigger", "minutely", {"spec": {"suspend": True}})
        self.wait_condition("Trigger", "minutely", "True", "Suspended")
        self.settle()
        before = self.get("Trigger", "minutely")
        assert before is not None
        live = self.runs_of("minutely")[-1]
        time = live["spec"]["cause"]["revision"]
        end = (datetime.datetime.fromisoformat(time.replace("Z", "+00:00")) + datetime.timedelta(minutes=1))
        words = ["--from", minutes_ago(20), "--to", end.strftime("%Y-%m-%dT%H:%M:%SZ")]
        told = self.give(0, self.command("minutely", *words, "--dry-run"))
        self.assertRegex(told, rf"{time}  \S+  would be created  {live['metadata']['name']}  day={time}")
        words[1] = time
        told = self.give(0, self.command("minutely", *words))
        self.assertIn(f"created: the live schedule has started {live['metadata']['name']} for this time too", told)
        self.assertEqual([run_name("minutely", time)], list(self.made("minutely")))
        self.assert_untouched(before)

    def test_failed(self) -> None:
        """a failed run does not stop the others, but with --stop-on-failure nothing is started after it"""
        self.pipeline("p", step("one", f'[ "$PARAM_DAY" != {new_year(2016)} ]'), params=[{"name": "day"}])
        self.yearly("nightly")
        failed = run_name("nightly", new_year(2016))
        told = self.give(1, self.years("nightly", "--stop-on-failure"))
        self.assertIn("6 times: 1 succeeded, 1 failed, 4 not made\n", told)
        self.assertEqual(2, len(self.made("nightly")))
        told = self.give(1, self.years("nightly", "--max-parallel", "4"))
        self.assertIn("6 times: 5 succeeded, 1 failed\n", told)
        self.assertIn(f"kubectl -n {self.namespace} delete pipelineruns {failed}\n", told)
        self.assertEqual(6, len(self.made("nightly")))
        self.assertEqual("Failed", self.made("nightly")[failed]["status"]["phase"])

    def test_refused(self) -> None:
        """what the API server refuses is said in its words, and the same command goes on when it is mended"""
        self.say_day("p")
        self.yearly("nightly")
        self.api.call("POST", f"api/v1/namespaces/{self.namespace}/resourcequotas",
                      {"metadata": {"name": "runs"}, "spec": {"hard": {"count/pipelineruns.tidemill.dev": "2"}}})
        path = f"api/v1/namespaces/{self.namespace}/resourcequotas/runs"
        self.wait_for("the quota counts", lambda: self.api.call("GET", path).get("status", {}).get("hard"))
        told = self.give(1, self.years("nightly", "--max-parallel", "6"))
        self.assertIn("exceeded quota: runs", told)
        self.assertIn("6 times: 2 succeeded, 4 not made\n", told)
        self.api.call("DELETE", path)
        told = self.give(0, self.years("nightly", "--max-parallel", "6"))
        self.assertIn("6 times: 6 succeeded\n", told)

    def test_impossible(self) -> None:
        """what can't be made is refused with the reason, before anything is made"""
        self.say_day("p")
        self.yearly("nightly")
        self.trigger("orphan", YEARLY, "nowhere")
        self.trigger("lost", YEARLY, schedule={"timeZone": "Mars/Olympus"})
        self.create("Trigger", "chained", {"pipelineRef": {"name": "p"}, "pipeline": {"name": "q"}})
        rows = [
            (1, self.years("nobody"), 'there is no Trigger "nobody"'),
            (2, self.years("orphan"), 'there is no Pipeline "nowhere"'),
            (2, self.years("lost"), "spec.schedule.timeZone"),
            (2, self.years("chained"), "has no spec.schedule"),
            (2, self.command("nightly", "--from", "2021-01-01", "--to", "2015-01-01"), "is not before --to"),
            (2, self.command("nightly", "--from", "2999-01-01", "--to", "3000-01-01"), "lies in the future"),
            (0, self.command("nightly", "--from", "2015-02-01", "--to", "2015-03-01"), "nothing is to be made"),
        ]
        for code, command, says in rows:
            with self.subTest(says):
                self.assertIn(says, self.give(code, command))
        self.assertEqual([], self.list("PipelineRun"))

    def test_following(self) -> None:
        """a Trigger on the Pipeline's ends that is suspended meanwhile starts one run for the whole backfill"""
        self.say_day("p")
        self.pipeline("after", step("one"))
        self.yearly("nightly")
        self.create("Trigger", "follows", {"pipelineRef": {"name": "after"}, "suspend": True,
                                           "pipeline": {"name": "p", "events": ["Succeeded"]}})
        self.wait_condition("Trigger", "follows", "True", "Suspended")
        self.give(0, self.years("nightly", "--max-parallel", "3"))
        self.assertEqual([], self.runs_of("follows"))
        self.merge("Trigger", "follows", {"spec": {"suspend": False}})
        self.wait_for("the end of the run that follows", lambda: [
            run for run in self.runs_of("follows") if run.get("status", {}).get("phase") in FINAL_PHASES])
        self.settle()
        self.assertEqual(1, len(self.runs_of("follows")))
        self.assertTrue(all(run["status"]["phase"] in FINAL_PHASES for run in self.list("PipelineRun")))
        self.assertEqual("True", condition(self.get("Trigger", "follows"))["status"])


class Outage(BackfillCase, PlaneCase):
    weight = 30

    def test_outage(self) -> None:
        """a backfill outlives an API server that is killed, and makes each time once"""
        self.create("Pipeline", "p", {"steps": [ledger.step("one", fake={"takes": "3s"})], "params": [{"name": "day"}]})
        self.yearly("nightly")
        output = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "output"
        with output.open("w") as file:
            going = subprocess.Popen(self.years("nightly", "--max-parallel", "2"), stdout=file, stderr=file)
        try:
            self.wait_for("the third run", lambda: len(self.made("nightly")) >= 3)
            self.plane.kill_api_server()
            # It looks every few seconds: the outage must last until it has seen it.
            self.wait_for("it is told", lambda: "no answer from the API server" in output.read_text())
            self.plane.up()
            going.wait(COMMAND_LIMIT_SECONDS)
        finally:
            going.kill()
        told = output.read_text()
        self.assertEqual(0, going.returncode, told)
        self.assertIn("no answer from the API server (", told)
        self.assertIn("the API server answers again\n", told)
        self.assertIn("6 times: 6 succeeded\n", told)
        self.assertEqual([run_name("nightly", new_year(year)) for year in YEARS], sorted(self.made("nightly")))
