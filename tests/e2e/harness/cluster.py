"""The cluster that the tests run on: up, with this checkout's images, and Tidemill installed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STEP_LIMIT_SECONDS = 1800
ROLLOUT_LIMIT_SECONDS = 120


def say(text: str) -> None:
    print(f"e2e: {text}", flush=True)


def run(title: str, *command: str, show: bool = False) -> str:
    """Runs a command; its output is shown only when it fails."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=None if show else subprocess.STDOUT,
                          text=True, timeout=STEP_LIMIT_SECONDS)
    if done.returncode != 0:
        print(done.stdout)
        say(f"{title} failed with exit code {done.returncode}: {shlex.join(command)}")
        sys.exit(1)
    say(f"{title}: {time.monotonic() - began:.0f} s")
    return done.stdout


def take_environment(name: str) -> None:
    """What `eval "$(hack/cluster env)"` does in a shell."""
    done = subprocess.run(
        ["bash", "-c", 'eval "$(hack/cluster env --name "$1")" && env -0', "bash", name],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=60,
    )
    for entry in done.stdout.split("\0"):
        key, _, value = entry.partition("=")
        if key in ("KUBECONFIG", "PATH") or key.startswith("TIDEMILL_"):
            os.environ[key] = value


def prepare(name: str) -> None:
    """From nothing to an installed controller that answers; quick when all of it is there."""
    run("cluster up", str(ROOT / "hack/cluster"), "up", "--name", name)
    take_environment(name)
    archives = run("images", str(ROOT / "hack/images"), "all", show=True).split()
    run("images loaded", str(ROOT / "hack/cluster"), "load", "--name", name, *archives)
    run("installed", "kubectl", "apply", "-k", "manifests/install")
    # The image's name stays the same when its content changes.
    run("controller restarted", "kubectl", "rollout", "restart", "--namespace", "tidemill-system",
        "deployment/tidemill-controller")
    run("controller ready", "kubectl", "rollout", "status", "--namespace", "tidemill-system",
        "deployment/tidemill-controller", f"--timeout={ROLLOUT_LIMIT_SECONDS}s")
