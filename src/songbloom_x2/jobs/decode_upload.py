"""A child process that decodes one uploaded sound: killable, with bounds on memory, time and size.

``python -m songbloom_x2.jobs.decode_upload SOURCE TARGET.flac SECONDS`` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from songbloom_x2.errors import AudioError

_MEMORY = 4 * 2**30
_CPU_SECONDS = 120
_FILE_BYTES = 2**30


def main() -> int:
    """Decode, check, write as FLAC."""
    _bound()
    from songbloom_x2.audio.encode import encode_audio
    from songbloom_x2.audio.files import read_audio
    from songbloom_x2.audio.mixdown import to_stereo

    source, target, longest = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    try:
        sound = read_audio(source, max_seconds=longest)
        if sound.samples.shape[0] > 2:
            sound = to_stereo(sound)
        encoded = encode_audio(sound, format="flac", subtype="PCM_16")
    except AudioError as error:
        # The name is ours, not the uploader's.
        print(json.dumps({"error": str(error).replace(str(source), "the uploaded sound")}))
        return 0
    except MemoryError:
        print(json.dumps({"error": "the uploaded sound needs too much memory when it is unpacked; cut it shorter"}))
        return 0
    target.write_bytes(encoded.data)
    print(json.dumps({"seconds": sound.seconds}))
    return 0


def _bound() -> None:
    try:
        import resource
    except ImportError:
        # Windows: the parent's time limit remains.
        return
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
    ):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main())
