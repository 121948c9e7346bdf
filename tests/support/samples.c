#include "support/samples.h"

/* This is JSON, laid out as such. */
/* clang-format off */
#define JSON(...) #__VA_ARGS__

#define META(name, kind)                                                                           \
    "{\"apiVersion\":\"\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"" name "\","              \
    "\"namespace\":\"team\",\"uid\":\"5f1c\",\"resourceVersion\":\"1207\",\"generation\":3,"       \
    "\"creationTimestamp\":\"2026-01-31T03:00:00Z\","                                              \
    "\"deletionTimestamp\":\"2026-01-31T04:00:00Z\",\"labels\":{"                           \
    "\"tidemill.dev/version-uid\":\"2\",\"other.example/x\":\"3\",\"tidemill.dev/model\":\"1\"},"     \
    "\"annotations\":{\"tidemill.dev/revision\":\"r-1\",\"other.example/x\":\"dropped\"},"         \
    "\"managedFields\":[{\"manager\":\"kubectl\",\"fieldsV1\":{\"f:spec\":{\"f:x\":{}}}}],"        \
    "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"o\",\"uid\":\"77\","  \
    "\"controller\":true,\"blockOwnerDeletion\":true}]},"

#define CONDITION                                                                                  \
    "{\"type\":\"Ready\",\"status\":\"False\",\"observedGeneration\":3,"                           \
    "\"lastTransitionTime\":\"2026-01-31T03:00:01Z\",\"reason\":\"Waiting\",\"message\":\"m\"}"

#define PIPELINE_SPEC JSON({                                                                       \
    "params": [{"name": "seed", "type": "integer", "default": "1", "description": "d",             \
                "enum": ["1", "2"], "minimum": "0", "maximum": "9", "pattern": "[0-9]"}],          \
    "artifacts": {"volumeClaim": {"claimName": "churn"}},                                          \
    "podDefaults": {"spec": {"priorityClassName": "batch", "nodeSelector": {"b": "1", "a": "2"}}}, \
    "maxConcurrentRuns": 1,                                                                        \
    "history": {"succeeded": 5, "failed": 4},                                                      \
    "timeout": "6h",                                                                               \
    "steps": [{                                                                                    \
        "name": "ingest", "image": "example/churn:1", "command": ["python", "ingest.py"],          \
        "args": ["--seed=$(PARAM_SEED)"], "env": [{"name": "A", "value": "b"}],                    \
        "inputs": [{"name": "table", "from": "ingest.table"}], "runAfter": ["first"],              \
        "outputs": {"artifacts": [{"name": "table"}],                                              \
                    "results": [{"name": "rows", "type": "integer"}]},                             \
        "checks": [{"result": "rows", "min": "1", "max": "2", "equals": "1",                       \
                    "onFailure": "Stop"}],                                                         \
        "retry": {"limit": 3, "backoff": {"initial": "10s", "factor": 2, "max": "5m"}},            \
        "timeout": "20m", "podTemplate": {"spec": {"nodeSelector": {"disk": "fast"}}}              \
    }, {"name": "last"}],                                                                          \
    "publish": {"model": "churn", "artifact": "train.model", "metricsFrom": ["evaluate"]}          \
})

#define SERVING JSON({"podTemplate": {"spec": {"containers": []}}, "port": 8080, "replicas": 0})

#define CONTAINER(name) JSON({                                                                     \
    "name": name, "image": "i:1", "imageID": "i@sha256:1", "ready": true, "restartCount": 2,       \
    "started": true,                                                                               \
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off"},                    \
              "running": {"startedAt": "2026-01-31T03:00:00Z"},                                    \
              "terminated": {"exitCode": 0, "signal": 9, "reason": "Completed", "message": "{}",   \
                             "startedAt": null, "finishedAt": "2026-01-31T03:00:00Z"}},            \
    "lastState": {"waiting": {"reason": "r", "message": "m"},                                      \
                  "running": {"startedAt": "2026-01-31T03:00:00Z"},                                \
                  "terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled",              \
                                 "message": "m", "finishedAt": "2026-01-31T03:00:00Z"}}            \
})

#define WORKLOAD_CONDITION JSON({                                                                  \
    "type": "Complete", "status": "True", "reason": "r", "message": "m",                           \
    "lastProbeTime": null, "lastTransitionTime": "2026-01-31T03:00:00Z"})

