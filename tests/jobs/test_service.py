"""The service as HTTP and the page use it: real songs by a real worker process."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.audio.tags import read_tags
from songbloom_x2.config import JobLimits
from songbloom_x2.errors import ConfigError, ConflictError, LimitError, NotFoundError, SongBloomError, StyleError
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.records import LOCAL, Job, Owner
from songbloom_x2.jobs.service import JobService
from songbloom_x2.types import Waveform

REQUEST = {"lyrics": "[verse] City lights are calling me home.", "seed": 3, "duration": 1.6}
LONG = {**REQUEST, "duration": 80.0}
Finished = Callable[[JobService, str], Job]
ANN, BEN = Owner("ann"), Owner("ben")


@pytest.fixture(scope="module")
def song(studio: JobService, finished: Finished) -> str:
    """A finished song's id."""
    (id,) = finished(studio, studio.submit("generate", REQUEST, LOCAL).id).songs
    return id


def test_a_song_is_made(studio: JobService, finished: Finished) -> None:
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
    kinds = [event.kind for event in studio.events(job.id, LOCAL)]
    assert kinds[:2] == ["queued", "started"] and kinds[-2:] == ["song", "succeeded"] and "progress" in kinds
    assert [event.id for event in studio.events(job.id, LOCAL)] == list(range(1, len(kinds) + 1))
    assert [event.kind for event in studio.wait_events(job.id, LOCAL, after=len(kinds) - 1)] == ["succeeded"]
    assert studio.wait_events(job.id, LOCAL, after=len(kinds), timeout=0.2) == []


def test_songs_of_one_job_are_made_side_by_side(studio: JobService, finished: Finished) -> None:
    job = finished(studio, studio.submit("generate", REQUEST, LOCAL, samples=3).id)
    assert [studio.song(id, LOCAL).seed for id in job.songs] == [3, 4, 5]
    assert [studio.manifest(id, LOCAL)["batch"]["size"] for id in job.songs] == [3, 3, 3]
    assert [song.id for song in studio.songs(LOCAL, job=job.id)][::-1] == list(job.songs)


def test_every_format_with_its_tags(studio: JobService, song: str) -> None:
    for format in ("wav", "mp3", "opus"):
        file = studio.song_file(song, LOCAL, format)
        assert file.suffix == f".{format}" and studio.song_file(song, LOCAL, format) == file
        assert read_tags(file).manifest == studio.manifest(song, LOCAL)
        assert read_audio(file).seconds == pytest.approx(1.6, abs=0.1)
    assert studio.spectrogram(song, LOCAL).read_bytes().startswith(b"\x89PNG")
    peaks = studio.peaks(song, LOCAL)
    assert len(peaks["low"]) == len(peaks["high"]) == peaks["points"] == 1000
    samples = read_audio(studio.song_file(song, LOCAL)).samples
    assert max(peaks["high"]) == pytest.approx(samples.max(), abs=1e-3)
    with pytest.raises(ConfigError, match="not known"):
        studio.song_file(song, LOCAL, "../song")
    # The released kind of model does not tell when words are sung.
    with pytest.raises(NotFoundError, match="lrc"):
        studio.song_file(song, LOCAL, "lrc")


def test_sound_is_heard_while_it_is_made(studio: JobService, finished: Finished) -> None:
    job = studio.submit("generate", {**REQUEST, "duration": 11.84}, LOCAL)
    live = studio.live_audio(job.id, LOCAL)
    pieces, unfinished = [], 0
    for piece in live:
        unfinished += not studio.job(job.id, LOCAL).over
        pieces.append(piece)
    assert unfinished > 1, "sound came only when everything was finished"
    heard = np.frombuffer(b"".join(pieces), "<i2").reshape(-1, live.channels)
    assert (live.sample_rate, live.channels, len(heard)) == (48000, 2, 37 * 8 * 1920)
    done = finished(studio, job.id)
    stored, _ = soundfile.read(studio.song_file(done.songs[0], LOCAL))
    # The file is the same sound at another level.
    middle = slice(48000, 5 * 48000)
    assert np.corrcoef(heard[middle, 0], stored[middle, 0])[0, 1] > 0.99


