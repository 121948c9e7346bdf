"""A small client of the API server: JSON over kept-alive TLS, one connection for each thread."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

Json = dict[str, Any]

TIDEMILL = "apis/tidemill.dev/v1alpha1"
KINDS: dict[str, tuple[str, str]] = {
    "Pipeline": (TIDEMILL, "pipelines"),
    "PipelineRun": (TIDEMILL, "pipelineruns"),
    "Model": (TIDEMILL, "models"),
    "ModelVersion": (TIDEMILL, "modelversions"),
    "Trigger": (TIDEMILL, "triggers"),
    "Job": ("apis/batch/v1", "jobs"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "ResourceQuota": ("api/v1", "resourcequotas"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "ConfigMap": ("api/v1", "configmaps"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "ControllerRevision": ("apis/apps/v1", "controllerrevisions"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "Event": ("apis/events.k8s.io/v1", "events"),
    "Namespace": ("api/v1", "namespaces"),
    "PersistentVolume": ("api/v1", "persistentvolumes"),
    "CustomResourceDefinition": ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
}
CLUSTER_WIDE = {"Namespace", "PersistentVolume", "CustomResourceDefinition"}
OUR_KINDS = ("Pipeline", "PipelineRun", "Model", "ModelVersion", "Trigger")

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
REQUEST_TIMEOUT_SECONDS = 30
TRANSPORT_TRIES = 3
# 429 says that nothing was carried out, and when to come again: an API server that has just started answers so
# ("storage is (re)initializing"), and client-go comes again as often.
BUSY, BUSY_TRIES, BUSY_LIMIT_SECONDS = 429, 10, 5.0
# The API server may have closed a connection that nobody used for a while; a POST would be lost on it.
IDLE_LIMIT_SECONDS = 20


class ApiError(Exception):
    """What the API server refused, with its words."""

    def __init__(self, code: int, status: Json, what: str) -> None:
        self.code = code
        self.status = status
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")
        super().__init__(f"{what}: {code} {self.reason}: {self.message}")


def _write_secret(folder: str, name: str, data: bytes) -> str:
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    return path


class Api:
    def __init__(self, kubeconfig: str | None = None) -> None:
        """Credentials are those of the current kubectl context, or of a kubeconfig's."""
        chosen = ["--kubeconfig", kubeconfig] if kubeconfig else []
        text = subprocess.run(
            ["kubectl", "config", "view", *chosen, "--raw", "--minify", "--flatten", "-o", "json"],
            check=True, capture_output=True, timeout=30,
        ).stdout
        config = json.loads(text)
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        parts = urlsplit(cluster["server"])
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        self.token = user.get("token")
        self.local = threading.local()
        decode = base64.b64decode
        self.tls = ssl.create_default_context(cadata=decode(cluster["certificate-authority-data"]).decode())
        if "client-certificate-data" in user:
            with tempfile.TemporaryDirectory() as folder:
                self.tls.load_cert_chain(
                    _write_secret(folder, "crt", decode(user["client-certificate-data"])),
                    _write_secret(folder, "key", decode(user["client-key-data"])),
                )

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=REQUEST_TIMEOUT_SECONDS, context=self.tls
        )

    def forget_connection(self) -> None:
        """This thread's: after the API server was killed, what is not sent again would find it broken."""
        connection = getattr(self.local, "connection", None)
        if connection:
            connection.close()
            self.local.connection = None

    def _kept_connection(self) -> http.client.HTTPSConnection | None:
        """This thread's, unless it was idle for too long."""
        connection = getattr(self.local, "connection", None)
        if connection and time.monotonic() - self.local.used > IDLE_LIMIT_SECONDS:
            connection.close()
            return None
        return connection

    def _headers(self, content_type: str, accept: str = "application/json") -> dict[str, str]:
        headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": "tidemill-e2e"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def exists(self, path: str) -> bool:
        try:
            self.call("GET", path)
            return True
        except ApiError as error:
            if error.code != 404:
                raise
            return False

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json",
             accept: str = "application/json", **query: str) -> Json:
        url = "/" + path.lstrip("/") + ("?" + urlencode(query) if query else "")
        code, value = self.ask(method, url, body, content_type, accept)
        if code >= 300:
            raise ApiError(code, value, f"{method} {url}")
        return value

    def ask(self, method: str, url: str, body: Any = None, content_type: str = "application/json",
            accept: str = "application/json") -> tuple[int, Json]:
        """The HTTP status and the body, whether it is a refusal or not."""
        data = None if body is None else json.dumps(body).encode()
        for _ in range(BUSY_TRIES):
            response, text = self._exchange(method, url, data, self._headers(content_type, accept))
            if response.status != BUSY:
                break
            time.sleep(min(float(response.headers.get("Retry-After", "1")), BUSY_LIMIT_SECONDS))
        value: Json = json.loads(text) if text[:1] == b"{" else {"message": text.decode(errors="replace")}
        return response.status, value

    def _exchange(self, method: str, url: str, data: bytes | None,
                  headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        """An answer and its body; what changes nothing is asked again on another connection."""
        for attempt in range(TRANSPORT_TRIES):
            connection = self._kept_connection() or self._connect()
            self.local.connection = connection
            self.local.used = time.monotonic()
            try:
                connection.request(method, url, data, headers)
                response = connection.getresponse()
                return response, response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                # A POST may have been carried out: only what changes nothing is sent again.
                if method != "GET" or attempt == TRANSPORT_TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    @staticmethod
    def path(kind: str, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
        prefix, plural = KINDS[kind]
        place = "" if kind in CLUSTER_WIDE else f"/namespaces/{namespace}"
        return f"{prefix}{place}/{plural}" + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    def watch(self, kind: str, namespace: str, seconds: int) -> Iterator[tuple[str, Json]]:
        """Every change of a kind in a namespace for so long. One connection of its own."""
        first = self.call("GET", self.path(kind, namespace))
        version = first["metadata"]["resourceVersion"]
        for item in first["items"]:
            yield "ADDED", item
        query = urlencode({"watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)})
        for event in self.stream(f"/{self.path(kind, namespace)}?{query}", seconds):
            yield event["type"], event["object"]

    def stream(self, url: str, seconds: int) -> Iterator[Json]:
        """The lines of a watch, over a connection of its own."""
        connection = self._connect()
        connection.timeout = seconds + REQUEST_TIMEOUT_SECONDS
        try:
            connection.request("GET", url, headers=self._headers("application/json"))
            response = connection.getresponse()
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()


def wait_until(condition: Any, limit_seconds: float, every_seconds: float = 0.2) -> Any:
    """The first true answer of `condition`, or None when the limit has passed."""
    deadline = time.monotonic() + limit_seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            return None
        time.sleep(every_seconds)
