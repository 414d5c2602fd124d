"""What is embedded in a song file is read back, and the sound stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.encode import encode_audio
from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.audio.formats import FORMATS, format_named
from songbloom_x2.audio.tags import Tags, embed, read_tags
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform

NAMES = [known.name for known in FORMATS]
SOUND = Waveform((np.sin(np.arange(9600) / 20)[None] / 2).astype(np.float32), 48000)

text = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
manifests = st.one_of(st.none(), st.dictionaries(st.text(), json, max_size=4))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from(NAMES), text, text, text, manifests, st.booleans())
def test_tags_are_read_back(
    tmp_path: Path,
    format: str,
    title: str | None,
    lyrics: str | None,
    comment: str | None,
    manifest: dict[str, Any] | None,
    made: bool,
) -> None:
    tags = Tags(title, lyrics, comment, manifest, made)
    path = tmp_path / f"a.{format}"
    write_audio(path, SOUND, format=format, tags=tags)
    assert read_tags(path) == tags


@pytest.mark.parametrize("format", NAMES)
def test_a_long_manifest_does_not_touch_the_sound(tmp_path: Path, format: str) -> None:
    tags = Tags("Song", "la\nla", "none", {"lyrics": "é" * 200_000, "seed": 7})
    write_audio(tmp_path / "tagged", SOUND, format=format, tags=tags)
    write_audio(tmp_path / "plain", SOUND, format=format)
    np.testing.assert_array_equal(read_audio(tmp_path / "tagged").samples, read_audio(tmp_path / "plain").samples)
    assert read_tags(tmp_path / "tagged").manifest == tags.manifest


@pytest.mark.parametrize("format", NAMES)
def test_a_file_says_that_a_machine_made_it(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    write_audio(path, SOUND, format=format, tags=Tags())
    assert read_tags(path).ai_generated
    everything = str(mutagen.File(path).tags)
    assert "AI_GENERATED" in everything.upper() and "trainedAlgorithmicMedia" in everything
    write_audio(path, SOUND, format=format, tags=Tags(ai_generated=False))
    assert not read_tags(path).ai_generated


@pytest.mark.parametrize("format", NAMES)
def test_new_tags_replace_the_old(tmp_path: Path, format: str) -> None:
    data = encode_audio(SOUND, format=format, tags=Tags("old", "old", "old", {"old": 1})).data
    path = tmp_path / f"a.{format}"
    path.write_bytes(embed(data, format_named(format), Tags("new")))
    assert read_tags(path) == Tags("new")
    assert read_audio(path).samples.shape == SOUND.samples.shape


@pytest.mark.parametrize("format", NAMES)
def test_a_file_without_tags_has_none(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    write_audio(path, SOUND, format=format)
    assert read_tags(path) == Tags(ai_generated=False)


def test_signs_that_no_tag_can_hold_are_left_out(tmp_path: Path) -> None:
    for format in NAMES:
        path = tmp_path / f"a.{format}"
        write_audio(path, SOUND, format=format, tags=Tags("a\0b\ud800c", "\0", ""))
        assert read_tags(path) == Tags("abc")


def test_a_manifest_must_be_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_audio(SOUND, tags=Tags(manifest={"loss": float("nan")}))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be read"):
        read_tags(tmp_path / "none.flac")
    (tmp_path / "text.txt").write_text("la la la")
    with pytest.raises(AudioError, match="not an audio file"):
        read_tags(tmp_path / "text.txt")


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, SOUND, format="flac")
    file = mutagen.File(path)
    file["SONGBLOOM_MANIFEST"] = text
    file.save()
    with pytest.raises(AudioError, match="manifest is damaged"):
        read_tags(path)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from(NAMES), st.data())
def test_damaged_tags_never_raise_anything_else(tmp_path: Path, format: str, data: st.DataObject) -> None:
    damaged = bytearray(encode_audio(SOUND, format=format, tags=Tags("Song", "la", "none", {"seed": 1})).data)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a.{format}"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        read_tags(path)
    except AudioError as error:
        assert "\n" not in str(error)
