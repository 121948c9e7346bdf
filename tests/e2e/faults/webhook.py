"""An admission webhook that refuses: an HTTPS server with a CA of its own, for the time of a test."""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
from typing import Any

from harness.api import Json

OPENSSL_LIMIT_SECONDS = 30
DENY, FAIL, HANG = "deny", "fail", "hang"
HANG_SECONDS = 3


def _openssl(folder: pathlib.Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=OPENSSL_LIMIT_SECONDS)


def make_certificate(folder: pathlib.Path, address: str) -> None:
    """ca.crt, and server.pem that is signed by it for an IP address."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=refuser-ca",
             "-addext", "keyUsage=critical,keyCertSign")
    _openssl(folder, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=refuser")
    (folder / "extensions").write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", "extensions", "-out", "server.crt")
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())


class Refuser:
    """Judges what its configuration sends to it: says no, fails, or takes too long."""

    def __init__(self, address: str) -> None:
        self.how = DENY
        self.asked = 0
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        make_certificate(folder, address)
        self.authority = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
        refuser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                refuser.asked += 1
                if refuser.how == HANG:
                    time.sleep(HANG_SECONDS)
                answer: Json = {"uid": review["request"]["uid"], "allowed": False,
                                "status": {"code": 403, "reason": "Forbidden", "message": "not on a Tuesday"}}
                body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}).encode()
                try:
                    self.send_response(500 if refuser.how == FAIL else 200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # who asked has given up, as is the point of HANG

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "server.pem")
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{address}:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def configuration(self, name: str, namespace: str, user: str) -> Json:
        """For all that `user` writes in a namespace, statuses included."""
        rules = [{"apiGroups": ["batch", "tidemill.dev"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                  "resources": ["*/*"], "scope": "Namespaced"}]
        return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": name},
                "webhooks": [{"name": "refuser.tidemill.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                              "failurePolicy": "Fail", "timeoutSeconds": 1, "rules": rules,
                              "matchConditions": [{"name": "ours", "expression": f"request.userInfo.username == '{user}'"}],
                              "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                              "clientConfig": {"url": self.url, "caBundle": self.authority}}]}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()
