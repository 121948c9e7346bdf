"""Many Triggers with sources of every kind, polled by one controller: what a poll costs, how evenly
they come, how many connections they take, and that a host that never answers delays no other one.

The sources are small servers in this process that speak just enough of each protocol.
"""

import collections
import dataclasses
import http.server
import json
import socket
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from measure import load, processes
from measure.api import Client, Failure, create_all
from measure.cluster import BenchCluster, Controller

INTERVAL_S = 60
WINDOW_S = 120  # two polls of each
SLOW_SHARE = 50  # one of so many asks the host that never answers
LOOK_LIMIT_S, LOOK_FOR_EACH_S = 120, 0.1
Counter = collections.Counter[tuple[str, str]]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "0123456789abcdef" * 4
LISTING = ("<?xml version='1.0'?><ListBucketResult><Name>lake</Name><IsTruncated>false</IsTruncated>"
           "<KeyCount>20</KeyCount>" + "".join(
               f"<Contents><Key>day/{at:04d}.csv</Key><Size>1024</Size><ETag>\"{at:032x}\"</ETag>"
               "<LastModified>2026-01-31T03:00:00.000Z</LastModified></Contents>" for at in range(20)) +
           "</ListBucketResult>").encode()
SAMPLE = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
    {"metric": {}, "value": [1767225600, "0.1"]}]}}).encode()


def packets(*lines: str) -> bytes:
    """Lines of Git's protocol, and the flush packet."""
    return b"".join(f"{len(line) + 5:04x}{line}\n".encode() for line in lines) + b"0000"


CAPABILITIES = packets("version 2", "agent=bench", "ls-refs=unborn", "object-format=sha1")
REFS = packets(f"{COMMIT} refs/heads/main")

# kind -> the answer to a request: type, body, headers
ANSWERS: dict[str, Callable[[str, str], tuple[str, bytes, dict[str, str]]]] = {
    "http": lambda _method, _path: ("text/plain", b"", {"ETag": '"1"'}),
    "git": lambda method, _path: (
        ("application/x-git-upload-pack-advertisement", CAPABILITIES, {}) if method == "GET"
        else ("application/x-git-upload-pack-result", REFS, {})),
    "image": lambda _method, _path: ("application/vnd.oci.image.manifest.v1+json", b"{}",
                                     {"Docker-Content-Digest": DIGEST}),
    "bucket": lambda _method, _path: ("application/xml", LISTING, {}),
    "prometheus": lambda _method, _path: ("application/json", SAMPLE, {}),
}


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One kind of source on a port of its own; notes when it was asked, and for what."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: str, kind: str) -> None:
        self.kind = kind
        self.asked: list[tuple[float, str]] = []
        self.connections = 0
        super().__init__((address, 0), Handler)
        self.url = f"http://{address}:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.server.connections += 1
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def answer(self) -> None:
        said = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin-1")
        path = f"{self.path}?{said}" if self.server.kind == "prometheus" else self.path  # a form has the query
        self.server.asked.append((time.monotonic(), path))
        kind, body, headers = ANSWERS[self.server.kind](self.command, self.path)
        self.send_response_only(200)
        for name, value in {"Content-Type": kind, **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = answer


class Silent:
    """Takes connections and says nothing."""

    def __init__(self, address: str) -> None:
        self.listener = socket.create_server((address, 0), backlog=128)
        self.url = f"http://{address}:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        self.listener.close()


@dataclasses.dataclass
class Result:
    """Of WINDOW_S seconds, when every Trigger had been looked at."""

    triggers: int
    silent: int  # of them: of the host that never answers
    requests: int
    conversations: int  # of the others; a Trigger is asked once in INTERVAL_S
    expected: int
    least: int  # conversations in a second
    most: int
    late: int  # Triggers that were not asked as often as they should
    connections: int
    cpu_s: float
    resident: int
    peak: int
    writes: int


def spec_of(kind: str, url: str, number: int) -> dict[str, Any]:
    sources: dict[str, dict[str, Any]] = {
        "http": {"url": f"{url}/{number}"},
        "git": {"url": f"{url}/{number}.git", "branch": "main"},
        "image": {"repository": f"{url}/team/{number}", "tag": "latest"},
        "bucket": {"endpoint": url, "bucket": f"lake-{number}", "prefix": "day/"},
        "prometheus": {"url": url, "query": f"drift{{n=\"{number}\"}}", "above": "0.2"},
    }
    return {"pipelineRef": {"name": "one"}, "interval": f"{INTERVAL_S}s", "debounce": "24h", kind: sources[kind]}


def triggers(servers: dict[str, Server], silent: Silent, count: int) -> list[dict[str, Any]]:
    """Kinds in turns; every SLOW_SHARE-th asks the host that never answers."""
    kinds = list(servers)
    bodies = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        spec = (spec_of("http", silent.url, number) if number % SLOW_SHARE == 0
                else spec_of(kind, servers[kind].url, number))
        bodies.append({"apiVersion": "tidemill.dev/v1alpha1", "kind": "Trigger",
                       "metadata": {"name": f"trigger-{number:05d}"}, "spec": spec})
    return bodies


def is_looked_at(trigger: dict[str, Any]) -> bool:
    conditions = trigger.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["reason"] in ("Debouncing", "Watching", "SourceFailed") for c in conditions)


