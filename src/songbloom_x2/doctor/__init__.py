"""Whether an installation is whole and what this machine offers: one finding a line, each with what to do about it."""
