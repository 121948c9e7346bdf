"""Webhooks by TLS: manifests/webhook-tls, a certificate that is renewed, one that can't be used."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import tempfile
import time

from harness.case import ClusterCase
from harness.cluster import ROOT
from sources import servers
from sources.test_webhooks import KEY, WebhookCase

SYSTEM = "tidemill-system"
SECRET = "tidemill-webhooks-tls"
HOST = f"tidemill-webhooks.{SYSTEM}.svc"
RENEWAL_LIMIT_SECONDS = 120.0


def kubectl(*words: str) -> str:
    return servers.run("kubectl", *words, cwd=str(ROOT))


def install(folder: str) -> None:
    kubectl("apply", "-k", folder)
    subprocess.run(["kubectl", "rollout", "status", "--namespace", SYSTEM, "deployment/tidemill-controller",
                    "--timeout=120s"], check=True, timeout=180, capture_output=True)


def make_certificate(folder: pathlib.Path, name: str) -> tuple[str, str]:
    """Certificate and key for the Service; the organization tells which one it is."""
    servers.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/O={name}/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", f"{name}.key", "-out",
                f"{name}.crt", cwd=str(folder))
    return (folder / f"{name}.crt").read_text(), (folder / f"{name}.key").read_text()


class WithTls(WebhookCase):
    serial = True
    weight = 120

    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = pathlib.Path(self.folder.name)
        self.put_secret("POST", *make_certificate(self.home, "first"))
        self.addCleanup(self.in_the_clear_again)
        # Kustomize takes paths below each other alone.
        own = ROOT / "build" / "webhook-tls"
        own.mkdir(parents=True, exist_ok=True)
        (own / "kustomization.yaml").write_text(json.dumps({
            "resources": ["../../manifests/install"], "components": ["../../manifests/webhook-tls"]}))
        install(str(own))
        service = self.api.call("GET", f"api/v1/namespaces/{SYSTEM}/services/tidemill-webhooks")["spec"]
        self.assertEqual([("https", 443)], [(port["name"], port["port"]) for port in service["ports"]])
        self.service = service["clusterIP"]
        # kube-proxy hears of the new pod a moment after the Deployment is done.
        self.wait_for("the Service leads to the pod", lambda: self.curl("--insecure").returncode == 0)

    def in_the_clear_again(self) -> None:
        install("manifests/install")
        kubectl("delete", "--namespace", SYSTEM, "secret", SECRET, "--ignore-not-found")

    def put_secret(self, method: str, certificate: str, key: str) -> None:
        path = f"api/v1/namespaces/{SYSTEM}/secrets"
        self.api.call(method, path if method == "POST" else f"{path}/{SECRET}", {
            "metadata": {"name": SECRET}, "type": "kubernetes.io/tls",
            "data": {"tls.crt": servers.encode(certificate), "tls.key": servers.encode(key)}})

    def renew(self, certificate: str, key: str) -> None:
        """The kubelet looks at a pod that was changed at once, and at its Secrets with it."""
        self.put_secret("PUT", certificate, key)
        kubectl("annotate", "--overwrite", "--namespace", SYSTEM, "pod", "--selector",
                "app.kubernetes.io/name=tidemill-controller", f"example.com/look={time.time()}")

    def curl(self, *words: str, scheme: str = "https") -> subprocess.CompletedProcess[str]:
        """From inside of the cluster's network, through the Service."""
        return subprocess.run(
            ["nsenter", f"--net=/run/netns/tm-{os.environ['TIDEMILL_CLUSTER']}", "curl", "--noproxy", "*", "--silent",
             "--show-error", "--max-time", "20", "--resolve", f"{HOST}:443:{self.service}", *words,
             f"{scheme}://{HOST}:443/hooks/{self.namespace}/push"], capture_output=True, text=True, timeout=60)

    def deliver(self, name: str, authority: str, key: str = KEY) -> int:
        """The answer's status; curl fails unless the certificate is the one."""
        body = json.dumps({"ref": "refs/heads/main", "after": name})
        digest = hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
        done = self.curl("--cacert", str(self.home / f"{authority}.crt"), "--data-binary", body, "--header",
                         "Content-Type: application/json", "--header", "X-GitHub-Event: push", "--header",
                         f"X-GitHub-Delivery: {name}", "--header", f"X-Hub-Signature-256: sha256={digest}", "--output",
                         "/dev/null", "--write-out", "%{http_code}")
        self.assertEqual(0, done.returncode, done.stderr)
        return int(done.stdout)

    def serves(self, name: str) -> bool:
        done = self.curl("--cacert", str(self.home / f"{name}.crt"))
        self.assertIn(done.returncode, (0, 60), done.stderr)  # 60: another certificate, but it was served
        return done.returncode == 0

    def metric(self, name: str) -> float:
        pod = next(item for item in self.api.call("GET", f"api/v1/namespaces/{SYSTEM}/pods")["items"]
                   if "deletionTimestamp" not in item["metadata"])
        text = kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}:8080/proxy/metrics")
        return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def wait_served(self, what: str, name: str) -> None:
        """Nobody is turned away meanwhile."""
        self.wait_for(what, lambda: self.serves(name), RENEWAL_LIMIT_SECONDS)

    def test_renewal(self) -> None:
        """deliveries come by TLS, a renewed certificate is taken without a gap, and one that can't be used is left"""
        self.hook("push")
        self.wait_condition("Trigger", "push", "True", "Watching")
        self.assertEqual(401, self.deliver("d-0", "first", key="another"))
        self.assertEqual(202, self.deliver("d-1", "first"))
        self.assertEqual("d-1", self.param(self.wait_fired("push", 1), "commit"))
        self.assertEqual(200, self.deliver("d-1", "first"))
        self.assertNotEqual(0, self.curl("--insecure", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0").returncode)
        self.assertNotEqual(0, self.curl(scheme="http").returncode)
        self.assertLess(86400, self.metric("tidemill_webhook_certificate_expires_in_seconds"))

        second = make_certificate(self.home, "second")
        self.renew(*second)
        self.wait_served("the renewed certificate", "second")
        self.assertEqual(202, self.deliver("d-2", "second"))
        self.wait_fired("push", 2)

        third, _ = make_certificate(self.home, "third")
        self.renew(third, second[1])  # the key of another one
        failed = 'tidemill_webhook_certificate_loads_total{outcome="failed"}'
        self.wait_for("the failure to be told", lambda: self.metric(failed) > 0, RENEWAL_LIMIT_SECONDS)
        self.assertIn("is not that of the first certificate", kubectl("logs", "--namespace", SYSTEM, "deployment/tidemill-controller"))
        self.assertEqual(202, self.deliver("d-3", "second"))
        self.wait_fired("push", 3)


class Component(ClusterCase):
    weight = 1

    def setUp(self) -> None:
        self.namespace = ""  # nothing is made in the cluster

    def test_builds(self) -> None:
        """the component fits beside one replica and beside two"""
        for base in ("install", "ha"):
            own = ROOT / "build" / f"webhook-tls-{base}"
            own.mkdir(parents=True, exist_ok=True)
            (own / "kustomization.yaml").write_text(json.dumps({
                "resources": [f"../../manifests/{base}"], "components": ["../../manifests/webhook-tls"]}))
            text = kubectl("kustomize", str(own))
            for part in ("--webhook-tls-key=/etc/tidemill/webhook-tls/tls.key", f"secretName: {SECRET}", "port: 443"):
                self.assertIn(part, text)
            self.assertNotIn("port: 80\n", text)
