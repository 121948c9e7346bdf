"""`python3 -m measure`, started by bench/run."""

import sys

from measure.main import main

sys.exit(main(sys.argv[1:]))
