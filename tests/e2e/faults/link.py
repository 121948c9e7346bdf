"""A network namespace for the controller alone, and the cable from it to the cluster, which can be cut.

Cut means silence: each end drops what arrives, so nobody is told (no reset, no ICMP), as with a
firewall that has forgotten a connection or a switch that died.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import threading
from collections.abc import Callable
from ctypes import CDLL, get_errno
from typing import TypeVar

T = TypeVar("T")
LIMIT_SECONDS = 30
ANSWER_SECONDS = 5
DEVICE = "ctl0"
NEAR, FAR = "10.214.0.1", "10.214.0.2"  # inside the two namespaces only
CLONE_NEWNET = 0x40000000  # setns(2)


def _run(*command: str, check: bool = True) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


class Link:
    def __init__(self, cluster: str, server: str) -> None:
        """`server`: the API server's address, which the namespace of the cluster has."""
        self.near, self.far = f"tm-{cluster}-ctl", f"tm-{cluster}"
        self.is_cut = False
        self.remove()
        _run("ip", "netns", "add", self.near)
        _run("ip", "link", "add", DEVICE, "netns", self.near, "type", "veth",
             "peer", "name", DEVICE, "netns", self.far)
        for place, address in ((self.near, NEAR), (self.far, FAR)):
            _run("ip", "-n", place, "address", "add", f"{address}/30", "dev", DEVICE)
            _run("ip", "-n", place, "link", "set", DEVICE, "up")
        _run("ip", "-n", self.near, "link", "set", "lo", "up")
        _run("ip", "-n", self.near, "route", "add", f"{server}/32", "via", FAR)

    def enter(self, *command: str) -> list[str]:
        """The command, to be run in the controller's namespace; its pid stays that of the caller's child."""
        return ["nsenter", f"--net=/run/netns/{self.near}", "--", *command]

    def _drop(self, change: str) -> None:
        for place in (self.near, self.far):
            _run("nsenter", f"--net=/run/netns/{place}", "--",
                 "iptables", "-w", "10", change, "INPUT", "-i", DEVICE, "-j", "DROP")

    def cut(self) -> None:
        if not self.is_cut:
            self._drop("-I")
            self.is_cut = True

    def heal(self) -> None:
        if self.is_cut:
            self._drop("-D")
            self.is_cut = False

    def remove(self) -> None:
        # Where the cluster's end is gone already, so is ours.
        _run("ip", "-n", self.far, "link", "delete", DEVICE, check=False)
        _run("ip", "netns", "delete", self.near, check=False)

    def _inside(self, place: str, act: Callable[[], T]) -> T:
        """What `act` returns in this namespace; sockets that it makes stay there."""
        came: list[T] = []
        failed: list[BaseException] = []

        # Namespaces are a thread's own: this one ends here, and with it its being there.
        def work() -> None:
            try:
                with open(f"/run/netns/{place}", "rb") as file:
                    if CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(get_errno(), "setns")
                came.append(act())
            except BaseException as error:  # the caller's to judge
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return came[0]

    def listen(self) -> socket.socket:
        """A listener at the far end, at FAR, that the controller can reach."""
        return self._inside(self.far, lambda: socket.create_server((FAR, 0), backlog=64))

    def request(self, method: str, port: int, path: str, body: bytes | None = None,
                headers: dict[str, str] | None = None) -> tuple[int, str]:
        """What a server in the near namespace answers at 127.0.0.1; 0 and the error when none does."""
        def ask() -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
            try:
                connection.request(method, path, body, headers or {})
                response = connection.getresponse()
                return response.status, response.read().decode()
            finally:
                connection.close()

        try:
            return self._inside(self.near, ask)
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)

    def get(self, port: int, path: str) -> tuple[int, str]:
        return self.request("GET", port, path)
