"""How bright the images are that the model is asked about, beside those that it was trained on.

The server counts them in a Prometheus histogram whose bounds are the deciles of the training rows:
while nothing has drifted, each of its ten buckets gets a tenth of the images.
"""

import bisect
import itertools
import math
import re
import statistics
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import data

METRIC = "digits_input_brightness"
BUCKETS = 10
SHARE_LEAST = 0.001  # of an empty bucket, whose logarithm would be infinite
SAMPLE = re.compile(rf'^{METRIC}_bucket\{{version="([^"]*)",le="[^"]*"\}} (\d+)$', re.MULTILINE)


def of(pixels: Sequence[float]) -> float:
    return sum(pixels) / len(pixels)


def faded(row: data.Row, brightness: float) -> data.Row:
    """As a scanner with a weak lamp sees it; 1 changes nothing."""
    *pixels, label = row
    return (*(None if pixel is None else pixel * brightness for pixel in pixels), label)


def deciles(rows: Sequence[data.Row]) -> list[float]:
    return [round(bound, 6) for bound in statistics.quantiles(map(of, data.features(rows)), n=BUCKETS)]


class Histogram:
    """Counts since the start of the server, for all of its threads."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = list(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.lock = threading.Lock()

    def add(self, rows: Iterable[Sequence[float]]) -> None:
        with self.lock:
            for row in rows:
                value = of(row)
                self.counts[bisect.bisect_left(self.bounds, value)] += 1
                self.sum += value

    def text(self, version: str) -> str:
        """Prometheus' text format: each bucket counts what those before it count too."""
        with self.lock:
            counts, total = list(self.counts), self.sum
        label = f'version="{version}"'
        lines = [
            f"# HELP {METRIC} Mean pixel of each image; the bounds are the deciles of the training rows.",
            f"# TYPE {METRIC} histogram",
        ]
        bounds = [*map(str, self.bounds), "+Inf"]
        for bound, below in zip(bounds, itertools.accumulate(counts), strict=True):
            lines.append(f'{METRIC}_bucket{{{label},le="{bound}"}} {below}')
        lines += [f"{METRIC}_sum{{{label}}} {total}", f"{METRIC}_count{{{label}}} {sum(counts)}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Counts:
    version: str
    buckets: list[int]


def parse(text: str) -> Counts:
    """What text() says, bucket by bucket."""
    found = SAMPLE.findall(text)
    if len(found) != BUCKETS:
        raise ValueError(f"{len(found)} buckets of {METRIC} where {BUCKETS} are expected")
    below = [0, *(int(count) for _, count in found)]
    return Counts(found[0][0], [after - before for before, after in itertools.pairwise(below)])


def population_stability_index(buckets: Sequence[int]) -> float:
    """0: as in the training; people speak of drift from 0.2 on. No image at all is no drift."""
    total = sum(buckets)
    if total == 0:
        return 0.0
    expected = 1 / len(buckets)
    shares = [max(count / total, SHARE_LEAST) for count in buckets]
    return sum((share - expected) * math.log(share / expected) for share in shares)
