"""What schemathesis cannot know from a document: what a sound file is."""

from __future__ import annotations

import io
import wave

import schemathesis
from hypothesis import strategies as st


def wav(seconds: float, pitch: int) -> bytes:
    """A WAV file of a square wave."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        period = max(2, 8000 // pitch)
        samples = (9000 if index % period < period // 2 else -9000 for index in range(int(seconds * 8000)))
        sound.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return file.getvalue()


SOUNDS = st.builds(wav, st.floats(0.1, 3), st.integers(40, 2000))
for kind in ("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg", "audio/aiff"):
    # A file may be called what it likes: the server looks at its bytes.
    schemathesis.openapi.media_type(kind, SOUNDS)
