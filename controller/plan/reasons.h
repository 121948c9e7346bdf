#ifndef TIDEMILL_PLAN_REASONS_H
#define TIDEMILL_PLAN_REASONS_H

/* Every reason that appears in conditions, events and plans. CamelCase, one line each. */

/* All kinds */
#define REASON_AS_SPECIFIED    "AsSpecified"    /* the world is as the spec asks */
#define REASON_PROGRESSING     "Progressing"    /* work is under way; the message says what */
#define REASON_INVALID_SPEC    "InvalidSpec"    /* the spec can't be carried out as written */
#define REASON_SPEC_UNREADABLE "SpecUnreadable" /* nested too deep, or of a form nobody knows */
#define REASON_WRITE_REFUSED   "WriteRefused"   /* the API server refused what we must write */
#define REASON_NAME_TAKEN      "NameTaken"      /* somebody else's object has our name */
#define REASON_QUOTA_EXCEEDED  "QuotaExceeded"  /* a quota forbids it; tried again */
#define REASON_BEING_DELETED   "BeingDeleted"   /* deletionTimestamp is set: nothing new starts */

/* Pipeline */
#define REASON_ACCEPTED         "Accepted"        /* the graph is sound and its spec is pinned */
#define REASON_GRAPH_CYCLE      "GraphCycle"      /* steps wait for each other */
#define REASON_UNKNOWN_STEP     "UnknownStep"     /* runAfter, from or publish name no step */
#define REASON_UNKNOWN_ARTIFACT "UnknownArtifact" /* from or publish name no artifact */
#define REASON_UNKNOWN_RESULT   "UnknownResult"   /* a check names no result of its step */
#define REASON_UNKNOWN_PARAM    "UnknownParam"    /* $(PARAM_X) names no parameter */
#define REASON_UNSAFE_PARAM     "UnsafeParam"     /* $(PARAM_X) inside a shell's -c argument */
#define REASON_ENV_COLLISION    "EnvironmentCollision" /* two names become one variable */
#define REASON_CLAIM_MISSING    "ClaimMissing"         /* the artifacts' claim does not exist yet */
#define REASON_CLAIM_UNSUITABLE "ClaimUnsuitable"      /* access mode ReadWriteOncePod */
#define REASON_REVISION_CREATED "RevisionCreated"      /* the spec was pinned */
#define REASON_REVISION_UNUSED  "RevisionUnused"       /* no run names it any more */
#define REASON_HISTORY_LIMIT    "HistoryLimit"         /* finished runs beyond spec.history */

/* The API server was asked on apply whether it would take the steps' Jobs. */
#define REASON_TEMPLATE_CHECK    "TemplateCheck"    /* the question */
#define REASON_TEMPLATE_ACCEPTED "TemplateAccepted" /* it takes all of them */
#define REASON_TEMPLATE_WARNED   "TemplateWarned"   /* it takes them and warns */
#define REASON_TEMPLATE_REFUSED  "TemplateRefused"  /* it will never take one as it is */
#define REASON_TEMPLATE_NOT_JUDGED                                 \
    "TemplateNotJudged" /* quota, a webhook, no answer: runs go on \
                         */

