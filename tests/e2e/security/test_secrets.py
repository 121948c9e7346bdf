"""A planted secret is shown nowhere: not in logs, events, statuses, metrics, nor in what is made for a run."""

from __future__ import annotations

import json
import os
import subprocess

from harness import faults, secrets
from harness.api import OUR_KINDS
from harness.case import SYSTEM_NAMESPACE, ClusterCase
from harness.objects import results, restricted, step

PLANTED = "hunter2-Zx9-planted-and-never-shown"
WITH_SECRET = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}


def as_root(*command: str) -> str:
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*prefix, *command], check=True, capture_output=True, text=True, timeout=60).stdout


class Secrets(ClusterCase):
    serial = True  # it sets the controller's log level
    weight = 60

    def arguments(self) -> list[str]:
        deployment = self.get("Deployment", "tidemill-controller", SYSTEM_NAMESPACE)
        return deployment["spec"]["template"]["spec"]["containers"][0]["args"] if deployment else []

    def restart_with(self, arguments: list[str]) -> None:
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": arguments}]
        deployment = ("deployment/tidemill-controller", "--namespace", SYSTEM_NAMESPACE)
        self.kubectl("patch", *deployment, "--type=json", "-p", json.dumps(patch))
        self.kubectl("rollout", "status", *deployment, "--timeout=120s")

    def token_of_controller(self) -> str:
        """As the kubelet put it into the pod: the part that is secret, its signature."""
        folder = os.environ["TIDEMILL_CLUSTER_DIR"] + "/kubelet/pods/"
        uid = faults.controller_pods(self.api)[0]["metadata"]["uid"]
        path = as_root("find", folder + uid, "-path", "*kube-api-access*", "-name", "token", "-type", "l").split()[0]
        return as_root("cat", path).split(".")[2]

    def everything_shown(self) -> dict[str, str]:
        shown = secrets.objects_shown(self.api, self.namespace, SYSTEM_NAMESPACE)
        pods = faults.controller_pods(self.api)
        self.assertTrue(pods)
        for pod in pods:
            name = pod["metadata"]["name"]
            shown[f"log of {name}"] = self.kubectl("logs", name, "--namespace", SYSTEM_NAMESPACE)
            for page in ("metrics", "healthz", "readyz?verbose"):
                shown[f"{page} of {name}"] = self.kubectl(
                    "get", "--raw", f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{name}:8080/proxy/{page}")
        return shown

    def test_planted(self) -> None:
        """a planted secret and the controller's own token are in no log, event, status, metric or object"""
        arguments = self.arguments()
        self.addCleanup(self.restart_with, arguments)
        self.restart_with([*arguments, "--log-level=debug"])
        self.api.call("POST", f"api/v1/namespaces/{self.namespace}/secrets",
                      {"metadata": {"name": "db"}, "stringData": {"password": PLANTED}})
        template = restricted()
        template["spec"]["containers"][0]["env"] = [WITH_SECRET]
        # The parameter asks for the variable, the kubelet must not fill it in; the step knows the secret.
        # In the script itself the kubelet would: D holds the dollar.
        asks = "D='$'; test \"$PARAM_WORD\" = \"$D(DB_PASSWORD)\"; test ${#DB_PASSWORD} -gt 20; "
        says = """printf '{"word": "%s(DB_PASSWORD)"}' "$D" >$TIDEMILL_RESULTS"""
        hears = "D='$'; test \"$RESULT_ONE_WORD\" = \"$D(DB_PASSWORD)\"; test \"$1\" = \"$D(DB_PASSWORD)\""
        self.create("Pipeline", "p", {
            "podDefaults": template, "params": [{"name": "word"}], "steps": [
                step("one", asks + says, outputs=results(word="string")),
                {**step("two", runAfter=["one"]), "command": ["sh", "-ec", hears, "sh", "$(PARAM_WORD)"]},
            ]})
        self.create("Pipeline", "fails", {"podDefaults": template, "steps": [step("one", "exit 3")]})
        self.run_to("Succeeded", "p", "good", word="$(DB_PASSWORD)")
        self.run_to("Failed", "fails", "bad")
        self.run_of("p", "wrong")
        self.wait_phase("wrong", "Failed")
        shown = self.everything_shown()
        self.assertTrue(any("message=written" in text for name, text in shown.items() if name.startswith("log of")))
        self.assertTrue(all(shown[f"{kind} in {self.namespace}"] for kind in OUR_KINDS))
        token = self.token_of_controller()
        self.assertGreater(len(token), 40)
        self.assertEqual([], secrets.found_in(shown, PLANTED, token))