def wait_looked_at(client: Client, path: str, count: int) -> None:
    """All but the silent host's, of which each takes half a minute, and a few at a time."""
    deadline = time.monotonic() + LOOK_LIMIT_S + LOOK_FOR_EACH_S * count
    while (seen := sum(is_looked_at(item) for item in client.list(path))) < count:
        if time.monotonic() > deadline:
            raise Failure(f"{seen} of {count} Triggers were looked at")
        time.sleep(5)


def count_window(servers: dict[str, Server], began: float, ended: float) -> tuple[int, list[float], Counter]:
    """Requests, when conversations began, and how many each Trigger had: Git's are two requests each."""
    requests, begins, keys = 0, [], Counter()
    for server in servers.values():
        inside = [(at, path) for at, path in list(server.asked) if began <= at < ended]
        requests += len(inside)
        firsts = [(at, path) for at, path in inside if not path.endswith("/git-upload-pack")]
        begins += [at for at, _ in firsts]
        keys.update((server.kind, key_of(server.kind, path)) for _, path in firsts)
    return requests, begins, keys


def in_seconds(begins: list[float], began: float, ended: float) -> list[int]:
    counts = collections.Counter(int(at - began) for at in begins)
    return [counts[second] for second in range(int(ended - began))]


def measure(cluster: BenchCluster, controller: Controller, count: int, say: Callable[[str], None]) -> Result:
    address = cluster.access.host.rpartition(".")[0] + ".1"
    servers = {kind: Server(address, kind) for kind in ANSWERS}
    silent = Silent(address)
    try:
        controller.command += ["--allow-egress", address, "--allow-egress-addresses", f"{address}/32"]
        controller.restart()
        bench = load.Bench(cluster, controller)
        namespace = f"sources-{int(time.time()) % 100000}"
        cluster.create_namespace(namespace)
        client, path = Client(cluster.access), f"{load.API}/{namespace}/triggers"
        client.create(f"{load.API}/{namespace}/pipelines", load.pipeline("one", 1, "bench"))
        bodies = triggers(servers, silent, count)
        create_all(cluster.access, path, [json.dumps(body).encode() for body in bodies])
        silenced = sum(1 for number in range(count) if number % SLOW_SHARE == 0)
        wait_looked_at(client, path, count - silenced)
        say(f"{count} Triggers were looked at; now {WINDOW_S} s")
        client.close()
        time.sleep(INTERVAL_S)  # the answers of the first round are written down
        bench.log.requests(namespace)
        processes.forget_peak(controller.pid)
        cpu, began = processes.cpu_fine_seconds(controller.pid), time.monotonic()
        time.sleep(WINDOW_S)
        ended = time.monotonic()
        cpu_s = processes.cpu_fine_seconds(controller.pid) - cpu
        requests, begins, keys = count_window(servers, began, ended)
        writes = [r for r in bench.log.requests(namespace) if r.verb not in ("get", "list", "watch")]
        seconds = in_seconds(begins, began, ended)
        times, kinds = WINDOW_S // INTERVAL_S, list(servers)
        memory = controller.memory()
        return Result(
            triggers=count, silent=silenced, requests=requests, conversations=len(begins),
            expected=(count - silenced) * times, least=min(seconds), most=max(seconds),
            late=sum(1 for number in range(count) if number % SLOW_SHARE and
                     keys[kinds[number % len(kinds)], key_for(kinds[number % len(kinds)], number)] < times - 1),
            connections=sum(server.connections for server in servers.values()), cpu_s=cpu_s,
            resident=memory.resident, peak=memory.peak, writes=len(writes))
    finally:
        for server in servers.values():
            server.close()
        silent.close()


def key_of(kind: str, path: str) -> str:
    """What of a request's path tells the Trigger."""
    if kind == "prometheus":
        return urllib.parse.parse_qs(urllib.parse.urlsplit(path).query).get("query", [""])[0]
    return path.split("?")[0].split(".git/")[0].removeprefix("/v2/team").split("/manifests/")[0].strip("/")


def key_for(kind: str, number: int) -> str:
    return {"bucket": f"lake-{number}", "prometheus": f"drift{{n=\"{number}\"}}"}.get(kind, str(number))


def lines_of(result: Result) -> list[tuple[str, ...]]:
    rows = [
        ("Triggers, of which the silent host's", f"{result.triggers}, {result.silent}"),
        (f"polls in {WINDOW_S} s, of expected", f"{result.conversations} of {result.expected}"),
        ("requests for each poll", f"{result.requests / max(result.conversations, 1):.2f}"),
        ("polls in a second, least to most", f"{result.least} to {result.most}"),
        ("Triggers asked too seldom", str(result.late)),
        ("connections, since the start", str(result.connections)),
        ("CPU for each poll, ms", f"{result.cpu_s * 1000 / max(result.conversations, 1):.3f}"),
        ("CPU of one core, %", f"{result.cpu_s * 100 / WINDOW_S:.1f}"),
        ("resident, peak, MiB", f"{result.resident / processes.MIB:.1f}, {result.peak / processes.MIB:.1f}"),
        ("writes to the API server", str(result.writes)),
    ]
    return rows
