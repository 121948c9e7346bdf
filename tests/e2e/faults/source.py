"""A source of Triggers that can be told to misbehave: a document with an ETag."""

from __future__ import annotations

import http.server
import random
import socket
import socketserver
import threading
import time

HANG_SECONDS = 3.0
WAYS = ("503", "500", "cut", "hang", "no HTTP")


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, source: Source) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.source = source

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side is killed often."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        source = self.server.source
        way = source.choose()
        if way == "hang":
            time.sleep(HANG_SECONDS)
        if way == "no HTTP":
            self.wfile.write(b"\x16\x03\x01 what?\r\n\r\n")
        elif way == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nETag: \"lie\"\r\nContent-Le")
        elif way in ("503", "500"):
            self.send_error(int(way))
        else:
            self.send_response_only(200)
            self.send_header("ETag", source.tell())
            self.send_header("Content-Length", "0")
            self.end_headers()
        self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


class Source:
    """Misbehaves in a share of its answers; remembers what it told, in order, repetitions left out."""

    def __init__(self, listener: socket.socket, dice: random.Random) -> None:
        self.dice = dice
        self.revision = "r0"
        self.share = 0.0
        self.told: list[str] = []
        self.ways: dict[str, int] = {}
        self.lock = threading.Lock()
        self.server = _Server(listener, self)
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}/x"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def choose(self) -> str:
        with self.lock:
            way = self.dice.choice(WAYS) if self.dice.random() < self.share else "well"
            self.ways[way] = self.ways.get(way, 0) + 1
            return way

    def tell(self) -> str:
        with self.lock:
            if not self.told or self.told[-1] != self.revision:
                self.told.append(self.revision)
            return f'"{self.revision}"'
