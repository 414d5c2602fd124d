"""``python -m songbloom_x2.train.corpus``: see ``--help``."""

from songbloom_x2.train.corpus.command import main

raise SystemExit(main())
