"""Nobody gets a ServiceAccount from Tidemill that they could not use themselves."""

from __future__ import annotations

import json

from harness.api import Json
from harness.case import SYSTEM_NAMESPACE, ClusterCase, api_version
from harness.objects import IMAGE, restricted, step

RBAC = "apis/rbac.authorization.k8s.io/v1"
POLICY = "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/tidemill-service-accounts"
KINDS_RULE = {"apiGroups": ["tidemill.dev"], "resources": ["pipelines", "models", "modelversions"], "verbs": ["*"]}
DIGEST = "sha256:" + "0" * 64


def account(name: str, field: str = "serviceAccountName") -> Json:
    return {"spec": {field: name}}


def pipeline(defaults: Json | None = None, *templates: Json) -> Json:
    spec: Json = {"steps": [{**step(f"s{number}"), "podTemplate": template}
                            for number, template in enumerate(templates or ({},))]}
    return {**spec, "podDefaults": defaults} if defaults else spec


def model(name: str) -> Json:
    return {"serving": {"podTemplate": {"spec": {"serviceAccountName": name}}}}


# sentence, kind, spec, words of the refusal, or None: allowed
ROWS: list[tuple[str, str, Json, list[str] | None]] = [
    ("no ServiceAccount", "Pipeline", pipeline(), None),
    ("the default one", "Pipeline", pipeline(account("default")), None),
    ("an empty name is the default one", "Pipeline", pipeline(account("")), None),
    ("one that a Role allows", "Pipeline", pipeline(account("allowed")), None),
    ("another one for all steps", "Pipeline", pipeline(account("other")), ["spec.podDefaults.spec.serviceAccountName", '"other"', 'verb "use"']),
    ("another one for one step", "Pipeline", pipeline(account("allowed"), {}, account("other")), ["spec.steps[name=s1].podTemplate.spec.serviceAccountName", '"other"']),
    ("by the field's old name", "Pipeline", pipeline(None, account("other", "serviceAccount")), ["spec.steps[name=s0].podTemplate.spec.serviceAccount:", '"other"']),
    ("behind one that is allowed", "Pipeline", pipeline(None, {"spec": {"serviceAccountName": "allowed", "serviceAccount": "other"}}), ["spec.steps[name=s0].podTemplate.spec.serviceAccount:", '"other"']),
    ("the last of 1,000 steps", "Pipeline", pipeline(account("allowed"), *[{}] * 999, account("other")), ["spec.steps[name=s999]"]),
    ("a fifth one", "Pipeline", pipeline(None, *[account(f"allowed{number}") for number in range(5)]), ["a fifth ServiceAccount"]),
    ("four allowed ones in 1,000 steps", "Pipeline", pipeline(None, *[account(f"allowed{number % 4}") for number in range(1000)]), None),
    ("what is no pod is not for this policy", "Pipeline", pipeline({"spec": "x"}, {"spec": {"serviceAccountName": None}}), None),
    ("of a server", "Model", model("other"), ["spec.serving.podTemplate.spec.serviceAccountName", '"other"']),
    ("of a server, allowed", "Model", model("allowed"), None),
    ("of a version's server", "ModelVersion", {"model": "m", "artifact": {"uri": "pvc://c/x", "digest": DIGEST}, **model("other")}, ["spec.serving.podTemplate.spec.serviceAccountName", '"other"']),
]