/* PipelineRun */
#define REASON_PIPELINE_NOT_FOUND "PipelineNotFound" /* waits until it exists */
#define REASON_PIPELINE_NOT_READY "PipelineNotReady" /* waits until the pipeline is accepted */
#define REASON_PARAM_INVALID      "ParamInvalid"     /* unknown, missing or out of bounds */
#define REASON_WAITING_FOR_TURN   "WaitingForTurn"   /* maxConcurrentRuns; others go first */
#define REASON_SUSPENDED          "Suspended"        /* no new step starts */
#define REASON_RUNNING            "Running"
#define REASON_STEP_READY         "StepReady"  /* all it waits for is done */
#define REASON_STEP_RETRY         "StepRetry"  /* the attempt failed; another follows */
#define REASON_STEP_FAILED        "StepFailed" /* no attempt is left */
#define REASON_STEP_TIMED_OUT     "StepTimedOut"
#define REASON_RUN_TIMED_OUT      "RunTimedOut"
#define REASON_CHECK_FAILED       "CheckFailed"    /* verdict Stop */
#define REASON_CHECK_WARNED       "CheckWarned"    /* verdict Warn: the run goes on */
#define REASON_RETRAIN_NEEDED     "RetrainNeeded"  /* verdict Retrain: it goes on, and says so */
#define REASON_RESULT_MISSING     "ResultMissing"  /* a declared result was not written */
#define REASON_RESULT_INVALID     "ResultInvalid"  /* not JSON, or not of the declared type */
#define REASON_RESULT_TOO_LARGE   "ResultTooLarge" /* of one step, or of a run */
#define REASON_JOB_DELETED        "JobDeleted"     /* somebody deleted a running step's Job */
#define REASON_POD_WAITING        "PodWaiting"     /* the pod can't start yet; message says why */
#define REASON_POD_NOT_SEEN       "PodNotSeen" /* its Job has ended; what the pod left is awaited */
#define REASON_IMAGE_PULL         "ImagePullFailed" /* the image can't be pulled; kubelet goes on */
#define REASON_NO_POD_YET         "NoPodYet"        /* the Job has no pod; message says why */
#define REASON_REVISION_MISSING   "RevisionMissing" /* the pinned spec is gone */
#define REASON_SEALING            "Sealing"         /* the published artifact is being digested */
#define REASON_PUBLISHED          "Published"       /* the ModelVersion was created */
#define REASON_RUN_CANCELLED      "Cancelled"
#define REASON_RUN_SUCCEEDED      "Succeeded"
#define REASON_RUN_FAILED         "Failed"

/* Model, ModelVersion */
#define REASON_NO_VERSION        "NoVersion" /* nothing published yet */
#define REASON_PIN_NOT_FOUND     "PinnedVersionNotFound"
#define REASON_NO_SERVING        "NoServing" /* neither Model nor version says how to serve */
#define REASON_VERSION_NUMBERED  "VersionNumbered"
#define REASON_COPYING           "Copying" /* the artifact is being copied and verified */
#define REASON_VERIFIED          "DigestVerified"
#define REASON_DIGEST_MISMATCH   "DigestMismatch"
#define REASON_ARTIFACT_UNUSABLE "ArtifactUnusable"
#define REASON_ROLLING_OUT       "RollingOut" /* the candidate is coming up */
#define REASON_PROMOTED          "Promoted"   /* the stable Service points to it */
#define REASON_ROLLED_BACK       "RolledBack" /* and it is a version from before */
#define REASON_SERVING           "Serving"
#define REASON_STANDBY           "Standby"  /* verified or not needed; not the champion */
#define REASON_DRAINING          "Draining" /* kept until requests under way have ended */
#define REASON_DRAINED           "Drained"
#define REASON_SERVER_FAILING    "ServerFailing" /* the server container crashes or stays unready */
#define REASON_PROGRESS_DEADLINE "ProgressDeadlineExceeded"

/* Trigger */
#define REASON_SCHEDULED         "Scheduled"    /* the next firing is known */
#define REASON_FIRED             "Fired"        /* a run was started */
#define REASON_CATCH_UP          "CatchUp"      /* a missed time was made up for */
#define REASON_MISSED            "Missed"       /* times passed that started no run */
#define REASON_STILL_RUNNING     "StillRunning" /* Forbid: the run before has not ended */
#define REASON_REPLACED          "Replaced"     /* Replace: the run before was cancelled */
#define REASON_QUEUED            "Queued"       /* Queue: waits for the run before */
#define REASON_BAD_SCHEDULE      "BadSchedule"  /* cron or time zone can't be read */
#define REASON_TRIGGER_SUSPENDED "Suspended"
#define REASON_COOLDOWN          "Cooldown"     /* spec.cooldown after a firing is not over */
#define REASON_BUDGET_USED       "BudgetUsed"   /* all runs of spec.budget's window are used */
#define REASON_BREAKER_OPEN      "BreakerOpen"  /* spec.breaker: too many failed in a row */
#define REASON_DEBOUNCING        "Debouncing"   /* a change has not stayed for long enough yet */
#define REASON_WATCHING          "Watching"     /* the source is at what was dealt with last */
#define REASON_SOURCE_ABSENT     "SourceAbsent" /* it answers, and has nothing of that name */
#define REASON_SOURCE_FAILED     "SourceFailed" /* it can't be asked, or its answer be read */
#define REASON_SOURCE_ASKED      "SourceAsked"  /* for the first time; no answer yet */
#define REASON_CHAIN_TOO_LONG    "ChainTooLong" /* pipelines that start each other, in a loop */

#endif
