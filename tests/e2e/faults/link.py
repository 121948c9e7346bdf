"""A network namespace for the controller alone, and the cable from it to the cluster, which can be cut.

Cut means silence: each end drops what arrives, so nobody is told (no reset, no ICMP), as with a
firewall that has forgotten a connection or a switch that died.
"""

from __future__ import annotations

import http.client
import subprocess
import threading
from ctypes import CDLL, get_errno
from typing import Any

LIMIT_SECONDS = 30
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

    def get(self, port: int, path: str) -> tuple[int, str]:
        """What a server in the namespace answers at 127.0.0.1; 0 and the error when none does."""
        answer: list[tuple[int, str]] = []

        # Namespaces are a thread's own: this one ends here, and with it its being there.
        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                with open(f"/run/netns/{self.near}", "rb") as place:
                    if CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(get_errno(), "setns")
                connection.request("GET", path)
                response: Any = connection.getresponse()
                answer.append((response.status, response.read().decode()))
            except (OSError, http.client.HTTPException) as error:
                answer.append((0, str(error)))
            finally:
                connection.close()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return answer[0]
