"""``python -m songbloom_x2``: the same as the command ``songbloom``."""

from __future__ import annotations

import sys

from songbloom_x2.cli import main

sys.exit(main())
