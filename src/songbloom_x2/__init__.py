"""SongBloom Next-Gen X2: a local song studio. ``pipeline`` is the door."""

__version__ = "0.1.0"
