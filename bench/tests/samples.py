"""Turns made up for the tests of what is told about them."""

from typing import Any

from measure.load import Turn


def turn(**more: Any) -> Turn:
    """One of 100 runs that took 10 s and nothing else."""
    told: dict[str, Any] = {
        "kind": "runs", "round": 1, "count": 100, "namespace": "n", "began": 0.0, "seconds": 10.0, "each_seconds": [],
        "measured_seconds": 10.0, "cpu": {"controller": 1.0, "bench": 0.0}, "others_cpu": 0.0, "wire_sent": 1,
        "wire_received": 1, "reconnects": 0, "reconciles": 0, "resident": 1, "requests": []}
    return Turn(**{**told, **more})
