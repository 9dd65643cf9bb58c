"""``python -m tasks.flower``."""

import sys

from tasks.flower.server import main

sys.exit(main())