def test_a_finished_song_is_heard_from_its_file(studio: JobService, song: str) -> None:
    whole = b"".join(studio.live_audio(song, LOCAL))
    stored, _ = soundfile.read(studio.song_file(song, LOCAL), dtype="int16")
    assert np.array_equal(np.frombuffer(whole, "<i2").reshape(-1, 2), stored)
    assert b"".join(studio.live_audio(song, LOCAL, start=1000)) == whole[1000:]
    assert b"".join(studio.live_audio(song, LOCAL, start=10**9)) == b""


def test_cancelling_within_a_block(studio: JobService, finished: Finished, until: Callable[..., None]) -> None:
    job = studio.submit("generate", LONG, LOCAL)
    until(lambda: studio.job(job.id, LOCAL).blocks_done > 0)
    studio.cancel(job.id, LOCAL)
    done = finished(studio, job.id)
    assert done.state == "cancelled" and done.songs == done.song_ids == () and done.blocks_done < 250
    assert list(studio.events(job.id, LOCAL))[-1].kind == "cancelled"
    with pytest.raises(NotFoundError):
        studio.live_audio(job.song_ids[0], LOCAL)


def test_a_request_that_fails_in_the_worker_says_why(studio: JobService, finished: Finished) -> None:
    job = finished(studio, studio.submit("generate", {**REQUEST, "lyrics": "[verse] ……"}, LOCAL).id)
    assert job.state == "failed" and job.attempts == 1
    assert job.error is not None and "lyrics" in job.error and "\n" not in job.error


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"lyrics": ""}, SongBloomError, "lyrics are empty"),
        ({"lyrics": 3}, ConfigError, "lyrics: must be a text"),
        ({"lyrics": "la " * 9000}, LimitError, "10000 are allowed"),
        ({"lyrics": "la \x00"}, SongBloomError, "no text"),
        ({"duration": 1e9}, ConfigError, "makes from"),
        ({"duration": "long"}, ConfigError, "duration: must be a number"),
        ({"duration": float("nan")}, ConfigError, "duration"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"seed": True}, ConfigError, "seed: must be"),
        ({"seed": 2**63}, ConfigError, "seed"),
        ({"sampling": {"steps": 900}}, LimitError, "steps 900: 200 are allowed"),
        ({"sampling": {"stepz": 9}}, ConfigError, "did you mean 'steps'"),
        ({"sampling": [1]}, ConfigError, "sampling: must be an object"),
        ({"preset": "fastest"}, ConfigError, "preset 'fastest'"),
        ({"style": "../../etc/passwd"}, StyleError, "paths are not taken"),
        ({"style": ""}, StyleError, "style"),
        ({"style": "style-" + "0" * 32}, NotFoundError, "no such style"),
        ({"model": "/etc"}, NotFoundError, "model '/etc' is not known"),
        ({"model": ".."}, NotFoundError, "not known"),
        ({"title": "x" * 201}, LimitError, "title"),
        ({"machine": {"precision": "float8"}}, ConfigError, "machine, precision: must be 'auto' or 'float32'"),
        ({"machine": {"threads": 900}}, ConfigError, "machine: 'threads' cannot be chosen"),
        ({"nonsense": 1}, ConfigError, "'nonsense' is not part of this request"),
        ({"instrumental": True}, SongBloomError, "instrumental has no lyrics"),
    ],
)
def test_requests_that_are_refused(studio: JobService, changes: dict[str, object], error: type, told: str) -> None:
    before = len(studio.jobs(LOCAL, limit=1000))
    with pytest.raises(error, match=told) as refused:
        studio.submit("generate", {**REQUEST, **changes}, LOCAL)
    assert "\n" not in str(refused.value)
    assert len(studio.jobs(LOCAL, limit=1000)) == before


