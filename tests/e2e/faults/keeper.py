"""A server of every kind that a Trigger asks, which lets in only who shows the right secret."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import socket
import threading
from typing import Any

COMMIT = "1" * 40
MANIFEST = b'{"schemaVersion": 2}'
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
REGISTRY_TOKEN = "token-that-the-registry-made-and-nobody-else-sees"


def _line(text: str) -> str:
    """gitprotocol-common, "pkt-line Format"."""
    return f"{len(text) + 4:04x}{text}"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ANSWERS: dict[str, tuple[str, str]] = {  # by path: type and body
    "/http/x": ("text/plain", "one"),
    "/login/x": ("text/plain", "one"),
    "/metrics/api/v1/query": ("application/json", json.dumps({"status": "success", "data": {
        "resultType": "vector", "result": [{"metric": {}, "value": [1.0, "7"]}]}})),
    "/git/info/refs": ("application/x-git-upload-pack-advertisement",
                       _line("# service=git-upload-pack\n") + "0000" + _line("version 2\n") + _line("ls-refs=unborn\n") + "0000"),
    "/git/git-upload-pack": ("application/x-git-upload-pack-result", _line(f"{COMMIT} refs/heads/main\n") + "0000"),
    "/lake": ("application/xml", '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name>'
              "<IsTruncated>false</IsTruncated><KeyCount>1</KeyCount><Contents><Key>a.csv</Key><Size>1</Size>"
              '<ETag>"e"</ETag><LastModified>2026-01-31T03:00:00.000Z</LastModified></Contents></ListBucketResult>'),
    "/v2/team/base/manifests/stable": (MANIFEST_TYPE, MANIFEST.decode()),
    "/token": ("application/json", json.dumps({"token": REGISTRY_TOKEN})),
}


class Keeper:
    def __init__(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.place = f"{host}:{port}"
        self.url = f"http://{self.place}"
        self.is_open = False
        self.expected: dict[str, str] = {}  # how Authorization begins, by the start of the path
        self.let_in: set[str] = set()
        keeper = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                keeper.answer(self)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((host, port), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = listener
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", "0")))
        path = request.path.partition("?")[0]
        given = request.headers.get("Authorization", "")
        start = next((start for start in self.expected if path.startswith(start)), "")
        headers = {}
        if not start:
            status, kind, body = 404, "text/plain", ""
        elif not given.startswith(self.expected[start]):
            status, kind, body = 401, "text/plain", "who are you?"
            headers["WWW-Authenticate"] = (f'Bearer realm="{self.url}/token",service="r",scope="repository:team/base:pull"'
                                           if start == "/v2/" else 'Basic realm="r"')
        elif not self.is_open:
            status, kind, body = 403, "text/plain", "you may not"
        else:
            status, (kind, body) = 200, ANSWERS[path]
            self.let_in.add(start)
            headers["ETag"] = '"one"'
            if path.startswith("/v2/"):
                headers["Docker-Content-Digest"] = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
        request.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body.encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
