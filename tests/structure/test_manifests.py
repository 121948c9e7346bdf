"""The controller's pod and the policy, as they are installed; permissions are in test_rbac."""

import pathlib
import re
import unittest
import urllib.parse

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL = ROOT / "manifests" / "install"
HA = ROOT / "manifests" / "ha"

# All that the install with two replicas changes of the Deployment (docs/operations.md).
HA_DEPLOYMENT = {
    "replicas": 2,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
    "template": {"spec": {
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 100,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "tidemill-controller"}},
            },
        }]}},
        "containers": [{
            "name": "controller",
            "args": ["controller", "--leader-elect", "--webhook-address=:8090"],
            "env": [{"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
        }],
    }},
}


def documents(name: str, folder: pathlib.Path = INSTALL) -> list[dict]:
    return [item for item in yaml.safe_load_all((folder / name).read_text()) if item]


def find(name: str, kind: str, folder: pathlib.Path = INSTALL) -> dict:
    return next(item for item in documents(name, folder) if item["kind"] == kind)


class Policy(unittest.TestCase):
    """manifests/install/policy.yaml: who may name which ServiceAccount."""

    def test_every_kind_with_a_pod_template_is_under_the_policy(self) -> None:
        policy = find("policy.yaml", "ValidatingAdmissionPolicy")["spec"]
        rule, = policy["matchConstraints"]["resourceRules"]
        self.assertEqual(rule["operations"], ["CREATE", "UPDATE"])
        self.assertEqual(rule["apiVersions"], ["*"])
        with_pods = {path.stem for path in (ROOT / "crds").glob("*.yaml")
                     if "x-kubernetes-preserve-unknown-fields" in path.read_text()}
        self.assertEqual(set(rule["resources"]), with_pods)

    def test_the_policy_is_installed_and_denies(self) -> None:
        policy = find("policy.yaml", "ValidatingAdmissionPolicy")
        binding = find("policy.yaml", "ValidatingAdmissionPolicyBinding")["spec"]
        self.assertEqual(policy["spec"]["failurePolicy"], "Fail")
        self.assertEqual(binding, {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]})
        self.assertIn("policy.yaml", find("kustomization.yaml", "Kustomization")["resources"])

    def test_no_expression_asks_for_more_than_the_two_permissions_that_one_may(self) -> None:
        policy = find("policy.yaml", "ValidatingAdmissionPolicy")["spec"]
        asked = [item["expression"].count(".check(") for item in policy["variables"] + policy["validations"]]
        self.assertLessEqual(max(asked), 2)
        self.assertLessEqual(sum(asked), 28)


class ControllerPod(unittest.TestCase):
    def test_the_pod_is_restricted(self) -> None:
        pod = find("controller.yaml", "Deployment")["spec"]["template"]["spec"]
        container = pod["containers"][0]
        self.assertEqual(pod["securityContext"]["runAsUser"], 65534)
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
        self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
        self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
        self.assertEqual(container["resources"]["limits"].keys(), {"memory"})
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            self.assertNotIn(field, pod)

    def test_the_namespace_enforces_it(self) -> None:
        namespace = find("namespace.yaml", "Namespace")
        level = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        self.assertEqual(level, "restricted")


class WebhookTls(unittest.TestCase):
    """manifests/webhook-tls; that it builds beside the install is tested with kubectl in tests/e2e/sources."""

    def test_the_component_mounts_one_secret_whole_and_gives_its_files_to_the_flags(self) -> None:
        folder = ROOT / "manifests" / "webhook-tls"
        volumes, mounts, *flags = documents("controller.yaml", folder)[0]
        volume, = volumes["value"]
        mount, = mounts["value"]
        self.assertEqual(volume, {"name": mount["name"], "secret": {"secretName": "tidemill-webhooks-tls"}})
        self.assertTrue(mount["readOnly"])
        self.assertNotIn("subPath", mount)
        self.assertEqual([item["value"] for item in flags], [f"--webhook-tls-cert={mount['mountPath']}/tls.crt",
                                                             f"--webhook-tls-key={mount['mountPath']}/tls.key"])
        operation, = documents("service.yaml", folder)[0]
        before, = find("webhooks.yaml", "Service")["spec"]["ports"]
        self.assertEqual(operation["value"], {"name": "https", "port": 443, "targetPort": before["targetPort"]})