def test_a_request_chooses_how_the_model_runs(studio: JobService, finished: Finished) -> None:
    other = {**REQUEST, "machine": {"optimisation": "minimal"}}
    assert studio.estimate(other) is None
    packed = []
    for request in (other, REQUEST):
        job = finished(studio, studio.submit("generate", request, LOCAL).id)
        assert job.state == "succeeded", job.error
        packed.append(studio.manifest(job.songs[0], LOCAL)["plan"]["packing"])
    assert packed == [False, True]
    assert studio.estimate(other) is not None


def test_what_else_is_refused(studio: JobService) -> None:
    for samples in (0, 9):
        with pytest.raises(LimitError, match="samples"):
            studio.submit("generate", REQUEST, LOCAL, samples=samples)
    with pytest.raises(ConfigError, match="job type 'sing'"):
        studio.submit("sing", REQUEST, LOCAL)
    with pytest.raises(ConfigError, match="priority 11"):
        studio.submit("generate", REQUEST, LOCAL, priority=11)


def test_a_style_that_is_a_file_of_the_server_is_not_read(
    studio: JobService, finished: Finished, tmp_path: Path
) -> None:
    """A bare name is no path either, wherever the worker runs."""
    job = finished(studio, studio.submit("generate", {**REQUEST, "style": "pyproject.toml"}, LOCAL).id)
    assert job.state == "failed" and "comes without styles" in str(job.error)


