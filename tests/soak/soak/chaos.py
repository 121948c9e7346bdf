"""The faults, each a method that begins and ends it. Weights say how often each is drawn."""

from __future__ import annotations

import random
import time

from faults.plane import START_LIMIT_SECONDS, Plane
from soak.world import Round

IDLE_SECONDS = 150  # after so long a silent watch is given up (REFLECTOR_IDLE_MS)
TOKEN_CACHE_SECONDS = 12.0


class Chaos:
    def __init__(self, plane: Plane, dice: random.Random) -> None:
        self.plane, self.worker, self.dice = plane, plane.worker, dice
        self.counts: dict[str, int] = {}
        self.secret = ""

    WEIGHTS = {"kill": 2, "kill_burst": 1, "pause": 3, "cut": 4, "cut_long": 1, "kill_api_server": 2, "compact": 2,
               "rotate_token": 2, "quota": 3, "user": 10, "doom_namespace": 2}

    def one(self, of: Round) -> str:
        name = self.dice.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
        getattr(self, name)(of)
        self.counts[name] = self.counts.get(name, 0) + 1
        return name

    def kill(self, _of: Round) -> None:
        self.worker.restart()

    def kill_burst(self, of: Round) -> None:
        for _ in range(self.dice.randint(5, 20)):
            self.worker.restart()
            time.sleep(self.dice.uniform(0.1, 0.6))
        of.make_runs(5)

    def pause(self, of: Round) -> None:
        self.worker.pause()
        of.make_runs(5)
        time.sleep(self.dice.uniform(1, 20))
        self.worker.go_on()

    def cut(self, of: Round, seconds: tuple[float, float] = (5, 60)) -> None:
        self.plane.link.cut()
        of.make_runs(5)
        time.sleep(self.dice.uniform(*seconds))
        self.plane.link.heal()

    def cut_long(self, of: Round) -> None:
        self.cut(of, (IDLE_SECONDS, IDLE_SECONDS + 30))

    def kill_api_server(self, of: Round) -> None:
        of.losses.log_lacks_lines = True
        self.plane.kill_api_server()
        time.sleep(self.dice.uniform(0, 10))
        self.plane.up()

    def compact(self, of: Round) -> None:
        """Under a stale watch: the API server's own memory of events is emptied by its restart."""
        of.losses.log_lacks_lines = True
        self.worker.pause()
        of.make_runs(10)
        time.sleep(2)
        self.plane.compact()
        self.plane.kill_api_server()
        self.plane.up()
        self.plane.compact()
        self.worker.go_on()

    def rotate_token(self, of: Round) -> None:
        secret = f"soak-{sum(self.counts.values())}"
        fresh = self.plane.issue_token(secret)
        if self.secret:
            self.plane.revoke_token(self.secret)
            time.sleep(TOKEN_CACHE_SECONDS)
            of.make_runs(5)
        self.secret = secret
        self.plane.give_token(fresh)

    def quota(self, of: Round) -> None:
        of.create("ResourceQuota", "none", {"hard": self.dice.choice(({"pods": "0"}, {"count/jobs.batch": "0"}))})
        of.make_runs(10)
        time.sleep(self.dice.uniform(1, 10))
        self.plane.api.call("DELETE", self.plane.api.path("ResourceQuota", of.namespace, "none"))

    def user(self, of: Round) -> None:
        user = of.user
        for _ in range(self.dice.randint(1, 5)):
            of.make_runs(2)
            self.dice.choice((user.delete_job, user.delete_pod, user.delete_run, user.cancel_run))()

    def doom_namespace(self, of: Round) -> None:
        doomed = Round(self.plane, 900 + sum(self.counts.values()), self.dice)
        doomed.make_runs(10)
        time.sleep(self.dice.uniform(0, 2))
        doomed.observer.ended = True
        doomed.forget()
        of.doomed.append(doomed)

    def heal(self) -> None:
        self.worker.raise_own_end()
        self.plane.link.heal()
        self.worker.go_on()
        self.worker.wait_ready(START_LIMIT_SECONDS)
