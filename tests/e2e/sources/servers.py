"""Real servers for Triggers' sources: plain processes beside the cluster, ended with the tests.

Each listens on the machine's end of the cable to the cluster; a Service without selector leads pods there.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import http.cookiejar
import http.server
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from harness.cluster import ROOT

BUILD_LIMIT_SECONDS = 1800
READY_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 10.0
COMMAND_LIMIT_SECONDS = 60
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "e2e",
       "GIT_AUTHOR_EMAIL": "e2e@test", "GIT_COMMITTER_NAME": "e2e", "GIT_COMMITTER_EMAIL": "e2e@test"}

_programs: list[str] = []
_lock = threading.Lock()


def program(name: str) -> str:
    """Built at the first use (hack/cluster servers), for all tests at once."""
    with _lock:
        if not _programs:
            done = subprocess.run([str(ROOT / "hack/cluster"), "servers"], check=True, stdout=subprocess.PIPE, text=True,
                                  timeout=BUILD_LIMIT_SECONDS)
            _programs.extend(done.stdout.split())
    return next(path for folder in _programs if os.path.exists(path := f"{folder}/{name}"))


def run(*command: str, cwd: str | None = None, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
                          timeout=COMMAND_LIMIT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Process:
    """A server program on a port of its own, with a folder of its own."""

    def __init__(self, address: str) -> None:
        self.address, self.port = address, free_port(address)
        self.url = f"http://{address}:{self.port}"
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name)

    def launch(self, path: str, *command: str, **environment: str) -> None:
        with (self.home / "log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.home, env={**os.environ, **environment}, stdout=log,
                                            stderr=subprocess.STDOUT)
        atexit.register(self.close)
        deadline = time.monotonic() + READY_LIMIT_SECONDS
        while not self.answers(path):
            if self.process.poll() is not None or time.monotonic() >= deadline:
                raise RuntimeError(f"{command[0]} does not answer: {(self.home / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def answers(self, path: str) -> bool:
        try:
            urllib.request.urlopen(self.url + path, timeout=5).close()
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        atexit.unregister(self.close)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()


class Documents:
    """Documents by path; with a token, only for who has it."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked = 0
        documents = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status: int, body: bytes, has_body: bool, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if has_body:
                    self.wfile.write(body)

            def serve(self, has_body: bool) -> None:
                documents.asked += 1
                body = documents.documents.get(self.path)
                if token and self.headers["Authorization"] != f"Bearer {token}":
                    self.answer(401, b"", has_body)
                elif body is None:
                    self.answer(404, b"", has_body)
                else:
                    self.answer(200, body, has_body, ETag=f'"{hashlib.sha256(body).hexdigest()[:16]}"')

            def do_GET(self) -> None:
                self.serve(True)

            def do_HEAD(self) -> None:
                self.serve(False)

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Git:
    """A repository behind Git's own http-backend."""

    def __init__(self, address: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.folder.name)
        self.work = str(home / "work")
        run("git", "init", "--quiet", "--bare", str(home / "churn.git"), **GIT)
        run("git", "init", "--quiet", "--initial-branch=main", self.work, **GIT)
        run("git", "remote", "add", "origin", str(home / "churn.git"), cwd=self.work, **GIT)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                path, _, query = self.path.partition("?")
                size = int(self.headers.get("Content-Length", "0"))
                environment = {**os.environ, **GIT, "GIT_PROJECT_ROOT": str(home), "GIT_HTTP_EXPORT_ALL": "1",
                               "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                               "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(size),
                               "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1"}
                done = subprocess.run(["git", "http-backend"], input=self.rfile.read(size), env=environment,
                                      capture_output=True, timeout=COMMAND_LIMIT_SECONDS)
                head, _, body = done.stdout.partition(b"\r\n\r\n")
                headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
                status = next((value for name, value in headers if name == "Status"), "200 OK")
                self.send_response(int(status.split()[0]))
                for name, value in headers:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = serve

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def commit(self, text: str, tag: str | None = None) -> str:
        """Pushes a commit, and a tag; the commit's id."""
        run("git", "commit", "--quiet", "--allow-empty", "--message", text, cwd=self.work, **GIT)
        if tag:
            run("git", "tag", "--annotate", "--message", tag, tag, cwd=self.work, **GIT)
        run("git", "push", "--quiet", "--tags", "origin", "main", cwd=self.work, **GIT)
        return run("git", "rev-parse", "HEAD", cwd=self.work, **GIT).strip()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


