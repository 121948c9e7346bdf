"""Ends the controller and the API server the hard way."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from harness.api import Api, wait_until
from harness.cluster import ROOT

SYSTEM = "api/v1/namespaces/tidemill-system/pods"
SELECTOR = "app.kubernetes.io/name=tidemill-controller"


def controller_pods(api: Api) -> list[dict]:
    return api.call("GET", SYSTEM, labelSelector=SELECTOR)["items"]


def _kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except PermissionError:
        subprocess.run(["sudo", "kill", f"-{number.value}", str(pid)], check=True, timeout=30)


def _pids_of(container: str) -> list[int]:
    """Processes whose cgroup is the container's."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if container in (folder / "cgroup").read_text():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def signal_pod(pod: dict, number: signal.Signals) -> int:
    """To the processes of its running containers; how many there are."""
    pids = [pid for status in pod["status"].get("containerStatuses", []) if "running" in status["state"]
            for pid in _pids_of(status["containerID"].rpartition("/")[2])]
    for pid in pids:
        _kill(pid, number)
    return len(pids)


def kill_process(api: Api) -> bool:
    """SIGKILL to the running controller's process; the kubelet starts it again."""
    for pod in controller_pods(api):
        for status in pod["status"].get("containerStatuses", []):
            if "running" in status["state"]:
                pids = _pids_of(status["containerID"].rpartition("/")[2])
                for pid in pids:
                    _kill(pid)
                return bool(pids)
    return False


def delete_pod(api: Api) -> None:
    """As kubectl delete pod --force --grace-period=0: the next one may start beside the old one."""
    for pod in controller_pods(api):
        api.call("DELETE", f"{SYSTEM}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})


def wait_controller(api: Api, limit_seconds: float = 60.0) -> bool:
    def ready() -> bool:
        return any(status.get("ready") for pod in controller_pods(api)
                   for status in pod["status"].get("containerStatuses", []))

    return bool(wait_until(ready, limit_seconds))


def kill_api_server(name: str) -> None:
    status = subprocess.run([str(ROOT / "hack/cluster"), "status", "--name", name], check=True,
                            capture_output=True, text=True, timeout=60).stdout
    for line in status.splitlines():
        words = line.split()
        if words[:2] == ["kube-apiserver", "pid"]:
            _kill(int(words[2]))
            return
    raise AssertionError(f"no API server to kill in:\n{status}")


def cluster_up(name: str) -> None:
    subprocess.run([str(ROOT / "hack/cluster"), "up", "--name", name], check=True, capture_output=True, timeout=300)
