"""The throwaway cluster of the bench, and the controller under test beside it."""

import http.client
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time
from typing import Any

from measure import processes
from measure.api import Access, Client, Failure, environment_for, read_kubeconfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER_TOOL = str(ROOT / "hack" / "cluster")
UP_LIMIT_S = 2400  # the programs are built by the first start of all
DOWN_LIMIT_S = 180
COMMAND_LIMIT_S = 90
READY_LIMIT_S = 30
READY_POLL_S = 0.005
STOP_LIMIT_S = 10
TOKEN_LIFE = "3h"
SYSTEM = "tidemill-system"
ACCOUNT = "tidemill-controller"
UNTRACKED = "manifests/no-managed-fields"
PROBE = {"apiVersion": "batch/v1", "kind": "Job",
         "metadata": {"name": "probe", "namespace": "default", "labels": {"app.kubernetes.io/managed-by": "tidemill"}},
         "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}}}


def run(command: list[str], limit_s: float, environment: dict[str, str] | None = None,
        given: str | None = None) -> str:
    """The output of a command that must succeed."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, input=given, text=True,
                              capture_output=True, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{shlex.join(command[:4])} did not end within {limit_s:.0f} s") from error
    except OSError as error:
        raise Failure(f"{shlex.join(command[:4])}: {error}") from error
    if done.returncode != 0:
        raise Failure(f"{shlex.join(command[:4])} ended with {done.returncode}: "
                      f"{(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


class Cluster:
    """What a kubeconfig leads to, by kubectl and by the bench's own client."""

    def __init__(self, kubeconfig: str, path: str, audit_log: str) -> None:
        self.audit_log = pathlib.Path(audit_log)
        self.environment = {**os.environ, "KUBECONFIG": kubeconfig, "PATH": path}
        self.access: Access = read_kubeconfig(
            self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        self.environment = environment_for(self.access, {"KUBECONFIG": kubeconfig, "PATH": path})

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return run(["kubectl", *arguments], COMMAND_LIMIT_S, self.environment, given)

    def create_namespace(self, name: str) -> None:
        """And waits for its service account: no pod can be made before."""
        client = Client(self.access)
        client.create("/api/v1/namespaces", {"metadata": {"name": name}})
        deadline = time.monotonic() + READY_LIMIT_S
        path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        while client.request("GET", path)[0] != http.client.OK:
            if time.monotonic() > deadline:
                raise Failure(f"namespace {name} has no service account after {READY_LIMIT_S} s")
            time.sleep(0.1)
        client.close()


def remove_cluster(name: str) -> None:
    run([CLUSTER_TOOL, "down", "--name", name], DOWN_LIMIT_S)


class BenchCluster(Cluster):
    """A fresh cluster with fake nodes; it goes when the bench ends."""

    def __init__(self, name: str, bodies: bool) -> None:
        self.name = name
        remove_cluster(name)
        audit = ["--audit"] if bodies else []
        command = [CLUSTER_TOOL, "up", "--name", name, "--kwok", *audit]
        # Its lines of progress are for the person who waits.
        try:
            subprocess.run(command, cwd=ROOT, check=True, timeout=UP_LIMIT_S)
        except (subprocess.SubprocessError, OSError) as error:
            raise Failure(f"no cluster: {error}") from error
        lines = run([CLUSTER_TOOL, "env", "--name", name], COMMAND_LIMIT_S)
        shown = run(["bash", "-c", f'{lines}\nprintf "%s\\n" "$KUBECONFIG" "$PATH" '
                     '"$TIDEMILL_AUDIT_LOG"'], COMMAND_LIMIT_S).splitlines()
        super().__init__(*shown)

    def pids(self) -> dict[str, int]:
        """The processes of the plane, as `hack/cluster status` prints them."""
        status = run([CLUSTER_TOOL, "status", "--name", self.name], COMMAND_LIMIT_S)
        words = [line.split() for line in status.splitlines()]
        return {w[0]: int(w[2]) for w in words if len(w) > 2 and w[1] == "pid"}

    def install(self) -> None:
        """All that a user installs but the Deployment: the controller runs on this machine."""
        documents = self.kubectl("kustomize", "manifests/install").split("\n---\n")
        kept = [d for d in documents if "\nkind: Deployment\n" not in "\n" + d + "\n"]
        if len(kept) != len(documents) - 1:
            raise Failure("manifests/install was expected to have one Deployment")
        everything = "\n---\n".join(kept)
        self.kubectl("apply", "--server-side", "-f", "-", given=everything)
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")

    def track_fields(self, tracked: bool) -> None:
        """Removes or applies manifests/no-managed-fields, and waits until new Jobs show it."""
        command = ["delete", "--ignore-not-found"] if tracked else ["apply"]
        self.kubectl(*command, "-k", UNTRACKED)
        deadline = time.monotonic() + READY_LIMIT_S
        while ("managedFields" in self.kubectl("create", "--dry-run=server", "-o", "json", "--show-managed-fields",
                                               "-f", "-", given=json.dumps(PROBE))) != tracked:
            if time.monotonic() > deadline:
                raise Failure(f"kubectl {command[0]} -k {UNTRACKED} changed nothing within {READY_LIMIT_S} s: "
                              "an API server before 1.36?")
            time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def issue_token(cluster: Cluster) -> str:
    return cluster.kubectl("-n", SYSTEM, "create", "token", ACCOUNT, "--duration", TOKEN_LIFE).strip()


class Controller:
    """The release program as one process of this machine, with the rights of the install."""

    def __init__(self, cluster: Cluster, binary: pathlib.Path, folder: pathlib.Path,
                 arguments: tuple[str, ...] = ()) -> None:
        self.cluster = cluster
        self.port = free_port()
        self.log = folder / "controller.log"
        kubeconfig = folder / "kubeconfig.json"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(json.dumps(self._kubeconfig()))
        self.command = [str(binary), "controller", "--address", f"127.0.0.1:{self.port}",
                        "--helper-image", "tidemill/controller:dev", "--kubeconfig", str(kubeconfig),
                        *arguments]
        self.seconds_to_ready = self._start_and_wait()

    def _start_and_wait(self) -> float:
        """Seconds from the process's start to the first 200 of /readyz."""
        began = time.monotonic()
        self.start()
        self.wait_ready()
        return time.monotonic() - began

    def restart(self) -> float:
        """Ends it and starts it again; seconds to Ready."""
        if self.stop() != 0:
            raise Failure(f"the controller ended with {self.process.returncode} when it was asked to stop")
        return self._start_and_wait()

    def start(self) -> None:
        """Again, when the one before has ended; the log goes on."""
        environment = {k: v for k, v in self.cluster.environment.items() if k != "KUBECONFIG"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid

    def user(self) -> dict[str, str]:
        """How it shows who it is: the `user` of a kubeconfig."""
        return {"token": issue_token(self.cluster)}

    def _kubeconfig(self) -> dict[str, Any]:
        access = self.cluster.access
        return {"apiVersion": "v1", "kind": "Config", "current-context": "bench",
                "clusters": [{"name": "bench", "cluster": {
                    "server": access.server, "certificate-authority-data": access.authority}}],
                "users": [{"name": ACCOUNT, "user": self.user()}],
                "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": ACCOUNT}}]}

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def wait_ready(self, limit_s: float = READY_LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while (answer := self.get("/readyz"))[0] != http.client.OK:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Failure(f"the controller is not ready: {answer[1].strip()[-600:]}; its log "
                              f"ends with: {self.log.read_text(errors='replace')[-1500:]}")
            time.sleep(READY_POLL_S)

    def metrics(self) -> str:
        status, text = self.get("/metrics")
        if status != http.client.OK:
            raise Failure(f"/metrics was answered {status}: {text[:300]}")
        return text

    def reconciles(self) -> int:
        """How often it has taken an object from its queue, by its own metrics."""
        return sum(int(float(line.rpartition(" ")[2])) for line in self.metrics().splitlines()
                   if line.startswith("tidemill_reconcile_duration_seconds_count"))

    def memory(self) -> processes.Memory:
        return processes.memory(self.pid)

    def wire(self) -> processes.Wire:
        return processes.wire(self.pid, self.cluster.access.host)

    def stop(self) -> int:
        """Its exit code after SIGTERM; SIGKILL when that is not enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_LIMIT_S)
        return self.process.returncode
