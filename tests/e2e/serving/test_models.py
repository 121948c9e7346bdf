"""Models and versions: who serves, who takes over, and what is said when none can."""

from __future__ import annotations

from harness.api import Json
from harness.case import ApiError, ClusterCase, condition
from harness.objects import artifacts, serving, step

ROLLOUT_LIMIT_SECONDS = 90.0
DRAIN_LIMIT_SECONDS = 60.0
WRONG = "sha256:" + "0" * 64


class ServingCase(ClusterCase):
    weight = 60

    def publisher(self) -> None:
        """A pipeline whose runs publish a folder with one file: the parameter `weights`."""
        self.claim()
        self.pipeline("p", step("train", 'mkdir /tidemill/out/model; printf %s "$PARAM_WEIGHTS" >/tidemill/out/model/weights',
                                outputs=artifacts("model")),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"},
                      params=[{"name": "weights"}])

    def publish(self, weights: str) -> str:
        run = self.run_to("Succeeded", "p", f"run-{weights}", weights=weights)
        return run["status"]["modelVersion"]

    def ask(self, service: str) -> str:
        """What the server says through the Service, by way of the API server's proxy."""
        try:
            answer = self.api.call("GET", f"api/v1/namespaces/{self.namespace}/services/{service}:80/proxy/")
        except ApiError as error:
            return f"failed: {error}"
        return answer["message"]

    def wait_answer(self, service: str, expected: str) -> None:
        said = [""]

        def answers() -> bool:
            said[0] = self.ask(service)
            return said[0] == expected

        self.wait_for(f"{service} answers {expected!r}, last said", answers, ROLLOUT_LIMIT_SECONDS)

    def wait_champion(self, version: str) -> Json:
        def holds(model: Json) -> bool:
            return model.get("status", {}).get("champion") == version and condition(model).get("status") == "True"

        return self.wait("Model", "m", holds, f"champion {version}", ROLLOUT_LIMIT_SECONDS)


class ByHand(ServingCase):
    def test_alone(self) -> None:
        """a version applied by hand serves without a Model, and a Model made later takes over"""
        self.publisher()
        first = self.get("ModelVersion", self.publish("w1")) or {}
        self.create("ModelVersion", "by-hand", {
            "model": "other", "artifact": first["spec"]["artifact"], "serving": serving()})
        version = self.wait_condition("ModelVersion", "by-hand", "True", "Serving", limit=ROLLOUT_LIMIT_SECONDS)
        self.assertEqual("Serving", version["status"]["phase"])
        self.assertEqual("True", condition(version, "Verified")["status"])
        self.assertEqual(f"http://by-hand.{self.namespace}.svc", version["status"]["url"])
        self.wait_answer("by-hand", "1 w1")
        self.settle()
        self.create("Model", "other", {"serving": serving()})
        self.wait("Model", "other", lambda model: condition(model).get("status") == "True", "serves", ROLLOUT_LIMIT_SECONDS)
        self.wait_answer("other", "1 w1")
        self.settle()

    def test_mismatch(self) -> None:
        """a version whose files have another digest never serves, and the champion stays"""
        self.publisher()
        self.create("Model", "m", {"serving": serving()})
        good = self.publish("w1")
        self.wait_champion(good)
        uri = (self.get("ModelVersion", good) or {})["spec"]["artifact"]["uri"]
        self.create("ModelVersion", "bad", {"model": "m", "artifact": {"uri": uri, "digest": WRONG}})
        version = self.wait_condition("ModelVersion", "bad", "False", "DigestMismatch", limit=ROLLOUT_LIMIT_SECONDS)
        self.assertEqual("Failed", version["status"]["phase"])
        self.assertEqual("False", condition(version, "Verified")["status"])
        self.wait_event("ModelVersion", "bad", "DigestMismatch")
        self.wait_gone("Deployment", "bad")
        self.wait_champion(good)
        self.wait_answer("m", "1 w1")
        self.settle()

    def test_missing_files(self) -> None:
        """a version whose files are not there says so and does not serve"""
        self.claim()
        self.create("ModelVersion", "lost", {"model": "m", "artifact": {"uri": "pvc://artifacts/no/such", "digest": WRONG},
                                             "serving": serving()})
        self.wait("ModelVersion", "lost", lambda version: condition(version).get("status") == "False"
                  and "no/such" in condition(version)["message"], "a message about no/such", ROLLOUT_LIMIT_SECONDS)
        self.wait_event("ModelVersion", "lost", "ArtifactUnusable", "no/such")
        self.settle()


