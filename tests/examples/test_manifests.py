"""The examples' YAML agrees with their programs, and every pod passes Pod Security `restricted`."""

import re
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import support
import yaml

import batches

APP_ROOTS = {"/app/" + name: support.EXAMPLES / name / "app" for name in ("hello", "chain", "digits")}


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(support.EXAMPLES.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.relative_to(support.ROOT), document


def of_kind(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    return [(path, document) for path, document in documents() if document["kind"] == kind]


def pipeline(name: str) -> dict[str, Any]:
    found, = [document for _, document in of_kind("Pipeline") if document["metadata"]["name"] == name]
    return found


def pod_specs() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path, document in documents():
        if document["kind"] == "Pipeline":
            yield path, document["spec"]["podDefaults"]["spec"]
        if document["kind"] == "Model":
            yield path, document["spec"]["serving"]["podTemplate"]["spec"]
        if document["kind"] in ("Job", "Deployment"):
            yield path, document["spec"]["template"]["spec"]


def commands() -> Iterator[tuple[Path, list[str]]]:
    for path, document in documents():
        if document["kind"] == "Pipeline":
            for step in document["spec"]["steps"]:
                yield path, step["command"]
    for path, spec in pod_specs():
        for container in spec["containers"]:
            if "command" in container:
                yield path, container["command"]


class Manifests(unittest.TestCase):
    def test_no_object_names_a_namespace(self) -> None:
        for path, document in documents():
            self.assertNotIn("namespace", document.get("metadata", {}), path)

    def test_every_pod_is_restricted(self) -> None:
        found = list(pod_specs())
        self.assertGreaterEqual(len(found), 8)
        for path, spec in found:
            with self.subTest(str(path)):
                self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in spec["containers"] + spec.get("initContainers", []):
                    self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
                    self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})

    def test_every_program_is_in_the_image(self) -> None:
        for path, command in commands():
            program = Path(command[1] if command[0] == "python" else command[0])
            self.assertTrue((APP_ROOTS[str(program.parent)] / program.name).is_file(), f"{path}: {program}")

    def test_every_kustomization_names_files_that_exist(self) -> None:
        for path, document in of_kind("Kustomization"):
            for resource in document["resources"]:
                self.assertTrue((support.ROOT / path.parent / resource).is_file(), f"{path}: {resource}")

    def test_runs_and_triggers_set_only_parameters_that_their_pipeline_has(self) -> None:
        params = {d["metadata"]["name"]: {p["name"] for p in d["spec"].get("params", [])} for _, d in of_kind("Pipeline")}
        for path, document in of_kind("PipelineRun") + of_kind("Trigger"):
            known = params[document["spec"]["pipelineRef"]["name"]]
            for param in document["spec"].get("params", []):
                self.assertIn(param["name"], known, path)


    def test_the_trigger_watches_the_objects_that_the_steps_read(self) -> None:
        trigger, = [d for _, d in of_kind("Trigger") if d["metadata"]["name"] == "new-data"]
        bucket = trigger["spec"]["bucket"]
        self.assertEqual((bucket["prefix"], bucket["pattern"]), (batches.PREFIX, batches.PATTERN))
        self.assertEqual({(p["name"], p["from"]) for p in trigger["spec"]["params"]},
                         {("revision", "revision"), ("objects", "objects")})
        variables = [item for path, spec in pod_specs() if path.name == "land-batch.yaml"
                     for item in spec["containers"][0]["env"]]
        variables += pipeline("digits")["spec"]["steps"][0]["podTemplate"]["spec"]["containers"][0]["env"]
        for name, value in (("S3_ENDPOINT", bucket["endpoint"]), ("S3_BUCKET", bucket["bucket"])):
            self.assertEqual([item["value"] for item in variables if item["name"] == name], [value, value])

    def test_the_secret_goes_to_the_bucket_alone_and_the_controller_may_read_it(self) -> None:
        (_, secret), = of_kind("Secret")
        trigger, = [d for _, d in of_kind("Trigger") if "bucket" in d["spec"]]
        self.assertEqual(secret["metadata"]["annotations"],
                         {"tidemill.dev/allowed-hosts": trigger["spec"]["bucket"]["endpoint"]})
        self.assertEqual(trigger["spec"]["bucket"]["secretName"], secret["metadata"]["name"])
        (_, role), = of_kind("Role")
        self.assertEqual(role["rules"], [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"],
                                          "resourceNames": [secret["metadata"]["name"]]}])


