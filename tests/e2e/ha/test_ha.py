"""Two replicas (manifests/ha): leaders that die, stop and freeze; then one replica again."""

from __future__ import annotations

import signal
import subprocess
import time

import yaml

from harness import audit, faults
from harness.api import ApiError, Json, wait_until
from harness.case import ClusterCase
from harness.cluster import ROOT
from harness.objects import step

SYSTEM = "tidemill-system"
LEASE = f"apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/tidemill-controller"
KILL_LIMIT_SECONDS = 20.0
STOP_LIMIT_SECONDS = 3.0
PAUSE_SECONDS = 20.0  # longer than the lease; the kubelet ends what does not answer for 30 s
RUN_LIMIT_SECONDS = 180.0
RUNS = 4
STEPS = 4


def kubectl(*words: str) -> str:
    done = subprocess.run(["kubectl", *words], cwd=ROOT, capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def install(name: str) -> None:
    kubectl("apply", "-k", f"manifests/{name}")
    kubectl("rollout", "status", "--namespace", SYSTEM, "deployment/tidemill-controller", "--timeout=120s")


def built(name: str) -> dict[tuple[str, str], Json]:
    objects = [item for item in yaml.safe_load_all(kubectl("kustomize", f"manifests/{name}")) if item]
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


class Overlay(ClusterCase):
    weight = 1

    def setUp(self) -> None:
        self.namespace = ""  # nothing is made in the cluster

    def test_builds(self) -> None:
        """the install with two replicas builds, and differs from the default one only where it is meant"""
        one, two = built("install"), built("ha")
        self.assertEqual({("Role", "tidemill-leader-election"), ("RoleBinding", "tidemill-leader-election"),
                          ("PodDisruptionBudget", "tidemill-controller")}, set(two) - set(one))
        self.assertEqual(set(), set(one) - set(two))
        self.assertEqual([("Deployment", "tidemill-controller")], [key for key in one if one[key] != two[key]])
        for key in set(two) - set(one):
            self.assertEqual(SYSTEM, two[key]["metadata"]["namespace"])
        self.assertEqual(SYSTEM, two["RoleBinding", "tidemill-leader-election"]["subjects"][0]["namespace"])
        meant = two["Deployment", "tidemill-controller"]
        spec, pod = meant["spec"], meant["spec"]["template"]["spec"]
        self.assertEqual(2, spec["replicas"])
        self.assertEqual({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}, spec["strategy"])
        self.assertEqual(["podAntiAffinity"], list(pod.pop("affinity")))
        self.assertEqual(["controller", "--leader-elect", "--webhook-address=:8090"], pod["containers"][0]["args"])
        environment = pod["containers"][0]["env"]
        self.assertEqual(["POD_UID"], [entry["name"] for entry in environment if entry["name"] not in ("POD_NAME", "POD_NAMESPACE")])
        # Without what is meant it is the same.
        spec["replicas"], spec["strategy"] = 1, {"type": "Recreate"}
        pod["containers"][0]["args"].remove("--leader-elect")
        environment[:] = [entry for entry in environment if entry["name"] != "POD_UID"]
        self.assertEqual(one["Deployment", "tidemill-controller"], meant)


class TwoReplicas(ClusterCase):
    serial = True
    weight = 150

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.one_replica_again)
        install("ha")
        self.wait_for("two replicas, ready", lambda: len(self.ready_pods()) == 2, 60)
        self.wait_for("a leader", lambda: self.leader() in self.ready_pods(), 30)
        self.start = audit.mark()

    def one_replica_again(self) -> None:
        install("install")
        for what in ("poddisruptionbudget/tidemill-controller", "rolebinding/tidemill-leader-election",
                     "role/tidemill-leader-election", "lease/tidemill-controller"):
            kubectl("delete", "--namespace", SYSTEM, what, "--ignore-not-found")
        if not wait_until(lambda: len(faults.controller_pods(self.api)) == 1 and len(self.ready_pods()) == 1, 60):
            raise AssertionError("the install with one replica did not come back")

    # What is there

    def ready_pods(self) -> dict[str, Json]:
        return {pod["metadata"]["name"]: pod for pod in faults.controller_pods(self.api)
                if "deletionTimestamp" not in pod["metadata"]
                and any(status.get("ready") for status in pod["status"].get("containerStatuses", []))}

    def lease(self) -> Json:
        try:
            return self.api.call("GET", LEASE)["spec"]
        except ApiError as error:
            if error.code != 404:
                raise
            return {}

    def leader(self) -> str:
        return (self.lease().get("holderIdentity") or "").partition("_")[0]

    def metric(self, pod: Json, name: str) -> float:
        """From outside of the pod network: pods answer in the cluster's namespace of the network only."""
        path = f"api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
        text = kubectl("get", "--raw", f"/{path}")
        return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")))

    # What happens

    def take_over(self, old: str, began: float, limit: float) -> float:
        def new() -> str:
            holder = self.leader()
            return holder if holder not in ("", old) else ""

        if not wait_until(new, limit + 10, 0.02):
            self.fail(f"nobody took over from {old}: {self.lease()}")
        took = time.monotonic() - began
        self.assertLessEqual(took, limit)
        return took

    def start_runs(self) -> list[str]:
        """Several runs in the middle of their steps."""
        self.pipeline("p", step("s0", "sleep 2"),
                      *(step(f"s{at}", "sleep 2", runAfter=[f"s{at - 1}"]) for at in range(1, STEPS)))
        runs = [f"run-{at}" for at in range(RUNS)]
        for run in runs:
            self.run_of("p", run)
        self.wait_step(runs[0], "s0", "Running", "Succeeded")
        return runs

    def assert_once(self, runs: list[str]) -> None:
        """Every run got to its end, each step with one Job that was created once."""
        for run in runs:
            self.wait_phase(run, "Succeeded", limit=RUN_LIMIT_SECONDS)
            steps = sorted(job["metadata"]["labels"]["tidemill.dev/step"] for job in self.jobs_of(run))
            self.assertEqual([f"s{at}" for at in range(STEPS)], steps)
        writes = audit.controller_writes(self.start, self.namespace)
        created = [write.name for write in writes if (write.verb, write.resource, write.code) == ("create", "jobs", 201)]
        self.assertEqual(RUNS * STEPS, len(set(created)))
        self.assertEqual(len(set(created)), len(created), "\n".join(map(str, writes)))
        self.assertEqual([], [write for write in writes if (write.verb, write.resource) == ("delete", "jobs")])

    def assert_silent_after(self, pod: str, moment: str) -> None:
        """This replica wrote nothing but, in vain, to the Lease after that moment."""
        late = [write for place in (self.namespace, SYSTEM) for write in audit.controller_writes(self.start, place)
                if write.pod == pod and write.time > moment and write.resource != "leases"]
        self.assertEqual([], late, "\n".join(map(str, late)))

    def acquired(self) -> str:
        return self.lease()["acquireTime"]

    def tell(self, what: str, seconds: float) -> None:
        print(f"        {what}: another replica led after {seconds:.2f} s", flush=True)

    # Tests

    def test_killed(self) -> None:
        """a replica takes over within 20 s of a leader's hard kill, and runs go through exactly once"""
        runs = self.start_runs()
        old = self.leader()
        followers = [name for name in self.ready_pods() if name != old]
        self.assertEqual({1.0, 0.0}, {self.metric(pod, "tidemill_leader") for pod in self.ready_pods().values()})
        self.assertEqual([], [write for write in audit.controller_writes(self.start, self.namespace) if write.pod in followers])
        pod = self.ready_pods()[old]
        began = time.monotonic()
        self.assertGreater(faults.signal_pod(pod, signal.SIGKILL), 0)
        # Else the kubelet starts it again, and it goes on with its own Lease.
        self.api.call("DELETE", f"{faults.SYSTEM}/{old}", {"gracePeriodSeconds": 0})
        self.tell("kill -9", self.take_over(old, began, KILL_LIMIT_SECONDS))
        self.assert_once(runs)
        self.assert_silent_after(old, self.acquired())
        new = self.leader()
        note = self.wait_for("an event about the take-over", lambda: next(
            (event["note"] for event in self.list("Event", SYSTEM) if event.get("reason") == "LeaderElection"
             and event["regarding"]["kind"] == "Lease" and event.get("note", "").startswith(new)), None), 20)
        self.assertIn(f"in place of {old}", note)
        self.settle()

    def test_stopped(self) -> None:
        """a replica takes over within 3 s of a leader's clean stop, twice, and runs go through exactly once"""
        runs = self.start_runs()
        for what in ("clean stop", "clean stop again"):
            old = self.leader()
            began = time.monotonic()
            self.api.call("DELETE", f"{faults.SYSTEM}/{old}", {})
            self.tell(what, self.take_over(old, began, STOP_LIMIT_SECONDS))
            self.assert_silent_after(old, self.acquired())
            self.wait_for("two replicas, ready", lambda: len(self.ready_pods()) == 2, 60)
        self.assert_once(runs)
        self.settle()

    def test_restarted(self) -> None:
        """a leader whose process is killed is started again by the kubelet and goes on with its own Lease"""
        runs = self.start_runs()
        old = self.leader()
        transitions = self.lease().get("leaseTransitions")
        acquired = self.acquired()
        began = time.monotonic()
        self.assertGreater(faults.signal_pod(self.ready_pods()[old], signal.SIGKILL), 0)
        self.wait_for("a leader again", lambda: self.acquired() != acquired, KILL_LIMIT_SECONDS)
        print(f"        kill -9 of the process: {self.leader()} led after {time.monotonic() - began:.2f} s", flush=True)
        self.assertEqual((old, transitions), (self.leader(), self.lease().get("leaseTransitions")))
        self.assert_once(runs)

    def test_paused(self) -> None:
        """a leader paused for longer than the lease writes nothing after another one has taken over"""
        runs = self.start_runs()
        old = self.leader()
        pod = self.ready_pods()[old]
        self.addCleanup(faults.signal_pod, pod, signal.SIGCONT)
        began = time.monotonic()
        self.assertGreater(faults.signal_pod(pod, signal.SIGSTOP), 0)
        self.tell("SIGSTOP", self.take_over(old, began, KILL_LIMIT_SECONDS))
        acquired = self.acquired()
        time.sleep(max(0.0, PAUSE_SECONDS - (time.monotonic() - began)))
        faults.signal_pod(pod, signal.SIGCONT)
        self.assert_once(runs)
        self.assert_silent_after(old, acquired)
        self.wait_for("two replicas, ready", lambda: len(self.ready_pods()) == 2, 60)
        self.assertEqual(0.0, self.metric(self.ready_pods()[old], "tidemill_leader"))
        self.assertEqual(2.0, self.metric(self.ready_pods()[old], "tidemill_leader_transitions_total"))
        self.settle()