def test_an_uploaded_style(studio: JobService, finished: Finished, tmp_path: Path) -> None:
    style = studio.add_style(ANN, "My\nstyle/../x", tone(tmp_path, 220))
    assert style.name == "My style/../x" and style.seconds == pytest.approx(4)
    assert [found.id for found in studio.styles(ANN)] == [style.id] and studio.styles(BEN) == []
    assert read_audio(studio.style_file(style.id, ANN)).sample_rate == 44100
    with pytest.raises(NotFoundError):
        studio.submit("generate", {**REQUEST, "style": style.id}, BEN)
    job = finished(studio, studio.submit("generate", {**REQUEST, "style": style.id}, ANN).id)
    assert job.error is None
    assert studio.manifest(job.songs[0], ANN)["style"]["frames"] == 50
    with pytest.raises(NotFoundError):
        studio.delete_style(style.id, BEN)
    studio.delete_style(style.id, ANN)
    assert studio.styles(ANN) == []
    (tmp_path / "b.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(StyleError, match="the uploaded sound: not audio"):
        studio.add_style(ANN, "b", tmp_path / "b.wav")
    assert not list((Path(studio.plan.data_dir) / "styles").glob(".*"))


def test_a_sound_that_unpacks_to_hours_is_refused(studio: JobService, tmp_path: Path) -> None:
    silent = np.zeros((1, 48000 * 700), np.float32)
    write_audio(tmp_path / "long.flac", Waveform(silent, 48000), format="flac")
    assert (tmp_path / "long.flac").stat().st_size < 2**20
    with pytest.raises(StyleError, match="longer than the 600 s that are allowed"):
        studio.add_style(ANN, "long", tmp_path / "long.flac")


def test_songs_are_renamed_marked_found_and_brought_back(studio: JobService, finished: Finished) -> None:
    request = {**REQUEST, "title": "Harbour 100%", "lyrics": "[verse] Boats sleep under the moon."}
    job = finished(studio, studio.submit("generate", request, ANN, samples=2).id)
    first, second = job.songs
    assert {song.id for song in studio.songs(ANN, search="boats HARBOUR")} == {first, second}
    assert {song.id for song in studio.songs(ANN, search="100%")} == {first, second}
    assert studio.songs(ANN, search="100_") == [] == studio.songs(BEN, search="boats")
    assert studio.rename(first, ANN, "  The  pier ").title == "The pier"
    assert [song.id for song in studio.songs(ANN, search="pier")] == [first]
    studio.favourite(second, ANN)
    assert [song.id for song in studio.songs(ANN, favourite=True)] == [second]
    with pytest.raises(ConfigError):
        studio.rename(first, ANN, " ")
    page = studio.songs(ANN, search="boats", limit=1)
    rest = studio.songs(ANN, search="boats", before=page[0].id)
    assert [song.id for song in page + rest] == [second, first]
    studio.delete(first, ANN)
    assert [song.id for song in studio.songs(ANN, search="boats")] == [second]
    assert [song.id for song in studio.songs(ANN, deleted=True)] == [first]
    for act in (studio.song, studio.song_file, studio.delete, studio.live_audio):
        with pytest.raises(NotFoundError):
            act(first, ANN)
    studio.undelete(first, ANN)
    assert studio.song(first, ANN).deleted is None
    with pytest.raises(ConflictError):
        studio.undelete(first, ANN)
    for act in (studio.song, studio.song_file, studio.delete, studio.live_audio, studio.manifest, studio.favourite):
        with pytest.raises(NotFoundError):
            act(second, BEN)


def test_a_song_goes_on_and_is_repainted(studio: JobService, finished: Finished, song: str) -> None:
    job = finished(studio, studio.submit("extend", {"song": song, "duration": 1.28, "seed": 5}, LOCAL, samples=2).id)
    assert job.error is None and job.state == "succeeded"
    first, second = (studio.song(id, LOCAL) for id in job.songs)
    assert first.parents == (song,) and first.kind == "extend" and first.title == studio.song(song, LOCAL).title
    assert first.seconds == second.seconds == pytest.approx(1.6 + 1.28) and (first.seed, second.seed) == (5, 6)
    kept = read_audio(studio.song_file(song, LOCAL)).samples[:, : int(0.64 * 48000)]
    longer = read_audio(studio.song_file(first.id, LOCAL)).samples
    assert np.array_equal(longer[:, : kept.shape[1]], kept)
    assert b"".join(studio.live_audio(first.id, LOCAL))
    request = {"song": first.id, "start": 0.64, "end": 1.6, "candidates": 1, "title": "Anew"}
    job = finished(studio, studio.submit("repaint", request, LOCAL).id)
    assert job.error is None
    anew = studio.song(job.songs[0], LOCAL)
    assert anew.title == "Anew" and anew.seconds == first.seconds and anew.parents == (first.id,)
    with pytest.raises(NotFoundError, match="no such song"):
        studio.submit("extend", {"song": song}, ANN)
    with pytest.raises(ConfigError, match="end: is missing"):
        studio.submit("repaint", {"song": song, "start": 0.0}, LOCAL)
    with pytest.raises(ConfigError, match=r"start 1 s, end 9 s: .* within the song's 1\.6 s"):
        studio.submit("repaint", {"song": song, "start": 1.0, "end": 9.0}, LOCAL)
    with pytest.raises(LimitError, match="can go on for 78"):
        studio.submit("extend", {"song": song, "duration": 500.0}, LOCAL)
    assert studio.estimate({"song": song, "duration": 1.28}, kind="extend")


def test_other_takes_of_a_song(studio: JobService, finished: Finished, song: str) -> None:
    asked = {"song": song, "temperature": 0.7, "seed": 9}
    job = finished(studio, studio.submit("variations", asked, LOCAL, samples=2).id)
    assert job.error is None and len(job.songs) == 2
    first, second = (studio.song(id, LOCAL) for id in job.songs)
    assert (first.seed, second.seed, first.kind, first.parents) == (9, 10, "variations", (song,))
    assert first.title == studio.song(song, LOCAL).title and first.seconds == pytest.approx(1.6)
    manifest = studio.manifest(first.id, LOCAL)
    assert manifest["sampling"]["temperature"] == 0.7 and manifest["edit"]["kind"] == "variation"
    assert b"".join(studio.live_audio(first.id, LOCAL))
    job = finished(studio, studio.submit("variations", {"song": song, "keep_blocks": 4, "seed": 4}, LOCAL).id)
    assert job.error is None
    kept = read_audio(studio.song_file(song, LOCAL)).samples[:, : int(0.3 * 48000)]
    assert np.array_equal(read_audio(studio.song_file(job.songs[0], LOCAL)).samples[:, : kept.shape[1]], kept)
    for wrong, told in (
        ({"keep_blocks": 5}, "the song has 5; keep from 0 to 4"),
        ({"keep_blocks": 1, "keep_sketch": True}, "one or the other"),
        ({"style_strength": 3.0}, "style_strength 3: must be from 0 to 2"),
        ({"temperature": 99.0}, "temperature = 99"),
    ):
        with pytest.raises(ConfigError, match=told):
            studio.submit("variations", {"song": song, **wrong}, LOCAL)
    with pytest.raises(ConfigError, match="song: is missing"):
        studio.submit("variations", {}, LOCAL)


def test_where_files_lie_stands_in_no_manifest(studio: JobService, finished: Finished, song: str) -> None:
    for kind, request in (("variations", {"song": song}), ("extend", {"song": song, "duration": 0.64})):
        job = finished(studio, studio.submit(kind, request, LOCAL).id)
        manifest = studio.manifest(job.songs[0], LOCAL)
        assert manifest["edit"]["request"]["song"] == song
        assert studio.plan.data_dir not in json.dumps(manifest)
        assert read_tags(studio.song_file(job.songs[0], LOCAL)).manifest == manifest


def tone(folder: Path, hertz: float) -> Path:
    time = np.arange(4 * 44100) / 44100
    sound = 0.2 * np.sin(2 * np.pi * hertz * time) * (1 + 0.5 * np.sin(3 * time))
    path = folder / f"{hertz:g}.wav"
    write_audio(path, Waveform(sound[None].astype(np.float32), 44100), format="wav")
    return path


def test_styles_are_mixed(studio: JobService, finished: Finished, tmp_path: Path) -> None:
    first, second = (studio.add_style(ANN, name, tone(tmp_path, hertz)).id for name, hertz in (("a", 220), ("b", 330)))
    text = f"{first}:0.75 {second}:0.25"
    in_style = finished(studio, studio.submit("generate", {**REQUEST, "style": text}, ANN).id)
    assert in_style.error is None
    parts = studio.manifest(in_style.songs[0], ANN)["style"]["parts"]
    assert [(part["source"]["file"], part["weight"]) for part in parts] == [
        (f"{first}.flac", 0.75),
        (f"{second}.flac", 0.25),
    ]
    assert studio.song(in_style.songs[0], ANN).style == text
    shares = [{"style": first, "weight": 3}, {"style": second, "weight": 1}]
    mixed = finished(studio, studio.submit("mix", {**REQUEST, "styles": shares}, ANN, samples=2).id)
    assert mixed.error is None and [studio.song(id, ANN).seed for id in mixed.songs] == [3, 4]
    assert mixed.request["method"] == "embeddings" and mixed.request["styles"] == shares
    sounds = [read_audio(studio.song_file(songs[0], ANN)).samples for songs in (in_style.songs, mixed.songs)]
    assert np.allclose(*sounds, atol=2e-3)
    alone = finished(studio, studio.submit("mix", {**REQUEST, "styles": shares, "method": "latents"}, ANN).id)
    assert studio.manifest(alone.songs[0], ANN)["style"]["method"] == "latents"
    with pytest.raises(NotFoundError):
        studio.submit("generate", {**REQUEST, "style": text}, BEN)
    with pytest.raises(NotFoundError):
        studio.submit("mix", {**REQUEST, "styles": shares}, BEN)
    for wrong, told in (
        ({"styles": shares[:1]}, "1 style; 2 to 8"),
        ({"styles": [*shares, shares[0]], "spherical": True}, "between two styles, not 3"),
        ({"styles": [{"style": text, "weight": 1}, shares[0]]}, "is a mix itself"),
        ({"styles": [{"style": "a", "weight": 0}, shares[0]]}, "more than 0"),
        ({"styles": [{"style": "../a", "weight": 1}, shares[0]]}, "paths are not taken"),
        ({"styles": [first, second]}, "each is an object"),
    ):
        with pytest.raises(StyleError, match=told):
            studio.submit("mix", {**REQUEST, **wrong}, ANN)
    with pytest.raises(ConfigError, match="styles: must be a list"):
        studio.submit("mix", {**REQUEST, "styles": text}, ANN)


def test_songs_on_the_way_from_one_style_to_another(studio: JobService, finished: Finished, tmp_path: Path) -> None:
    first, second = (studio.add_style(ANN, name, tone(tmp_path, hertz)).id for name, hertz in (("a", 110), ("b", 440)))
    asked = {**REQUEST, "first": first, "second": second, "steps": 3}
    job = studio.submit("interpolate", asked, ANN)
    assert len(job.song_ids) == 3
    done = finished(studio, job.id)
    assert done.error is None and done.songs == done.song_ids
    songs = [studio.song(id, ANN) for id in done.songs]
    assert [song.seed for song in songs] == [3, 3, 3]
    assert [song.style for song in songs] == [first, f"{first}:0.5 {second}:0.5", second]
    end = finished(studio, studio.submit("generate", {**REQUEST, "style": second}, ANN).id)
    alone, last = (read_audio(studio.song_file(id, ANN)).samples for id in (end.songs[0], songs[2].id))
    assert np.allclose(alone, last, atol=2e-3)
    for wrong, error, told in (
        ({"steps": 1}, ConfigError, "steps 1: from 2"),
        ({"steps": 9}, LimitError, "steps 9: up to 8"),
        ({"first": f"{first}:1 {second}:1"}, StyleError, "is a mix itself"),
        ({"method": "air"}, ConfigError, "method: must be 'latents' or"),
    ):
        with pytest.raises(error, match=told):
            studio.submit("interpolate", {**asked, **wrong}, ANN)
    with pytest.raises(ConfigError, match="leave it out"):
        studio.submit("interpolate", asked, ANN, samples=2)


def test_models_lyrics_and_estimates(studio: JobService, song: str, until: Callable[..., None]) -> None:
    models = {model.name: model for model in studio.models()}
    default = next(model for model in models.values() if model.default)
    assert default.problem is None and default.block_seconds == 0.32 and default.real_time_factor
    assert models["embedded"].problem is None and models["embedded"].styles > 3
    missing = models["songbloom_full_150s"].problem
    assert missing is not None and "songbloom models download" in missing
    report = studio.check_lyrics("[verse] City lights.", duration=1)
    assert report.prepared.ids and [finding.code for finding in report.prepared.findings] == ["too-long"]
    once, thrice = studio.estimate(REQUEST), studio.estimate(REQUEST, samples=3)
    assert once is not None and thrice == pytest.approx(3 * once)
    assert studio.estimate({**REQUEST, "model": "embedded"}) is None
    assert [style.name for style in studio.styles(BEN, model="embedded")]
    health = studio.health()
    assert health.ready and len(health.workers) == 1
    assert studio.unload_model(default.name) == 1
    until(lambda: studio.health().workers[0].model is None)
    assert studio.load_model(default.name) == 1
    until(lambda: studio.health().workers[0].model == default.name)
    with pytest.raises(SongBloomError):
        studio.load_model("songbloom_full_150s")


def test_the_limits_are_those_of_the_plan(service_plan: Callable[..., ServicePlan], tmp_path: Path) -> None:
    limits = JobLimits(max_queued=1, max_duration=2.0, max_samples=2)
    service = JobService(service_plan(tmp_path, limits=limits))
    service.start(workers=False)
    with pytest.raises(LimitError, match="2 s are allowed"):
        service.submit("generate", {**REQUEST, "duration": 3.0}, LOCAL)
    job = service.submit("generate", {"lyrics": "la " * 100}, LOCAL, samples=2)
    assert job.request["duration"] == 2.0 and job.request["seed"] >= 0
    with pytest.raises(SongBloomError, match="wait already; try again in"):
        service.submit("generate", REQUEST, LOCAL)
    service.stop()


def test_the_service_needs_no_torch() -> None:
    program = "import sys, songbloom_x2.jobs.service; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_plan_travels_as_json(service_plan: Callable[..., ServicePlan], tmp_path: Path) -> None:
    plan = service_plan(tmp_path, workers=3)
    assert ServicePlan.from_json(plan.to_json()) == plan