class NoManagedFields(unittest.TestCase):
    """manifests/no-managed-fields; what it does is tested in tests/e2e/features."""

    def test_it_is_for_what_is_made_by_us_and_applied_by_nobody_and_refuses_nothing(self) -> None:
        folder = ROOT / "manifests" / "no-managed-fields"
        policy, binding = documents("policy.yaml", folder)
        watched = re.search(r'SELECTOR_MANAGED "(.*)"', (ROOT / "controller/api/kind.c").read_text())
        constraints = policy["spec"]["matchConstraints"]
        (name, value), = constraints["objectSelector"]["matchLabels"].items()
        self.assertEqual(watched and urllib.parse.unquote(watched[1]), f"{name}={value}")
        self.assertEqual([(rule["apiGroups"], rule["resources"], rule["operations"])
                          for rule in constraints["resourceRules"]],
                         [(["batch"], ["jobs"], ["CREATE"]), ([""], ["pods"], ["CREATE"]),
                          (["tidemill.dev"], ["pipelineruns", "modelversions"], ["CREATE"])])
        self.assertEqual(policy["spec"]["failurePolicy"], "Ignore")
        self.assertEqual(binding["spec"], {"policyName": policy["metadata"]["name"]})


class TwoReplicas(unittest.TestCase):
    """manifests/ha; that it builds, and what comes out, is tested with kubectl in tests/e2e/ha."""

    def test_the_overlay_is_the_install_and_nothing_but_what_is_meant(self) -> None:
        overlay = documents("kustomization.yaml", HA)[0]
        self.assertEqual(overlay["resources"], ["../install", "lease.yaml", "budget.yaml"])
        self.assertEqual(overlay["patches"], [{"path": "controller.yaml"}])
        self.assertEqual(overlay["namespace"], documents("kustomization.yaml")[0]["namespace"])
        self.assertEqual(set(overlay), {"apiVersion", "kind", "namespace", "resources", "patches"})
        patch = documents("controller.yaml", HA)[0]
        self.assertEqual(patch["metadata"], {"name": find("controller.yaml", "Deployment")["metadata"]["name"]})
        self.assertEqual(patch["spec"], HA_DEPLOYMENT)

    def test_leader_election_may_touch_one_lease_of_its_own_namespace(self) -> None:
        kinds = [item["kind"] for item in documents("lease.yaml", HA)]
        self.assertEqual(kinds, ["Role", "RoleBinding"])
        self.assertEqual(find("lease.yaml", "Role", HA)["rules"], [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
             "resourceNames": ["tidemill-controller"], "verbs": ["get", "patch"]},
        ])
        binding = find("lease.yaml", "RoleBinding", HA)
        account = find("rbac.yaml", "ServiceAccount")["metadata"]["name"]
        self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": account}])
        self.assertEqual(binding["roleRef"]["name"], "tidemill-leader-election")
        name = f'"{find("lease.yaml", "Role", HA)["rules"][1]["resourceNames"][0]}"'
        source = (ROOT / "controller" / "cli" / "controller.c").read_text()
        self.assertEqual([name], re.findall(r"^#define LEASE_NAME +(.*)$", source, re.MULTILINE))

    def test_a_budget_keeps_one_replica(self) -> None:
        budget = documents("budget.yaml", HA)[0]["spec"]
        deployment = find("controller.yaml", "Deployment")["spec"]
        self.assertEqual(budget, {"minAvailable": 1, "selector": deployment["selector"]})
