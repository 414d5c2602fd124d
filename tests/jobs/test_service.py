"""The service as HTTP and the page use it: real songs by a real worker process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from songbloom_x2.audio.files import read_audio
from songbloom_x2.jobs.records import LOCAL, Job
from songbloom_x2.jobs.service import JobService

REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 1.6}


def test_a_song_is_made(studio: JobService, finished: Callable[[JobService, str], Job]) -> None:
    job = studio.submit("generate", REQUEST, LOCAL)
    assert job.state in ("queued", "running") and len(job.song_ids) == 1 and not job.songs
    done = finished(studio, job.id)
    assert (done.state, done.error, done.songs) == ("succeeded", None, job.song_ids)
    song = studio.song(done.songs[0], LOCAL)
    file = studio.song_file(song.id, LOCAL)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == song.sha256
    assert song.seconds == pytest.approx(1.6) and song.seed == 3 and song.job == job.id
    assert read_audio(file).seconds == pytest.approx(1.6)
    manifest = studio.manifest(song.id, LOCAL)
    assert manifest["seed"] == 3 and manifest["request"]["lyrics"] == REQUEST["lyrics"]
    peaks = studio.peaks(song.id, LOCAL)
    assert len(peaks["low"]) == len(peaks["high"]) == peaks["points"] == 1000
    kinds = [event.kind for event in studio.events(job.id, LOCAL)]
    assert kinds[:2] == ["queued", "started"] and kinds[-2:] == ["song", "succeeded"] and "progress" in kinds
    assert [event.id for event in studio.events(job.id, LOCAL)] == list(range(1, len(kinds) + 1))
    assert [event.kind for event in studio.events(job.id, LOCAL, after=len(kinds) - 1)] == ["succeeded"]


def test_the_service_needs_no_torch() -> None:
    program = "import sys, songbloom_x2.jobs.service; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
