"""Where the examples' code is, and the packages that hack/images put into their image."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DIGITS = EXAMPLES / "digits" / "app"


def cache() -> Path:
    if "TIDEMILL_CACHE" in os.environ:
        return Path(os.environ["TIDEMILL_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidemill"


PACKAGES = cache() / "images" / "python"


def missing_packages() -> str | None:
    """Why the tests with real scikit-learn can't run; None: they can."""
    if not PACKAGES.is_dir():
        return f"no {PACKAGES}: hack/images examples makes it"
    if sys.version_info[:2] != (3, 11):
        return f"the packages in {PACKAGES} are for Python 3.11, this is {sys.version.split()[0]}"
    return None


sys.dont_write_bytecode = True
sys.path.insert(0, str(DIGITS))