class Rollout(ServingCase):
    weight = 120

    def test_versions(self) -> None:
        """the newest version takes over, a pin rolls back, and the Model scales"""
        self.publisher()
        self.create("Model", "m", {"serving": serving()})
        model = self.wait_condition("Model", "m", "False", "NoVersion")
        self.assert_says(model, "NoVersion", "publish")
        # Its name is known from the start: what a resolver has been told of it stays right.
        named = self.wait("Service", "m", lambda service: bool(service["spec"].get("clusterIP")), "an address")
        self.assertNotIn("selector", named["spec"])
        first = self.publish("w1")
        self.wait_champion(first)
        self.assertEqual(named["spec"]["clusterIP"], (self.get("Service", "m") or {})["spec"]["clusterIP"])
        self.wait_answer("m", "1 w1")
        self.wait_event("Model", "m", "Promoted", first)
        second = self.publish("w2")
        model = self.wait_champion(second)
        self.assertEqual(2, model["status"]["championVersion"])
        self.assertEqual(f"http://m.{self.namespace}.svc", model["status"]["url"])
        self.wait_answer("m", "2 w2")
        self.wait_gone("Deployment", first, DRAIN_LIMIT_SECONDS)
        self.wait_condition("ModelVersion", first, "True", "Standby")
        self.merge("Model", "m", {"spec": {"pinnedVersion": first}})
        self.wait_champion(first)
        self.wait_answer("m", "1 w1")
        self.kubectl("scale", "model/m", "--replicas=2")
        self.wait("Model", "m", lambda thing: thing["status"].get("replicas") == 2, "two replicas", ROLLOUT_LIMIT_SECONDS)
        scale = self.api.call("GET", self.api.path("Model", self.namespace, "m", "scale"))
        self.assertEqual(2, len(self.list("Pod", labelSelector=scale["status"]["selector"])))
        self.merge("Model", "m", {"spec": {"pinnedVersion": None}})
        self.wait_champion(second)
        self.wait_answer("m", "2 w2")
        self.kubectl("wait", "--for=condition=Ready", "model/m", f"modelversion/{second}", "pipeline/p", "--timeout=30s")
        self.wait_gone("Deployment", first, DRAIN_LIMIT_SECONDS)
        self.settle()

    def test_pin_unknown(self) -> None:
        """a pinned version that does not exist is told, and the champion serves on"""
        self.publisher()
        self.create("Model", "m", {"serving": serving()})
        first = self.publish("w1")
        self.wait_champion(first)
        self.merge("Model", "m", {"spec": {"pinnedVersion": "nobody"}})
        model = self.wait_condition("Model", "m", "False", "PinnedVersionNotFound")
        self.assert_says(model, "PinnedVersionNotFound", "spec.pinnedVersion", '"nobody"')
        self.wait_event("Model", "m", "PinnedVersionNotFound")
        self.wait_answer("m", "1 w1")
        self.settle()

    def test_failing_server(self) -> None:
        """a new version whose server crashes does not take over, and its last words are told"""
        self.publisher()
        template = serving()
        command = template["podTemplate"]["spec"]["containers"][0]["command"]
        command[2] = ("import pathlib, sys\nif pathlib.Path('/mnt/models/weights').read_text() == 'w2':\n"
                      "    sys.exit('these weights are rotten')\n") + command[2]
        template["podTemplate"]["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
        self.create("Model", "m", {"serving": template})
        first = self.publish("w1")
        self.wait_champion(first)
        second = self.publish("w2")
        self.wait("Model", "m", lambda model: condition(model, "Degraded").get("status") == "True", "Degraded", ROLLOUT_LIMIT_SECONDS)
        version = self.wait("ModelVersion", second, lambda thing: condition(thing).get("reason") == "ServerFailing",
                            "ServerFailing", ROLLOUT_LIMIT_SECONDS)
        self.assertIn("rotten", condition(version)["message"])
        self.assertEqual(first, (self.get("Model", "m") or {})["status"]["champion"])
        self.wait_answer("m", "1 w1")
        self.wait_event("ModelVersion", second, "ServerFailing")


class TakenNames(ServingCase):
    def test_service(self) -> None:
        """a Service of the model's name that is somebody else's is told and left alone"""
        self.publisher()
        theirs = {"selector": {"app": "theirs"}, "ports": [{"port": 1234}]}
        self.create("Service", "m", theirs)
        self.create("Model", "m", {"serving": serving()})
        model = self.wait_condition("Model", "m", "False", "NameTaken")
        self.assert_says(model, "NameTaken", "Service m")
        self.wait_event("Model", "m", "NameTaken")
        version = self.publish("w1")
        self.wait("Deployment", version, lambda made: made.get("status", {}).get("availableReplicas") == 1,
                  "its pod answers", ROLLOUT_LIMIT_SECONDS)
        service = self.get("Service", "m") or {}
        self.assertEqual({"app": "theirs"}, service["spec"]["selector"])
        self.assertNotIn("ownerReferences", service["metadata"])
        self.settle(allow_refused=True)
        self.delete("Service", "m")
        self.wait_answer("m", "1 w1")

    def test_deployment(self) -> None:
        """a Deployment of the version's name that is somebody else's is told and left alone"""
        self.claim()
        labels = {"app": "theirs"}
        container = {"name": "c", "image": "tidemill/examples:dev"}
        self.create("Deployment", "v", {"replicas": 0, "selector": {"matchLabels": labels},
                                        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}})
        self.create("ModelVersion", "v", {"model": "m", "artifact": {"uri": "pvc://artifacts/x", "digest": WRONG},
                                          "serving": serving()})
        version = self.wait_condition("ModelVersion", "v", "False", "NameTaken")
        self.assert_says(version, "NameTaken", "Deployment v")
        self.wait_event("ModelVersion", "v", "NameTaken")
        deployment = self.get("Deployment", "v") or {}
        self.assertEqual({"matchLabels": labels}, deployment["spec"]["selector"])
        self.settle(allow_refused=True)
