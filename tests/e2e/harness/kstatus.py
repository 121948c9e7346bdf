"""Whether an object is done, as Flux, Argo CD and kubectl judge it (sigs.k8s.io/cli-utils kstatus)."""

from __future__ import annotations

from typing import Any

IN_PROGRESS = "InProgress"
FAILED = "Failed"
CURRENT = "Current"
TERMINATING = "Terminating"


def compute(thing: dict[str, Any]) -> str:
    """The generic rules: generation, then Reconciling, Stalled and Ready."""
    if thing["metadata"].get("deletionTimestamp"):
        return TERMINATING
    status = thing.get("status", {})
    observed = status.get("observedGeneration")
    if observed is not None and observed != thing["metadata"].get("generation"):
        return IN_PROGRESS
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if conditions.get("Reconciling", {}).get("status") == "True":
        return IN_PROGRESS
    if conditions.get("Stalled", {}).get("status") == "True":
        return FAILED
    ready = conditions.get("Ready", {}).get("status")
    if ready in ("False", "Unknown"):
        return IN_PROGRESS
    return CURRENT