class Graphs(unittest.TestCase):
    def test_inputs_and_publish_name_artifacts_that_exist_and_checks_name_results(self) -> None:
        for path, document in of_kind("Pipeline"):
            spec = document["spec"]
            made: set[str] = set()
            for step in spec["steps"]:
                outputs = step.get("outputs", {})
                self.assertLessEqual({i["from"] for i in step.get("inputs", [])}, made, f"{path}: {step['name']}")
                results = {result["name"] for result in outputs.get("results", [])}
                self.assertLessEqual({check["result"] for check in step.get("checks", [])}, results)
                made |= {f"{step['name']}.{artifact['name']}" for artifact in outputs.get("artifacts", [])}
            if "publish" in spec:
                self.assertIn(spec["publish"]["artifact"], made)

    def test_the_digits_steps_write_the_results_that_the_pipeline_declares(self) -> None:
        for name in ("digits", "digits-watch"):
            for step in pipeline(name)["spec"]["steps"]:
                source = (support.DIGITS / Path(step["command"][1]).name).read_text()
                for result in step["outputs"]["results"]:
                    self.assertIn(f'"{result["name"]}":', source, step["name"])

    def test_what_the_watch_finds_starts_the_training_with_the_lamp_that_the_demo_plays(self) -> None:
        check, = pipeline("digits-watch")["spec"]["steps"][0]["checks"]
        self.assertEqual(check["onFailure"], "Retrain")
        drifted, = [d["spec"] for _, d in of_kind("Trigger") if d["metadata"]["name"] == "drifted"]
        self.assertEqual(drifted["pipeline"], {"name": "digits-watch", "events": ["RetrainNeeded"]})
        lamp, = [p["value"] for p in drifted["params"] if p["name"] == "brightness"]
        self.assertIn(f"readonly FADED={lamp} ", (support.ROOT / "hack" / "demo").read_text())
        declared, = [p for p in pipeline("digits")["spec"]["params"] if p["name"] == "brightness"]
        self.assertTrue(float(declared["minimum"]) <= float(lamp) < float(declared["maximum"]))


class Chain(unittest.TestCase):
    """The shell steps, with the two folders of the contract moved to a temporary one."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("in", "out"):
            (self.folder / name).mkdir()
        source = (support.EXAMPLES / "chain" / "app" / "chain.sh").read_text()
        self.script = self.folder / "chain.sh"
        self.script.write_text(source.replace("/tidemill/", f"{self.folder}/"))

    def run_step(self, step: str, **environment: str) -> tuple[int, str]:
        results = self.folder / "results"
        results.unlink(missing_ok=True)
        environment |= {"TIDEMILL_RESULTS": str(results), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["sh", str(self.script), step], env=environment, capture_output=True, timeout=300)
        return done.returncode, results.read_text() if results.exists() else ""

    def test_the_three_steps_pass_a_file_and_results_on(self) -> None:
        self.assertEqual(self.run_step("draw", PARAM_COUNT="10"), (0, '{"count": 10}'))
        (self.folder / "out" / "numbers").rename(self.folder / "in" / "numbers")
        attempt = {"PARAM_FAILURES": "1"}
        self.assertEqual(self.run_step("sum", TIDEMILL_ATTEMPT="1", **attempt), (1, ""))
        self.assertEqual(self.run_step("sum", TIDEMILL_ATTEMPT="2", **attempt), (0, '{"total": 55}'))
        for total, verdict in (("55", "true"), ("54", "false")):
            found = self.run_step("report", RESULT_DRAW_COUNT="10", RESULT_SUM_TOTAL=total)
            self.assertEqual(found, (0, f'{{"correct": {verdict}}}'))

    def test_an_unknown_step_is_refused(self) -> None:
        self.assertEqual(self.run_step("other")[0], 2)


class Images(unittest.TestCase):
    def test_the_manifests_use_the_name_that_the_archive_carries(self) -> None:
        script = (support.ROOT / "hack" / "images").read_text()
        names = re.findall(r"^readonly (?:EXAMPLES|S3)_IMAGE=docker\.io/(\S+)", script, re.MULTILINE)
        self.assertEqual(len(names), 2)
        text = "".join(path.read_text() for path in support.EXAMPLES.rglob("*.yaml"))
        self.assertEqual(set(re.findall(r"image: (\S+)", text)), set(names))


if __name__ == "__main__":
    unittest.main()
