"""The network between the controller and the API server goes silent."""

from __future__ import annotations

import time

from faults.plane_case import FULL, PlaneCase, size

LONG_SILENCE_SECONDS = 600.0  # a silent watch is given up after 150 (REFLECTOR_IDLE_MS)
HEALED_LIMIT_SECONDS = 240.0


class Silence(PlaneCase):
    weight = 45

    def cut(self, seconds: float) -> None:
        self.make_runs(30)
        time.sleep(1.0)
        self.plane.link.cut()
        # The world goes on: Jobs that were made end, users make more runs.
        self.make_runs(10)
        time.sleep(seconds)
        self.assertFalse(self.ended())
        self.plane.link.heal()
        self.wait_ended(HEALED_LIMIT_SECONDS)

    def test_silence(self) -> None:
        """a network that is silent for a while (full size: also longer than the idle detector waits) loses nothing"""
        self.make_pipelines(takes="1s")
        self.cut(size(15, 60, "seconds of silence"))
        if FULL:
            self.cut(LONG_SILENCE_SECONDS)
        self.close_account()
