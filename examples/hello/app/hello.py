"""The smallest step: reads a parameter, writes a result."""

import json
import os
from pathlib import Path

greeting = f"Hello, {os.environ['PARAM_WHOM']}"
print(greeting)
Path(os.environ["TIDEMILL_RESULTS"]).write_text(json.dumps({"greeting": greeting}), encoding="utf-8")