const char *const samples[KIND_COUNT] = {
    [KIND_PIPELINE] = META("churn", "Pipeline")
        "\"spec\":" PIPELINE_SPEC ",\"status\":{\"observedGeneration\":3,\"revision\":\"churn-x\","
        "\"conditions\":[" CONDITION "]}}",
    [KIND_PIPELINE_RUN] = META("churn-1", "PipelineRun") "\"spec\":" JSON({
        "pipelineRef": {"name": "churn"}, "params": [{"name": "seed", "value": "7"}],
        "cause": {"kind": "Trigger", "name": "nightly", "revision": "2026-01-31T03:00:00Z",
                  "message": "m"},
        "cancel": true, "suspend": true}) ",\"status\":" JSON({
        "observedGeneration": 3, "phase": "Running", "progress": "1/2", "revision": "churn-x",
        "startTime": "2026-01-31T03:00:00Z", "completionTime": "2026-01-31T03:10:00Z",
        "sealJob": "s", "modelVersion": "v",
        "steps": [{"name": "ingest", "phase": "Retrying", "reason": "StepFailed", "message": "m",
                   "attempts": 2, "job": "j", "startTime": "2026-01-31T03:00:00Z",
                   "completionTime": "2026-01-31T03:01:00Z", "retryTime": "2026-01-31T03:02:00Z",
                   "imageID": "i@sha256:1", "results": [{"name": "rows", "value": "12"}],
                   "artifacts": [{"name": "table", "uri": "pvc://churn/a", "digest": "sha256:2"}]},
                  {"name": "last"}],
        "conditions": [) CONDITION "]}}",
    [KIND_MODEL] = META("churn", "Model")
        "\"spec\":{\"serving\":" SERVING ",\"pinnedVersion\":\"churn-x\"},\"status\":" JSON({
        "observedGeneration": 3, "champion": "churn-x", "championVersion": 4,
        "candidate": "churn-y", "previous": "churn-w", "drainUntil": "2026-01-31T03:00:30Z",
        "lastVersion": 5, "url": "http://churn.team.svc", "replicas": 2, "selector": "a=b",
        "recent": [{"number": 1, "time": "2026-01-31T03:00:00Z", "event": "Promoted",
        "version": "churn-x", "chain": 2, "message": "m"}],
        "conditions": [) CONDITION "]}}",
    [KIND_MODEL_VERSION] = META("churn-x", "ModelVersion")
        "\"spec\":{\"serving\":" SERVING ",\"lineage\":" JSON({
            "run": {"name": "churn-1", "uid": "5f"},
            "cause": {"kind": "Trigger", "name": "new-data", "revision": "r", "message": "1 new object"},
            "pipeline": "churn", "revision": "churn-r",
            "params": [{"name": "seed", "value": "7"}],
            "images": [{"step": "train", "image": "i@sha256:1"}],
            "inputs": [{"name": "ingest.table", "uri": "pvc://churn/a", "digest": "sha256:2"}]})
        ",\"model\":\"churn\",\"artifact\":{\"uri\":\"pvc://churn/b\",\"digest\":\"sha256:3\"},"
        "\"metrics\":[{\"name\":\"accuracy\",\"value\":\"0.98\",\"step\":\"evaluate\"}]},"
        "\"status\":{\"observedGeneration\":3,\"version\":4,\"phase\":\"Serving\",\"url\":\"u\","
        "\"sameAs\":\"churn-v\",\"conditions\":[" CONDITION "]}}",
    [KIND_TRIGGER] = META("nightly", "Trigger") "\"spec\":" JSON({
        "pipelineRef": {"name": "churn"}, "params": [{"name": "seed", "value": "7", "from": "commit"}],
        "schedule": {"cron": "0 3 * * *", "timeZone": "Europe/Berlin",
                     "catchUp": {"policy": "Latest", "max": 10}, "startingDeadline": "1h"},
        "pipeline": {"name": "data", "events": ["Succeeded"]},
        "model": {"name": "churn", "events": ["Promoted"]},
        "git": {"url": "u", "branch": "main", "tag": "v*", "semver": "1.x", "secretName": "s"},
        "image": {"repository": "r", "tag": "stable", "semver": "1.x", "secretName": "s"},
        "bucket": {"endpoint": "e", "bucket": "lake", "prefix": "p/", "pattern": "*.csv",
                   "region": "eu", "secretName": "s"},
        "http": {"url": "u", "secretName": "s"},
        "prometheus": {"query": "q", "above": "1", "below": "2", "for": "5m", "url": "u",
                       "secretName": "s"},
        "webhook": {"type": "HMAC", "header": "X-S", "prefix": "v1=", "events": ["push"],
                    "filters": [{"path": "ref", "equals": "main", "pattern": "m*"}],
                    "values": [{"name": "commit", "path": "after"}], "secretName": "s"},
        "interval": "1m", "cooldown": "1h", "debounce": "2m", "budget": {"runs": 2, "per": "24h"},
        "breaker": {"failures": 3, "pause": "6h"},
        "concurrencyPolicy": "Forbid", "suspend": true}) ",\"status\":" JSON({
        "observedGeneration": 3, "lastScheduleTime": "2026-01-31T03:00:00Z",
        "nextScheduleTime": "2026-02-01T03:00:00Z", "observedRevision": "r",
        "observedMark": "m",
        "deliveries": [{"id": "d", "time": "2026-01-31T03:00:00Z",
                        "values": [{"name": "commit", "value": "r"}]}],
        "delivered": "0123456789abcdef", "pokedTime": "2026-01-31T03:00:00Z",
        "lastFiringTime": "2026-01-31T03:00:00Z", "budgetSince": "2026-01-31T03:00:00Z",
        "budgetUsed": 1, "breaker": {"failures": 2, "since": "2026-01-31T03:00:00Z",
        "ends": "2026-01-31T03:00:00Z 0a1b2c3d"}, "firings": 8, "dropped": 1,
        "pending": {"number": 9, "scheduledTime": "2026-01-31T03:00:00Z", "revision": "r",
                    "summary": "commit r", "mark": "m", "run": "nightly-9", "reason": "Scheduled", "chain": 2,
                    "params": [{"name": "commit", "value": "r"}]},
        "lastRunRef": {"name": "nightly-8"},
        "recent": [{"time": "2026-01-31T03:00:01Z", "scheduledTime": "2026-01-31T03:00:00Z",
                    "revision": "r", "run": "nightly-8", "reason": "Scheduled", "message": "m"}],
        "conditions": [) CONDITION "]}}",
    [KIND_JOB] = META("job", "Job")
        "\"spec\":{\"suspend\":true,\"template\":{}},\"status\":{\"active\":1,\"succeeded\":2,"
        "\"failed\":3,\"startTime\":\"2026-01-31T03:00:00Z\",\"completionTime\":"
        "\"2026-01-31T03:00:00Z\",\"conditions\":[" WORKLOAD_CONDITION "]}}",
    [KIND_POD] = META("pod", "Pod")
        "\"spec\":{\"containers\":[]},\"status\":{\"phase\":\"Failed\",\"reason\":\"Evicted\","
        "\"message\":\"m\",\"startTime\":\"2026-01-31T03:00:00Z\",\"podIP\":\"10.0.0.1\","
        "\"conditions\":[" WORKLOAD_CONDITION "],\"initContainerStatuses\":["
        CONTAINER("tidemill-prepare") "],\"containerStatuses\":[" CONTAINER("step") "]}}",
    [KIND_DEPLOYMENT] = META("deployment", "Deployment")
        "\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":3,\"replicas\":2,"
        "\"updatedReplicas\":2,\"readyReplicas\":1,\"availableReplicas\":1,"
        "\"unavailableReplicas\":1,\"conditions\":[" WORKLOAD_CONDITION "]}}",
    [KIND_SERVICE] = META("service", "Service")
        "\"spec\":{\"selector\":{\"b\":\"2\",\"a\":\"1\"},\"clusterIP\":\"10.96.0.9\"}}",
    [KIND_CONTROLLER_REVISION] = META("churn-x", "ControllerRevision")
        "\"data\":{\"spec\":" PIPELINE_SPEC "},\"revision\":3}",
    [KIND_CLAIM] = META("claim", "PersistentVolumeClaim")
        "\"spec\":{\"accessModes\":[\"ReadWriteOnce\",\"ReadWriteMany\"]}}",
};
