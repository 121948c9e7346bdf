"""Serves the model by the Open Inference Protocol v2 over HTTP/1.1, and tells at /metrics what it is asked about.

On SIGTERM it drains: it is not ready any more, yet answers everything that still comes, says
`Connection: close` with each answer, and ends once nothing has come for DRAIN_IDLE_SECONDS.
Environment: PORT, MODEL_DIR, TIDEMILL_MODEL_NAME, TIDEMILL_MODEL_VERSION, DRAIN_IDLE_SECONDS,
DRAIN_LIMIT_SECONDS.
"""

import json
import math
import os
import signal
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brightness
import model

BODY_MAX_BYTES = 4 << 20
ROWS_MAX = 1000
BACKLOG = 1024
CONNECTION_IDLE_SECONDS = 300  # far above what clients keep: the server seldom closes first
INPUT_NAME = "pixels"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OUTPUT_NAMES = ("label", "scores")
NUMBER_TYPES = frozenset(
    ["FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"]
)

Json = dict[str, Any]
Predictor = Callable[[Sequence[Sequence[float]]], model.Predictions]


class RequestError(Exception):
    """What the client gets: a status and {"error": text}."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def bad_request(text: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, text)


@dataclass(frozen=True)
class Served:
    name: str
    version: str
    width: int  # values in one row
    labels: int
    framework: str
    digest: str
    predict: Predictor
    asked: brightness.Histogram

    def metadata(self) -> Json:
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": self.framework,
            "inputs": [{"name": INPUT_NAME, "datatype": "FP64", "shape": [-1, self.width]}],
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [-1]},
                {"name": "scores", "datatype": "FP64", "shape": [-1, self.labels]},
            ],
            # Not of the protocol: lets anybody tell which file answers.
            "model_file_sha256": self.digest,
        }


def load_served(folder: Path, name: str | None, version: str) -> Served:
    classifier = model.load(folder)
    metadata = model.read_metadata(folder)
    lock = threading.Lock()  # one prediction at a time: they would only slow each other down

    def predict(rows: Sequence[Sequence[float]]) -> model.Predictions:
        with lock:
            return model.predict(classifier, rows)

    served = Served(
        name=name or metadata["name"],
        version=version,
        width=metadata["features"],
        labels=len(metadata["labels"]),
        framework=metadata["framework"],
        digest=model.model_digest(folder),
        predict=predict,
        asked=brightness.Histogram(metadata.get("brightness-deciles", [])),
    )
    predict([[0.0] * served.width])  # ready means that it has answered once
    return served


def flatten(value: Any) -> list[Any]:
    """The protocol allows tensors both flat and nested."""
    if not isinstance(value, list):
        return [value]
    flat: list[Any] = []
    pending = [iter(value)]
    while pending:
        for item in pending[-1]:
            if isinstance(item, list):
                pending.append(iter(item))
                break
            flat.append(item)
        else:
            pending.pop()
    return flat


def is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def find_input(request: Json) -> Json:
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise bad_request(f"inputs: expected a list of one tensor named '{INPUT_NAME}'")
    tensor = inputs[0]
    if tensor.get("name") != INPUT_NAME:
        raise bad_request(f"inputs[0].name: expected '{INPUT_NAME}', got {json.dumps(tensor.get('name'))}")
    if tensor.get("datatype") not in NUMBER_TYPES:
        raise bad_request(f"inputs[0].datatype: expected a number type such as 'FP64', got "
                          f"{json.dumps(tensor.get('datatype'))}")
    return tensor


def read_tensor(tensor: Json, width: int) -> list[list[float]]:
    shape = tensor.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(size) is int for size in shape)
        or not 1 <= shape[0] <= ROWS_MAX
        or shape[1] != width
    ):
        raise bad_request(f"inputs[0].shape: expected [rows, {width}] with 1 to {ROWS_MAX} rows, got "
                          f"{json.dumps(shape)}")
    if not isinstance(tensor.get("data"), list):
        raise bad_request("inputs[0].data: expected a list of numbers")
    values = flatten(tensor["data"])
    if len(values) != shape[0] * width:
        raise bad_request(f"inputs[0].data: expected {shape[0] * width} values for shape "
                          f"{json.dumps(shape)}, got {len(values)}")
    for index, value in enumerate(values):
        if not is_number(value):
            raise bad_request(f"inputs[0].data: value {index} is not a finite number")
    return [[float(value) for value in values[i : i + width]] for i in range(0, len(values), width)]


def wanted_outputs(request: Json) -> list[str]:
    asked = request.get("outputs")
    if asked is None or asked == []:
        return list(OUTPUT_NAMES)
    if not isinstance(asked, list):
        raise bad_request("outputs: expected a list")
    names = []
    for index, output in enumerate(asked):
        name = output.get("name") if isinstance(output, dict) else None
        if name not in OUTPUT_NAMES:
            raise bad_request(f"outputs[{index}].name: expected one of {', '.join(OUTPUT_NAMES)}, got "
                              f"{json.dumps(name)}")
        names.append(name)
    return names


def parse_request(body: bytes) -> Json:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise bad_request("the body is not a JSON object")
    if "id" in request and not isinstance(request["id"], str):
        raise bad_request("id: expected a string")
    return request


def infer(served: Served, body: bytes) -> Json:
    request = parse_request(body)
    rows = read_tensor(find_input(request), served.width)
    names = wanted_outputs(request)
    found = served.predict(rows)
    served.asked.add(rows)
    outputs = {
        "label": {"name": "label", "datatype": "INT64", "shape": [len(rows)], "data": found.labels},
        "scores": {
            "name": "scores",
            "datatype": "FP64",
            "shape": [len(rows), served.labels],
            "data": [score for row in found.scores for score in row],
        },
    }
    answer: Json = {"model_name": served.name, "model_version": served.version}
    if "id" in request:
        answer["id"] = request["id"]
    answer["outputs"] = [outputs[name] for name in names]
    return answer


class Drain:
    """Knows whether the server is ending, and when something was asked last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.started = threading.Event()
        self.lock = threading.Lock()
        self.active = 0
        self.last = clock()

    def begin_request(self) -> None:
        with self.lock:
            self.active += 1

    def end_request(self) -> None:
        with self.lock:
            self.active -= 1
            self.last = self.clock()

    def wait_until_idle(self, idle_seconds: float, limit_seconds: float) -> bool:
        """True: nothing came for that long. False: the limit came first."""
        began = self.clock()
        while self.clock() - began < limit_seconds:
            with self.lock:
                quiet_since = max(self.last, began)
                if self.active == 0 and self.clock() - quiet_since >= idle_seconds:
                    return True
            time.sleep(0.05)
        return False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tidemill-example-digits"
    sys_version = ""
    disable_nagle_algorithm = True  # TCP_NODELAY
    wbufsize = -1  # head and body leave in one segment
    timeout = CONNECTION_IDLE_SECONDS
    server: "Server"

    def do_GET(self) -> None:
        self.answer(self.route_get)

    def do_POST(self) -> None:
        self.answer(self.route_post)

    def answer(self, route: Callable[[list[str]], Json | str]) -> None:
        self.server.drain.begin_request()
        try:
            try:
                status, value = HTTPStatus.OK, route(self.path.split("?")[0].strip("/").split("/"))
            except RequestError as error:
                status, value = error.status, {"error": str(error)}
            except Exception as error:  # a fault of ours must not look like a broken connection
                print(f"serve: {self.path}: {error!r}", file=sys.stderr, flush=True)
                status, value = HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error, see the log"}
            self.send(status, value)
            self.wfile.flush()
        finally:
            self.server.drain.end_request()

    def send(self, status: HTTPStatus, value: Json | str) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Type", METRICS_TYPE if isinstance(value, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection or self.server.drain.started.is_set():
            self.send_header("Connection", "close")  # sets close_connection too
        self.end_headers()
        self.wfile.write(body)

    def route_get(self, parts: list[str]) -> Json | str:
        served = self.server.served
        match parts:
            case ["v2"]:
                return {"name": self.server_version, "version": served.version, "extensions": []}
            case ["v2", "health", "live"]:
                return {"live": True}
            case ["v2", "health", "ready"]:
                self.check_ready()
                return {"ready": True}
            case ["v2", "models", name, *rest]:
                return self.route_model(name, rest)
            case ["metrics"]:
                return served.asked.text(served.version)
        raise RequestError(HTTPStatus.NOT_FOUND, f"no such path: {self.path}")

    def route_model(self, name: str, rest: list[str]) -> Json:
        rest = self.check_model(name, rest)
        if rest == []:
            return self.server.served.metadata()
        if rest == ["ready"]:
            self.check_ready()
            return {"name": name, "ready": True}
        if rest == ["infer"]:
            raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, "infer: use POST")
        raise RequestError(HTTPStatus.NOT_FOUND, f"no such path: {self.path}")

    def route_post(self, parts: list[str]) -> Json:
        body = self.read_body()
        match parts:
            case ["v2", "models", name, *rest]:
                if self.check_model(name, rest) == ["infer"]:
                    return infer(self.server.served, body)
        raise RequestError(HTTPStatus.NOT_FOUND, f"no such path for POST: {self.path}")

    def check_model(self, name: str, rest: list[str]) -> list[str]:
        served = self.server.served
        if name != served.name:
            raise RequestError(HTTPStatus.NOT_FOUND, f"no such model: '{name}' (this server has '{served.name}')")
        if rest[:1] != ["versions"]:
            return rest
        if rest[1:2] != [served.version]:
            raise RequestError(HTTPStatus.NOT_FOUND, f"this server has version '{served.version}' only")
        return rest[2:]

    def check_ready(self) -> None:
        if self.server.drain.started.is_set():
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the server is ending")

    def read_body(self) -> bytes:
        """An unread body would be taken for the next request, so a refusal ends the connection."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise RequestError(HTTPStatus.LENGTH_REQUIRED, "the request needs a Content-Length")
        if len(length) > len(str(BODY_MAX_BYTES)) or int(length) > BODY_MAX_BYTES:
            self.close_connection = True
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {BODY_MAX_BYTES} bytes at most"
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            raise bad_request("the body is shorter than its Content-Length")
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses by itself is JSON too."""
        self.close_connection = True
        status = HTTPStatus(code)
        self.send(status, {"error": message or status.phrase})

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not a line for each request: probes alone would fill the log."""


class Server(ThreadingHTTPServer):
    request_queue_size = BACKLOG
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], served: Served, drain: Drain) -> None:
        super().__init__(address, Handler)
        self.served = served
        self.drain = drain

    def server_bind(self) -> None:
        """Without the base class's look-up of the host's name, which can wait for DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve_until_drained(
    server: Server, idle_seconds: float, limit_seconds: float, say: Callable[[str], None]
) -> None:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    server.drain.started.wait()
    say("serve: asked to end: answering what still comes")
    quiet = server.drain.wait_until_idle(idle_seconds, limit_seconds)
    say("serve: ended, " + ("nothing came any more" if quiet else "at the limit"))


def main() -> int:
    drain = Drain()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: drain.started.set())
    folder = Path(os.environ.get("MODEL_DIR", "/mnt/models"))
    port = int(os.environ.get("PORT", "8080"))
    try:
        served = load_served(
            folder, os.environ.get("TIDEMILL_MODEL_NAME"), os.environ.get("TIDEMILL_MODEL_VERSION", "0")
        )
    except (OSError, ValueError, KeyError) as error:
        print(f"serve: no model in {folder}: {error}", file=sys.stderr)
        return 1
    server = Server(("0.0.0.0", port), served, drain)
    print(f"serve: {served.name} version {served.version} on port {server.server_port}", flush=True)
    serve_until_drained(
        server,
        float(os.environ.get("DRAIN_IDLE_SECONDS", "3")),
        float(os.environ.get("DRAIN_LIMIT_SECONDS", "30")),
        lambda line: print(line, flush=True),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
