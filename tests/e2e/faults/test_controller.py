"""The controller killed every few hundred milliseconds, and its token taken away."""

from __future__ import annotations

import time

from faults.plane_case import PlaneCase, size

KILL_SECONDS = (0.2, 0.6)
KILLED_WHEN_READY = 3  # of so many lives one
READY_LIMIT_SECONDS = 60.0
REVOKED_CACHE_SECONDS = 15.0  # the API server believes a token for 10 s after it has died


class Kills(PlaneCase):
    weight = 70

    def test_kills(self) -> None:
        """200 runs go through, each once, while the controller is killed every few hundred milliseconds"""
        count = int(size(200, 1000, "runs"))
        self.make_pipelines(takes="1s")
        before = self.worker.starts

        def kill() -> None:
            # On a busy machine a life of this length may be too short to list all kinds: some begin
            # to count when it has, so that there is something to lose.
            if (self.worker.starts - before) % KILLED_WHEN_READY == 0:
                self.worker.wait_ready(READY_LIMIT_SECONDS)
            time.sleep(self.dice.uniform(*KILL_SECONDS))
            self.worker.restart()

        for _ in range(10):
            self.make_runs(count // 10)
            kill()
        self.wait_ended(meanwhile=kill)
        kills = self.worker.starts - before
        print(f"        {kills} kills", flush=True)
        self.assertGreater(kills, 10)
        self.worker.wait_ready()
        self.close_account()


class Token(PlaneCase):
    weight = 40

    def test_rotated(self) -> None:
        """a token that dies while runs go on is replaced by that in the file, and nothing is lost"""
        self.make_pipelines(takes="1s")
        self.plane.give_token(self.plane.issue_token("token-a"))
        self.worker.restart()
        self.worker.wait_ready()
        self.make_runs(20)
        fresh = self.plane.issue_token("token-b")
        self.plane.revoke_token("token-a")
        # The file is late: for a while nothing that is asked is answered but with 401.
        self.make_runs(10)
        time.sleep(REVOKED_CACHE_SECONDS)
        self.make_runs(10)
        self.plane.give_token(fresh)
        self.close_account()
        self.assertIn("401", self.worker.get("/metrics")[1], "the dead token was never refused")
