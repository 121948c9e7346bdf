"""A server with a model so simple that its answers are known: the sum of a row, modulo ten."""

import http.client
import json
import threading
from collections.abc import Sequence
from typing import Any

import support  # noqa: F401  (puts the example's code on the path)

import brightness
import model
import serve

WIDTH = 64
DECILES = [float(bound) for bound in range(1, 10)]


def predict(rows: Sequence[Sequence[float]]) -> model.Predictions:
    labels = [int(sum(row)) % 10 for row in rows]
    return model.Predictions(labels, [[0.1 if i == label else -1 / 3 for i in range(10)] for label in labels])


class RunningServer:
    def __init__(self, version: str = "1", idle_seconds: float = 0.1, limit_seconds: float = 60.0) -> None:
        asked = brightness.Histogram(DECILES)
        served = serve.Served("digits", version, WIDTH, 10, "test", "0" * 64, predict, asked)
        self.drain = serve.Drain()
        self.server = serve.Server(("127.0.0.1", 0), served, self.drain)
        self.said: list[str] = []
        self.port: int = self.server.server_address[1]
        arguments = (self.server, idle_seconds, limit_seconds, self.said.append)
        self.thread = threading.Thread(target=serve.serve_until_drained, args=arguments, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.drain.started.set()
        self.thread.join(60)
        self.server.shutdown()
        self.server.server_close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


def exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[http.client.HTTPResponse, Any]:
    connection.request(method, path, body)
    response = connection.getresponse()
    return response, json.loads(response.read())


def tensor(rows: int = 1, **changes: Any) -> dict[str, Any]:
    value = {"name": "pixels", "shape": [rows, WIDTH], "datatype": "FP64", "data": [1.0] * (rows * WIDTH)}
    return {**value, **changes}
