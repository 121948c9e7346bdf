"""The objects that the tests make, as short as the tests need them."""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

IMAGE = "tidemill/examples:dev"
USER = 10001

# All that Pod Security `restricted` asks for.
POD_SECURITY: Json = {
    "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def restricted(container: str = "step", **pod_spec: Any) -> Json:
    """A pod template that Pod Security `restricted` lets in."""
    return {
        "spec": {
            "securityContext": copy.deepcopy(POD_SECURITY),
            "containers": [{"name": container, "securityContext": copy.deepcopy(CONTAINER_SECURITY)}],
            **pod_spec,
        }
    }


def step(name: str, script: str = "true", **fields: Any) -> Json:
    """A step that runs a shell script."""
    return {"name": name, "image": IMAGE, "command": ["sh", "-ec", script], **fields}


def results(**values: str) -> Json:
    """Declared results: results(rows="integer")."""
    return {"results": [{"name": name, "type": kind} for name, kind in values.items()]}


def artifacts(*names: str) -> Json:
    return {"artifacts": [{"name": name} for name in names]}


def write_result(text: str) -> str:
    """Shell that writes `text` as it is to $TIDEMILL_RESULTS."""
    return "printf '%s' '" + text.replace("'", "'\\''") + "' >$TIDEMILL_RESULTS"


def pipeline_spec(*steps: Json, claim: str | None = None, **fields: Any) -> Json:
    spec: Json = {"podDefaults": restricted(), "steps": list(steps), **fields}
    if claim:
        spec["artifacts"] = {"volumeClaim": {"claimName": claim}}
    return spec


def run_spec(pipeline: str, **params: str) -> Json:
    spec: Json = {"pipelineRef": {"name": pipeline}}
    if params:
        spec["params"] = [{"name": name, "value": value} for name, value in params.items()]
    return spec


def claim_spec(**fields: Any) -> Json:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}, **fields}


SERVER = r"""
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = (os.environ['TIDEMILL_MODEL_VERSION'] + ' ' + pathlib.Path('/mnt/models').joinpath(FILE).read_text()).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(('', 8080), Handler).serve_forever()
"""


def serving(file: str = "weights", **fields: Any) -> Json:
    """A server in a few lines of Python that answers "VERSION CONTENT-OF-FILE"; PID 1 ends at once."""
    template = restricted("server")
    server = template["spec"]["containers"][0]
    server["image"] = IMAGE
    server["command"] = ["python", "-c", SERVER.replace("FILE", repr(file))]
    # A busy machine may let a probe wait: that must not look as if the server were gone.
    server["readinessProbe"] = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10}
    server["lifecycle"] = {"preStop": {"sleep": {"seconds": 1}}}
    template["spec"]["terminationGracePeriodSeconds"] = 3
    return {"podTemplate": template, **fields}
