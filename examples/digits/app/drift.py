"""Monitoring: are the images like those that the model was trained on? The pipeline's check judges the number.

Asks the server for its counts twice, SECONDS apart, and looks at what came in between. With several
replicas have Prometheus add up their counts, and a Trigger with a `prometheus` source.
"""

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import brightness
import contract

SECONDS = 10.0
REQUESTS_LEAST = 200  # n images that have not drifted scatter to a PSI of about 9/n: far below 0.2
TRIES = 3  # another version may take over meanwhile
TIMEOUT_SECONDS = 5
TEXT_MAX_BYTES = 1 << 20

Look = Callable[[], brightness.Counts]
Wait = Callable[[float], None]


class NothingServes(Exception):
    pass


def look_at(url: str) -> Look:
    def look() -> brightness.Counts:
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as response:
                return brightness.parse(response.read(TEXT_MAX_BYTES).decode())
        except urllib.error.URLError as error:
            # Before the Model is there its name is not; before the first version no pod is behind it.
            if isinstance(error.reason, socket.gaierror | ConnectionRefusedError):
                raise NothingServes(error.reason) from None
            raise

    return look


def between(look: Look, seconds: float, wait: Wait) -> brightness.Counts:
    """What one server counted between two looks."""
    before = look()
    for _ in range(TRIES):
        wait(seconds)
        after = look()
        buckets = [now - then for then, now in zip(before.buckets, after.buckets, strict=True)]
        if after.version == before.version and min(buckets) >= 0:
            return brightness.Counts(after.version, buckets)
        before = after  # another version, or the same one started anew
    raise ValueError(f"the server changed {TRIES} times within {seconds * TRIES:g} s")


def measure(counts: brightness.Counts) -> dict[str, contract.Result]:
    """Too few requests say nothing, and that is no drift."""
    requests = sum(counts.buckets)
    psi = brightness.population_stability_index(counts.buckets) if requests >= REQUESTS_LEAST else 0.0
    return {"psi": round(psi, 4), "requests": requests, "version": counts.version}


def watch(look: Look, seconds: float, wait: Wait) -> dict[str, contract.Result]:
    try:
        counts = between(look, seconds, wait)
    except NothingServes as reason:
        print(f"nothing serves: {reason}")
        counts = brightness.Counts("", [])
    else:
        print(f"version {counts.version}, images by deciles of the training: {counts.buckets}")
    return measure(counts)


def main() -> int:
    url = os.environ.get("URL", "http://digits")
    try:
        results = watch(look_at(url), float(os.environ.get("SECONDS", SECONDS)), time.sleep)
    except (OSError, ValueError) as error:
        print(f"drift: {url}: {error}", file=sys.stderr)
        return 1
    contract.write_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
