#!/usr/bin/env python3
"""Records what tests/unit/test_protobuf_recorded.c reads: the same Jobs and Pods as JSON and as protobuf, from a real API server.

    eval "$(hack/cluster env --name NAME)"     # of: hack/cluster up --kwok --name NAME
    python3 tests/unit/protobuf/record.py

Makes the namespace "protobuf-record" there, and leaves it without objects. Writes beside this file, for each NAME
below, NAME.json and NAME.pb: an answer's body as it came. Nothing may happen to Jobs and Pods of tidemill meanwhile.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))

from harness.api import JSON_PATCH, MERGE_PATCH, Api, ApiError, Json  # noqa: E402

NAMESPACE = "protobuf-record"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
OWNERS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
MANAGED = {"app.kubernetes.io/managed-by": "tidemill"}
SELECTOR = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtidemill"
PROTOBUF = "application/vnd.kubernetes.protobuf"
FORMS = {
    "json": ("application/json", "application/json"),
    "pb": (PROTOBUF + ",application/json", PROTOBUF + ";stream=watch,application/json"),
}
WATCH_SECONDS = 8
HOLD = "example.com/hold"
UNUSUAL = "line\nbreak \"quoted\" \\ tab\t nul\u0000 bell\u0007 \u00fc \u4e16 \U0001f30a \u2028"


def ask(api: Api, path: str, accept: str) -> tuple[str, bytes]:
    connection = api._connect()
    headers = api._headers("application/json", accept) | {"User-Agent": "tidemill"}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.headers.get("Content-Type", ""), body


def record(api: Api, name: str, path: str, is_watch: bool) -> None:
    for form, accepts in FORMS.items():
        content_type, body = ask(api, path, accepts[is_watch])
        assert content_type.startswith(accepts[is_watch].split(",")[0].split(";")[0]), content_type
        (HERE / f"{name}.{form}").write_bytes(body)


def record_answer(api: Api, name: str, path: str) -> None:
    """The metadata of an object, as the answer to a write is asked for."""
    for form, accepts in FORMS.items():
        media_type = accepts[0].split(",")[0]
        content_type, body = ask(api, path, f"{media_type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        assert content_type.startswith(media_type), content_type
        (HERE / f"{name}.{form}").write_bytes(body)


def job(name: str, **metadata: Any) -> Json:
    pod = {"restartPolicy": "Never", "containers": [{"name": "step", "image": "example.com/none:1"}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": dict(MANAGED), **metadata},
            # Nobody's: the Job controller leaves its status alone.
            "spec": {"managedBy": "example.com/nobody", "template": {"spec": pod}}}


def pod(name: str, **metadata: Any) -> Json:
    # Neither the scheduler nor a kubelet takes it.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(MANAGED), **metadata},
            "spec": {"restartPolicy": "Never", "schedulingGates": [{"name": "example.com/never"}],
                     "initContainers": [{"name": "prepare", "image": "example.com/none:1"}],
                     "containers": [{"name": "step", "image": "example.com/none:1"},
                                    {"name": "copy", "image": "example.com/none:1"}]}}


def condition(kind: str, status: str, **more: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": "2026-03-04T05:06:07Z",
            "lastProbeTime": "2026-03-04T05:06:08Z", **more}


def owned(api: Api) -> Json:
    """Metadata with all there can be; the owners exist, or the garbage collector would take the object."""
    owners = []
    for name, more in (("one", {}), ("two", {"controller": True, "blockOwnerDeletion": False})):
        made = api.call("POST", OWNERS, {"metadata": {"name": name}})
        owners.append({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": made["metadata"]["uid"], **more})
    return {
        "labels": {**MANAGED, "b": "", "a": "1", "z/y": "x"},
        "annotations": {"tidemill.dev/attempt": "2", "tidemill.dev/revision": UNUSUAL, "tidemill.dev/empty": "",
                        "example.com/other": "dropped", "tidemill.devoted": "dropped"},
        "ownerReferences": owners,
    }


JOB_STATES: dict[str, Json] = {
    "plain": {},
    "active": {"startTime": "2026-03-04T05:06:07Z", "active": 1, "ready": 0, "failed": 2, "terminating": 1},
    "complete": {"startTime": "2026-03-04T05:06:07Z", "completionTime": "2026-03-04T06:07:08Z", "succeeded": 1,
                 "conditions": [condition("SuccessCriteriaMet", "True", reason="CompletionsReached"),
                                condition("Complete", "True", reason="CompletionsReached", message="Reached")]},
    "failed": {"startTime": "2026-03-04T05:06:07Z", "failed": 1,
               "conditions": [condition("FailureTarget", "True", reason="BackoffLimitExceeded", message=UNUSUAL),
                              condition("Failed", "True", reason="BackoffLimitExceeded", message=UNUSUAL)]},
}


def container(name: str, state: Json, **more: Any) -> Json:
    return {"name": name, "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": state, **more}


ENDED = {"exitCode": 137, "signal": 9, "reason": "OOMKilled", "message": UNUSUAL, "startedAt": "2026-03-04T05:06:07Z",
         "finishedAt": "2026-03-04T05:06:09Z", "containerID": "containerd://0123"}
POD_STATES: dict[str, Json] = {
    "gated": {},
    "waiting": {"phase": "Pending", "startTime": "1970-01-01T00:00:00Z",
                "initContainerStatuses": [container("prepare", {"waiting": {}})],
                "containerStatuses": [
                    container("step", {"waiting": {"reason": "ImagePullBackOff", "message": UNUSUAL}}),
                    container("copy", {})]},
    "running": {"phase": "Running", "startTime": "1969-07-20T20:17:40Z", "hostIP": "10.0.0.1", "podIP": "10.0.0.2",
                "conditions": [condition("Ready", "True"), condition("PodScheduled", "True", reason="", message="")],
                "initContainerStatuses": [container("prepare", {"terminated": {"exitCode": 0}})],
                "containerStatuses": [
                    container("step", {"running": {"startedAt": "2026-03-04T05:06:07Z"}}, ready=True, started=True,
                              restartCount=3, image="example.com/none:1", imageID="example.com/none@sha256:1",
                              containerID="containerd://4567", lastState={"terminated": ENDED}),
                    container("copy", {"running": {}})]},
    "ended": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.",
              "qosClass": "BestEffort",
              "containerStatuses": [container("step", {"terminated": ENDED}, lastState={"waiting": {"reason": "x"}}),
                                    container("copy", {"terminated": {"exitCode": -1, "reason": "Error"}})]},
}


def fill(api: Api) -> None:
    metadata = owned(api)
    for name, status in JOB_STATES.items():
        api.call("POST", JOBS, job(name, **(metadata if name == "complete" else {})))
        if status:
            api.call("PATCH", f"{JOBS}/{name}/status", {"status": status}, MERGE_PATCH)
    for name, status in POD_STATES.items():
        api.call("POST", PODS, pod(name, **(metadata if name == "ended" else {})))
        if status:
            api.call("PATCH", f"{PODS}/{name}/status", {"status": status}, MERGE_PATCH)


def change(api: Api) -> None:
    """What the watches see after their initial events."""
    time.sleep(WATCH_SECONDS / 4)
    api.call("PATCH", f"{JOBS}/plain", [{"op": "add", "path": "/spec/suspend", "value": True}], JSON_PATCH)
    api.call("PATCH", f"{JOBS}/active", [{"op": "add", "path": "/metadata/finalizers", "value": [HOLD]}], JSON_PATCH)
    api.call("DELETE", f"{JOBS}/active?propagationPolicy=Background")
    api.call("DELETE", f"{JOBS}/failed?propagationPolicy=Background")
    api.call("PATCH", f"{PODS}/gated", {"metadata": {"labels": {"new": "1"}}}, MERGE_PATCH)
    api.call("DELETE", f"{PODS}/waiting?gracePeriodSeconds=0")
    # Out of the selector's sight.
    api.call("PATCH", f"{PODS}/running", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}, MERGE_PATCH)


def clear(api: Api) -> None:
    for collection in (JOBS, PODS, OWNERS):
        for item in api.call("GET", collection)["items"]:
            if item["metadata"]["name"] == "kube-root-ca.crt":
                continue  # the controller manager's
            path = f"{collection}/{item['metadata']['name']}"
            api.call("PATCH", path, [{"op": "add", "path": "/metadata/finalizers", "value": []}], JSON_PATCH)
            try:
                api.call("DELETE", path + "?propagationPolicy=Background&gracePeriodSeconds=0")
            except ApiError as error:
                if error.code != 404:
                    raise


def main() -> None:
    api = Api()
    try:
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
    clear(api)
    first = api.call("GET", JOBS)["metadata"]["resourceVersion"]
    fill(api)
    record(api, "jobs-page", f"{JOBS}?{SELECTOR}&limit=3", False)
    record(api, "pods-page", f"{PODS}?{SELECTOR}&limit=500", False)
    record_answer(api, "job-answer", f"{JOBS}/complete")
    record(api, "token-refused", f"{JOBS}?limit=3&continue=x", False)
    stream = (f"{SELECTOR}&watch=true&allowWatchBookmarks=true&sendInitialEvents=true"
              f"&resourceVersionMatch=NotOlderThan&resourceVersion=&timeoutSeconds={WATCH_SECONDS}")
    threads = [threading.Thread(target=change, args=[api])]
    for name, collection in (("jobs-watch", JOBS), ("pods-watch", PODS)):
        for form, accepts in FORMS.items():
            def take(target: Path = HERE / f"{name}.{form}", path: str = f"{collection}?{stream}",
                     accept: str = accepts[True]) -> None:
                target.write_bytes(ask(api, path, accept)[1])
            threads.append(threading.Thread(target=take))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=WATCH_SECONDS * 4)
    record(api, "watch-expired", f"{JOBS}?watch=true&resourceVersion=1&timeoutSeconds=2", True)
    clear(api)
    print(f"recorded from version {first} on: {sum(file.stat().st_size for file in HERE.glob('*.[jp]*'))} bytes")


if __name__ == "__main__":
    main()
