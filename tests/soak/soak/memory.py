"""The controller's memory over time: samples, a picture, and rows of figures."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from faults.plane import Worker
from measure import processes

EVERY_SECONDS = 2.0
WIDTH, HEIGHT, MARGIN = 800, 240, 40
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    seconds: float
    resident: int  # bytes
    life: int  # which process of the controller


class Sampler(threading.Thread):
    def __init__(self, worker: Worker, began: float) -> None:
        super().__init__(daemon=True)
        self.worker, self.began = worker, began
        self.samples: list[Sample] = []
        self.start()

    def run(self) -> None:
        while True:
            try:
                resident = processes.memory(self.worker.pid).resident
                self.samples.append(Sample(time.monotonic() - self.began, resident, self.worker.starts))
            except (OSError, ValueError, KeyError, StopIteration):
                pass  # between two lives
            time.sleep(EVERY_SECONDS)


def lives(samples: list[Sample]) -> list[list[Sample]]:
    found: list[list[Sample]] = []
    for sample in samples:
        if not found or found[-1][-1].life != sample.life:
            found.append([])
        found[-1].append(sample)
    return found


def draw(samples: list[Sample]) -> str:
    """An SVG: one line for each life of the process."""
    last = max(samples[-1].seconds, 1.0)
    top = max(sample.resident for sample in samples) / MIB * 1.1

    def at(sample: Sample) -> str:
        x = MARGIN + sample.seconds / last * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - sample.resident / MIB / top * (HEIGHT - 2 * MARGIN)
        return f"{x:.0f},{y:.1f}"

    lines = [f'<polyline fill="none" stroke="#1f6feb" points="{" ".join(map(at, life))}"/>' for life in lives(samples)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="#888888"/>',
        f'<text x="4" y="{MARGIN - 8}">resident memory, MiB (0 to {top:.0f}); a new line is a new process</text>',
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 12}" text-anchor="end">{last / 60:.0f} min</text>',
        *lines, "</svg>", ""])


def tell(samples: list[Sample]) -> list[tuple[str, str]]:
    """Rows of the report."""
    resident = [sample.resident / MIB for sample in samples]
    longest = max(lives(samples), key=lambda life: life[-1].seconds - life[0].seconds)
    half = len(longest) // 2
    minutes = (longest[-1].seconds - longest[0].seconds) / 60

    def most(part: list[Sample]) -> float:
        return max((sample.resident for sample in part), default=0) / MIB

    return [("resident memory of the controller", f"{min(resident):.1f} to {max(resident):.1f} MiB, seen in "
             f"{len(lives(samples))} lives"),
            (f"of these in the longest life, {minutes:.1f} min", f"at most {most(longest[:half]):.1f} MiB in its first "
             f"half, {most(longest[half:]):.1f} MiB in its second")]
