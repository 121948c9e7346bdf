"""What a step needs to know of Tidemill: environment variables, two folders and one file.

There is no library to install: these few lines are all, and a shell script could do the same.
"""

import json
import os
from pathlib import Path

INPUTS = Path(os.environ.get("TIDEMILL_IN", "/tidemill/in"))
OUTPUTS = Path(os.environ.get("TIDEMILL_OUT", "/tidemill/out"))

Result = str | int | float | bool


def param(name: str, default: str) -> str:
    """The run's parameter NAME; the default is for runs outside a cluster."""
    return os.environ.get("PARAM_" + name.upper().replace("-", "_"), default)


def write_results(results: dict[str, Result]) -> None:
    """One JSON object: the controller reads it from the pod's termination message."""
    text = json.dumps(results)
    print("results:", text)
    path = os.environ.get("TIDEMILL_RESULTS")
    if path:
        Path(path).write_text(text, encoding="utf-8")