class Accounts(ClusterCase):
    weight = 20

    def setUp(self) -> None:
        super().setUp()
        allowed = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["use"],
                   "resourceNames": ["allowed", *(f"allowed{number}" for number in range(5))]}
        self.allow("ada", {"kind": "Role", "name": self.make_role(KINDS_RULE, allowed)})
        self.allow("eve", {"kind": "ClusterRole", "name": "edit"})
        # The roles of the binding are known to the API server a moment later.
        self.wait_for("the roles work", lambda: all(
            self.kubectl("auth", "can-i", "create", "pipelines.tidemill.dev", "--as", user, check=False).startswith("yes")
            for user in ("ada", "eve")))

    def make_role(self, *rules: Json) -> str:
        self.api.call("POST", f"{RBAC}/namespaces/{self.namespace}/roles",
                      {"metadata": {"name": "narrow"}, "rules": list(rules)})
        return "narrow"

    def allow(self, user: str, role: Json) -> None:
        group = "rbac.authorization.k8s.io"
        self.api.call("POST", f"{RBAC}/namespaces/{self.namespace}/rolebindings", {
            "metadata": {"name": user}, "roleRef": {"apiGroup": group, **role},
            "subjects": [{"kind": "User", "name": user, "apiGroup": group}]})

    def create_as(self, user: str, kind: str, spec: Json) -> str:
        thing = {"apiVersion": api_version(kind), "kind": kind, "metadata": {"name": "x"}, "spec": spec}
        return self.kubectl("create", "--dry-run=server", "--as", user, "-f", "-", stdin=json.dumps(thing), check=False)

    def test_refused(self) -> None:
        """who may not use a ServiceAccount can't name it in a Pipeline, Model or ModelVersion"""
        for sentence, kind, spec, words in ROWS:
            with self.subTest(sentence):
                said = self.create_as("ada", kind, spec)
                self.assertEqual(words is None, said.strip().endswith("created (server dry run)"), said[-500:])
                for word in words or []:
                    self.assertIn(word, said)

    def test_edit(self) -> None:
        """who may edit the namespace may name every ServiceAccount there, as with pods"""
        for sentence, kind, spec, _ in ROWS:
            with self.subTest(sentence):
                self.assertIn("created (server dry run)", self.create_as("eve", kind, spec)[-500:])

    def test_update(self) -> None:
        """a spec that names another's ServiceAccount can't be changed, its labels can"""
        self.create("Pipeline", "p", pipeline(account("other")))
        patch = ("patch", "pipelines.tidemill.dev", "p", "--type=merge", "--as", "ada", "-p")
        said = self.kubectl(*patch, '{"spec":{"timeout":"1h"}}', check=False)
        self.assertIn("spec.podDefaults.spec.serviceAccountName", said)
        self.kubectl(*patch, '{"metadata":{"labels":{"a":"b"}}}')
        self.kubectl(*patch, '{"spec":{"podDefaults":null}}')

    def test_sound(self) -> None:
        """the policy on ServiceAccounts has no expression that does not fit its kinds"""
        status = self.wait_for("types are checked", lambda: self.api.call("GET", POLICY).get("status"))
        self.assertEqual({}, status["typeChecking"])

    def test_token(self) -> None:
        """a step gets a token only when it asks for one, and then that of its own ServiceAccount"""
        self.create("ServiceAccount", "allowed")
        look = "import json, base64, pathlib; t = pathlib.Path('/var/run/secrets/kubernetes.io/serviceaccount/token').read_text(); " \
               "c = t.split('.')[1]; assert json.loads(base64.urlsafe_b64decode(c + '=='))['sub'].endswith(':allowed')"
        asking = restricted(serviceAccountName="allowed", automountServiceAccountToken=True)
        self.pipeline("p", {"name": "one", "image": IMAGE, "command": ["python", "-c", look], "podTemplate": asking},
                      step("two", "test ! -e /var/run/secrets/kubernetes.io", podTemplate=account("allowed")))
        self.run_to("Succeeded", "p", "run")


class ControllerPod(ClusterCase):
    weight = 3

    def test_restricted(self) -> None:
        """the controller's pod runs as Pod Security restricted asks, by the API server's own judgement"""
        pods = self.list("Pod", SYSTEM_NAMESPACE, labelSelector="app.kubernetes.io/name=tidemill-controller")
        for pod in pods:
            spec = {key: value for key, value in pod["spec"].items() if key in ("containers", "securityContext")}
            for container in spec["containers"]:
                container["volumeMounts"] = []
            self.create("Pod", "as-the-controller", spec, dry_run=True)
        self.assertTrue(pods)


