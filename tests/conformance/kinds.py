"""The kinds that both servers are asked about, each as the controller and its users write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

NAMESPACE = "conformance"
MANAGED = {"app.kubernetes.io/managed-by": "tidemill"}
SELECTOR = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtidemill"
OWNER = {"apiVersion": "tidemill.dev/v1alpha1", "kind": "ModelVersion", "name": "o",
         "uid": "11111111-1111-1111-1111-111111111111", "controller": True, "blockOwnerDeletion": True}

Values = tuple[tuple[str, Any], ...]  # JSON pointers, and what may be written there


@dataclass(frozen=True)
class Kind:
    prefix: str
    plural: str
    api_version: str
    kind: str
    body: Json  # besides metadata
    changes: Values = ()  # of the spec
    status: Values = ()
    removals: tuple[str, ...] = ()
    refused: Values = ()  # changes that get 422, and why is compared
    variants: tuple[Json, ...] = ()  # bodies of server-side apply
    merges: tuple[Json, ...] = ()  # bodies of merge patches: how a Lease and an Event are written
    selector: str = SELECTOR  # of the reflector's lists and watches
    is_watched: bool = True
    is_held: bool = True  # by finalizers, and by what a propagationPolicy makes of them

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]


def condition(status: str) -> Json:
    return {"type": "Ready", "status": status, "reason": "R", "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}


CONDITIONS: Values = (("/status/conditions", [condition("True")]), ("/status/conditions/0", condition("False")),
                      ("/status/conditions/-", condition("Unknown")))
OBSERVED: Values = (("/status/observedGeneration", 1), ("/status/observedGeneration", 2))
POD = {"containers": [{"name": "step", "image": "i"}], "restartPolicy": "Never"}
DIGEST = "sha256:" + "0" * 64


def ours(plural: str, kind: str, spec: Json, **more: Any) -> Kind:
    return Kind("/apis/tidemill.dev/v1alpha1", plural, "tidemill.dev/v1alpha1", kind, {"spec": spec}, selector="",
                **more)


def deployment(**fields: Any) -> Json:
    env = [{"name": name, "value": value} for name, value in fields.pop("env", {}).items()]
    container = {"name": "server", "image": "i", "ports": [{"containerPort": 8080, "name": "tidemill-http"}],
                 **({"env": env} if env else {})}
    return {"spec": {"selector": {"matchLabels": {"x": "1"}}, **fields,
                     "template": {"metadata": {"labels": {"x": "1"}}, "spec": {"containers": [container]}}}}


def service(selector: Json, **port: Any) -> Json:
    return {"spec": {"selector": selector,
                     "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http", **port}]}}


def lease(holder: str, micros: int) -> Json:
    return {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "renewTime": f"2026-01-01T00:00:00.{micros:06d}Z"}


EVENT = {"eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "R", "action": "Reconcile", "note": "n",
         "reportingController": "tidemill.dev/controller", "reportingInstance": "i",
         "regarding": {"apiVersion": "tidemill.dev/v1alpha1", "kind": "Model", "namespace": NAMESPACE, "name": "m",
                       "uid": OWNER["uid"]}}

KINDS = (
    ours("pipelines", "Pipeline", {"steps": [{"name": "a", "image": "i"}]},
         changes=(("/spec/steps/0/image", "j"), ("/spec/steps/-", {"name": "b", "image": "i"}),
                  ("/spec/steps/0/image", "i")),
         status=(*OBSERVED, ("/status/revision", "p-1"), *CONDITIONS), removals=("/status/revision", "/status/conditions")),
    ours("pipelineruns", "PipelineRun", {"pipelineRef": {"name": "p"}},
         changes=(("/spec/suspend", True), ("/spec/suspend", False), ("/spec/cancel", False), ("/spec/cancel", True)),
         status=(*OBSERVED, ("/status/phase", "Running"), ("/status/revision", "p-1"), *CONDITIONS),
         removals=("/status/phase", "/status/revision", "/spec/suspend")),
    ours("models", "Model", {"pinnedVersion": "m-1"},
         changes=(("/spec/pinnedVersion", "m-1"), ("/spec/pinnedVersion", "m-2")),
         status=(("/status/observedGeneration", 3), ("/status/champion", "m-1"), ("/status/champion", "m-2"), *CONDITIONS),
         removals=("/spec/pinnedVersion", "/status/champion", "/status/conditions/0")),
    ours("modelversions", "ModelVersion", {"model": "m", "artifact": {"uri": "pvc://c/p", "digest": DIGEST}},
         changes=(("/spec/serving", {"podTemplate": {"spec": {}}, "replicas": 1}),
                  ("/spec/serving", {"podTemplate": {"spec": {}}, "replicas": 2})),
         status=(*OBSERVED, ("/status/version", 1), ("/status/phase", "Ready"), ("/status/phase", "Serving"), *CONDITIONS),
         removals=("/spec/serving", "/status/phase", "/status/conditions")),
    ours("triggers", "Trigger", {"pipelineRef": {"name": "p"}, "schedule": {"cron": "@daily"}},
         changes=(("/spec/suspend", True), ("/spec/suspend", False), ("/spec/schedule/cron", "@hourly")),
         status=(*OBSERVED, ("/status/lastScheduleTime", "2026-01-01T00:00:00Z"), ("/status/observedRevision", "r"),
                 *CONDITIONS),
         removals=("/spec/suspend", "/status/observedRevision", "/status/lastScheduleTime")),
    Kind("/apis/batch/v1", "jobs", "batch/v1", "Job",
         # Nobody's: the Job controller would leave it alone (KEP-4368), if there were one.
         {"spec": {"managedBy": "example.com/nobody", "suspend": True, "template": {"spec": POD}}},
         changes=(("/spec/suspend", True), ("/spec/suspend", False)),
         refused=(("/spec/completionMode", "Indexed"), ("/spec/managedBy", "example.com/other"))),
    Kind("/api/v1", "pods", "v1", "Pod", {"spec": POD}),
    Kind("/apis/apps/v1", "deployments", "apps/v1", "Deployment", deployment(replicas=1),
         changes=(("/spec/replicas", 1), ("/spec/replicas", 3), ("/spec/paused", True),
                  ("/spec/template/spec/containers/0/env", [{"name": "B", "value": "2"}]),
                  ("/spec/template/spec/containers/0/image", "j")),
         status=(("/status/observedGeneration", 1), ("/status/replicas", 1), ("/status/replicas", 2)),
         removals=("/spec/paused", "/spec/template/spec/containers/0/env/0", "/status/replicas"),
         refused=(("/spec/selector/matchLabels", {"x": "2"}), ("/spec/template/metadata/labels", {"x": "2"})),
         variants=(deployment(replicas=1), deployment(replicas=2), deployment(), deployment(replicas=1, env={"A": "1"}),
                   deployment(replicas=1, env={"A": "2"}), deployment(replicas=1, env={"A": "2", "B": "2"}),
                   deployment(paused=True))),
    Kind("/api/v1", "services", "v1", "Service", service({"x": "1"}),
         changes=(("/spec/selector/x", "2"), ("/spec/selector/x", "3"),
                  ("/spec/ports", [*service({})["spec"]["ports"],
                                   {"name": "other", "port": 81, "protocol": "TCP", "targetPort": 81}])),
         removals=("/spec/ports/1",),
         variants=(service({"x": "1"}), service({"x": "2"}), service({"y": "1"}), service({"x": "1"}, targetPort="other"))),
    Kind("/apis/apps/v1", "controllerrevisions", "apps/v1", "ControllerRevision",
         {"revision": 1, "data": {"spec": {"steps": []}}}, changes=(("/revision", 1), ("/revision", 2)),
         # A patch of one is refused, so that nobody could take a finalizer away again.
         refused=(("/data", {"spec": {}}),), is_held=False),
    Kind("/api/v1", "persistentvolumeclaims", "v1", "PersistentVolumeClaim",
         {"spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}},
                   "storageClassName": "s"}}, selector=""),
    Kind("/apis/coordination.k8s.io/v1", "leases", "coordination.k8s.io/v1", "Lease", {"spec": lease("a", 1)},
         merges=({"spec": lease("a", 2)}, {"spec": lease("b", 2)}, {"spec": lease("a", 1)}, {"spec": lease("", 3)},
                 {"spec": {**lease("b", 3), "acquireTime": "2026-01-01T00:00:00.000003Z"}}), is_watched=False, is_held=False),
    Kind("/apis/events.k8s.io/v1", "events", "events.k8s.io/v1", "Event", EVENT,
         merges=tuple({"series": {"count": count, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}
                      for count in (2, 3)), is_watched=False, is_held=False),
)
