"""``python -m tasks.host``."""

import sys

from tasks.host.agent import main

sys.exit(main())