class Registry(Process):
    """The distribution project's registry."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        (self.home / "config.yml").write_text(json.dumps({
            "version": 0.1, "storage": {"filesystem": {"rootdirectory": str(self.home / "data")}},
            "http": {"addr": f"{address}:{self.port}"}, "log": {"level": "error"}}))
        self.launch("/v2/", program("registry"), "serve", "config.yml", OTEL_TRACES_EXPORTER="none")

    def call(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Any:
        full = url if url.startswith("http") else self.url + url
        request = urllib.request.Request(full, data=body, method=method,
                                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        return urllib.request.urlopen(request, timeout=COMMAND_LIMIT_SECONDS)

    def blob(self, name: str, data: bytes) -> dict[str, Any]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        place = self.call("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
        self.call("PUT", place + ("&" if "?" in place else "?") + f"digest={digest}", data,
                  Content_Type="application/octet-stream").close()
        return {"digest": digest, "size": len(data)}

    def push(self, name: str, tag: str, content: str) -> str:
        """An artifact of one layer; its digest."""
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **self.blob(name, b"{}")},
            "layers": [{"mediaType": "application/octet-stream", **self.blob(name, content.encode())}]}).encode()
        self.call("PUT", f"/v2/{name}/manifests/{tag}", manifest, Content_Type=kind).close()
        return "sha256:" + hashlib.sha256(manifest).hexdigest()


class Bucket(Process):
    """versitygw, an S3 server over a folder."""

    ACCESS, SECRET = "e2e-access", "e2e-secret-key"

    def __init__(self, address: str, bucket: str) -> None:
        super().__init__(address)
        (self.home / "data").mkdir()
        self.launch("/", program("versitygw"), "--port", f"{address}:{self.port}", "posix", str(self.home / "data"),
                    ROOT_ACCESS_KEY=self.ACCESS, ROOT_SECRET_KEY=self.SECRET)
        self.bucket = bucket
        self.put("")

    def put(self, key: str, data: bytes = b"") -> None:
        """An object; without a key the bucket itself."""
        digest = hashlib.sha256(data).hexdigest()
        run("curl", "--silent", "--show-error", "--fail", "--max-time", "30", "--request", "PUT", "--user",
            f"{self.ACCESS}:{self.SECRET}", "--aws-sigv4", "aws:amz:us-east-1:s3", "--header",
            f"x-amz-content-sha256: {digest}", "--data-binary", data.decode(), f"{self.url}/{self.bucket}/{key}".rstrip("/"))


class Prometheus(Process):
    """Debian's Prometheus, which scrapes one gauge of a Documents server each second."""

    def __init__(self, address: str, gauge: Documents) -> None:
        super().__init__(address)
        (self.home / "config.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "e2e", "static_configs": [{"targets": [f"{address}:{gauge.port}"]}]}]}))
        self.launch("/-/ready", program("prometheus"), "--config.file=config.yml", "--storage.tsdb.path=data",
                    f"--web.listen-address={address}:{self.port}")

    def value(self, query: str) -> str | None:
        with urllib.request.urlopen(f"{self.url}/api/v1/query?query={query}", timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
        return found[0]["value"][1] if found else None


class Gitea(Process):
    """A Git forge that sends webhooks; inside of the cluster's network, so that it reaches Services. Not as root."""

    USER, PASSWORD = "e2e", "e2e-password"
    NOBODY = 65534

    def __init__(self, address: str, cluster: str) -> None:
        super().__init__("127.0.0.1")
        self.address, self.url = address, f"http://{address}:{self.port}"
        built = pathlib.Path(program("gitea"))
        share = self.home / "share"
        # The cache may be in a folder that nobody but its owner may enter.
        shutil.copytree(built.parent.parent, share, copy_function=link_or_copy)
        (self.home / "app.ini").write_text(self.configuration(share))
        for path in (self.home, self.home / "app.ini"):
            os.chown(path, self.NOBODY, self.NOBODY)
        self.command = ["nsenter", f"--net=/run/netns/tm-{cluster}", "setpriv", f"--reuid={self.NOBODY}",
                        f"--regid={self.NOBODY}", "--clear-groups", "env", "--ignore-environment", f"HOME={self.home}",
                        f"PATH={os.environ['PATH']}", f"GITEA_WORK_DIR={self.home}", str(share / "bin/gitea"),
                        "--config", str(self.home / "app.ini")]
        run(*self.command, "migrate", cwd=str(self.home))
        run(*self.command, "admin", "user", "create", "--admin", "--username", self.USER, "--password", self.PASSWORD,
            "--email", "e2e@test.example", "--must-change-password=false", cwd=str(self.home))
        self.launch("/api/healthz", *self.command, "web")

    def configuration(self, share: pathlib.Path) -> str:
        """REVERSE_PROXY: deliveries can be repeated in the web pages alone, and those want a session."""
        parts: dict[str, dict[str, Any]] = {
            "server": {"HTTP_ADDR": self.address, "HTTP_PORT": self.port, "ROOT_URL": f"{self.url}/", "DISABLE_SSH": True,
                       "OFFLINE_MODE": True, "STATIC_ROOT_PATH": share},
            "database": {"DB_TYPE": "sqlite3", "PATH": self.home / "gitea.db"},
            "repository": {"ROOT": self.home / "repositories"},
            "security": {"INSTALL_LOCK": True, "SECRET_KEY": "e2e", "REVERSE_PROXY_TRUSTED_PROXIES": "*"},
            "service": {"ENABLE_REVERSE_PROXY_AUTHENTICATION": True},
            "webhook": {"ALLOWED_HOST_LIST": "private"},
            "oauth2": {"ENABLED": False}, "actions": {"ENABLED": False}, "cron": {"ENABLED": False},
            "indexer": {"ISSUE_INDEXER_TYPE": "db"}, "log": {"MODE": "console"}}
        return f"WORK_PATH = {self.home}\n" + "\n".join(
            f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in part.items()) for name, part in parts.items())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        token = base64.b64encode(f"{self.USER}:{self.PASSWORD}".encode()).decode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method, headers={
            "Authorization": f"Basic {token}", "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=COMMAND_LIMIT_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def repository(self, name: str) -> None:
        """Made with a first commit, and cloned."""
        self.work = str(self.home / f"work-{name}")
        self.name = name
        self.call("POST", "user/repos", {"name": name, "auto_init": True, "default_branch": "main"})
        place = f"http://{self.USER}:{self.PASSWORD}@{self.address}:{self.port}/{self.USER}/{name}.git"
        run("git", "clone", "--quiet", place, self.work, **GIT)

    def hook(self, url: str, secret: str) -> int:
        made = self.call("POST", f"repos/{self.USER}/{self.name}/hooks", {
            "type": "gitea", "active": True, "events": ["push"],
            "config": {"url": url, "content_type": "json", "secret": secret}})
        return int(made["id"])

    def push(self, branch: str, text: str) -> str:
        """A new commit on the branch; its id."""
        run("git", "checkout", "--quiet", "-B", branch, cwd=self.work, **GIT)
        run("git", "commit", "--quiet", "--allow-empty", "--message", text, cwd=self.work, **GIT)
        run("git", "push", "--quiet", "origin", branch, cwd=self.work, **GIT)
        return run("git", "rev-parse", "HEAD", cwd=self.work, **GIT).strip()

    def test_delivery(self, hook: int) -> None:
        """The button of that name."""
        self.call("POST", f"repos/{self.USER}/{self.name}/hooks/{hook}/tests")

    def repeat(self, hook: int, delivery: str) -> None:
        """The button beside a past delivery."""
        page = f"{self.url}/{self.USER}/{self.name}/settings/hooks/{hook}"
        cookies = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies))
        browser.addheaders = [("X-WEBAUTH-USER", self.USER)]
        browser.open(page, timeout=COMMAND_LIMIT_SECONDS).close()
        token = next(cookie.value for cookie in cookies if cookie.name == "_csrf")
        browser.addheaders.append(("X-Csrf-Token", token or ""))
        browser.open(f"{page}/replay/{delivery}", b"", timeout=COMMAND_LIMIT_SECONDS).close()

    def deliveries(self) -> list[tuple[str, int]]:
        """Name and status of all that were answered, by its own record."""
        with sqlite3.connect(f"file:{self.home}/gitea.db?mode=ro", uri=True, timeout=COMMAND_LIMIT_SECONDS) as database:
            rows = database.execute("SELECT uuid, response_content FROM hook_task WHERE is_delivered ORDER BY id").fetchall()
        return [(name, int(json.loads(answer)["status"])) for name, answer in rows if answer]


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
