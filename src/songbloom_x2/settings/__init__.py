"""Settings: ``config.py`` < one ``config.yaml`` < ``SONGBLOOM_…`` variables < flags, each with its origin."""
