"""Bytes of a one-step run by what they were for, from the controller's own metrics: heads of requests, bodies both
ways, watches; before TLS. They depend on the objects alone, not on the machine.
"""

import re
from collections.abc import Iterator

SAMPLE = re.compile(r"^(tidemill_(?:watch|request)_bytes_total)\{([^}]*)\} ([0-9]+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')

# Of one run, with room for longer names and for an event more; what was found stands in bench/README.md. Jobs and
# Pods as JSON, whole objects in the answers to writes, or an owner for each field of a status, are over them.
LIMITS: dict[str, float] = {
    "watch of Jobs": 16_500,
    "watch of Pods": 20_000,
    "watch of PipelineRuns": 4_500,
    "POST jobs, sent": 3_000,
    "POST jobs, received": 2_300,
    "PATCH pipelineruns/status, sent": 5_000,
    "PATCH pipelineruns/status, received": 1_000,
}

# With manifests/no-managed-fields; and all together, those not named here included.
TOGETHER = "together"
UNTRACKED_LIMITS: dict[str, float] = {
    **LIMITS,
    "watch of Jobs": 7_000,
    "watch of Pods": 8_000,
    TOGETHER: 30_000,
}

Sizes = dict[str, int]


def read(metrics: str) -> Sizes:
    """Totals by what they were for: "watch of Pods", "create jobs, sent", ... A watch's own request is no part."""
    sizes: Sizes = {}
    for line in metrics.splitlines():
        found = SAMPLE.match(line)
        if not found:
            continue
        labels = dict(LABEL.findall(found[2]))
        if "kind" in labels:
            name = f"watch of {labels['kind']}s"
        elif labels["method"] == "WATCH":
            continue
        else:
            name = f"{labels['method']} {labels['resource']}, {labels['direction']}"
        sizes[name] = sizes.get(name, 0) + int(found[3])
    return sizes


def for_each(before: Sizes, after: Sizes, runs: int) -> dict[str, float]:
    return {name: (total - before.get(name, 0)) / runs for name, total in sorted(after.items())
            if total != before.get(name, 0)}


def find_faults(sizes: dict[str, float], limits: dict[str, float]) -> Iterator[str]:
    """What is over its limit, a sentence each."""
    told = {**sizes, TOGETHER: sum(sizes.values())}
    for name, limit in limits.items():
        if told.get(name, 0) > limit:
            yield f"{name}: {told[name]:.0f} bytes for each run, at most {limit:.0f}"
