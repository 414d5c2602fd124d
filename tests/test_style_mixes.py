"""Mixes of styles: how they are written, what is refused, and what reaches the model."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.conditioning.mixing import blended, of_one_length
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.editing.memory import opened
from songbloom_x2.editing.style_file import read_style_file, style_bytes
from songbloom_x2.errors import StyleError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.style_mixes import checked_mix, is_mix, mix_of, parse_mix
from songbloom_x2.types import SongRequest, StyleMix

LYRICS = "[verse] City lights are calling me home."
NAMES = st.text(st.characters(categories=("L", "N"), include_characters="-_. "), min_size=1, max_size=12).filter(
    lambda name: name.strip() == name and name
)


@pytest.fixture(scope="module")
def pipeline(aligned_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(aligned_model, RuntimeConfig(device="cpu"))


@given(st.lists(st.tuples(NAMES, st.floats(1e-3, 1e3)), min_size=2, max_size=8))
def test_what_is_written_is_read(parts: list[tuple[str, float]]) -> None:
    text = " ".join(f"{name}:{weight!r}" for name, weight in parts)
    mix = parse_mix(text)
    assert is_mix(text) and [name for name, _ in mix.parts] == [name for name, _ in parts]
    total = sum(weight for _, weight in parts)
    assert sum(weight for _, weight in mix.parts) == pytest.approx(1)
    for (_, weight), (_, given_weight) in zip(mix.parts, parts, strict=True):
        assert weight == pytest.approx(given_weight / total)


@pytest.mark.parametrize(
    "text", ["country female slow", "rock-glen", "C:\\songs\\a.wav", "/songs/a.wav", "a: b", "9:16"[:1]]
)
def test_what_is_no_mix(text: str) -> None:
    assert not is_mix(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rock:0 soul:1", "must be more than 0"),
        ("rock:-1 soul:1", "must be more than 0"),
        ("rock:nan soul:1", "must be more than 0"),
        ("rock:inf soul:1", "must be more than 0"),
        ("rock:0.5", "2 to 8 can be mixed"),
        ("rock:0.5 soul", "has no weight"),
        ("rock:0.5 soul:", "is no number"),
        ("rock:0.5 soul:much", "is no number"),
        (" ".join(f"s{i}:1" for i in range(9)), "2 to 8"),
        ("rock:1e308 soul:1e308", "too large"),
        ("nowhere.wav:0.5 soul:0.5", "no such file"),
        ("xylophonics:0.5 soul:0.5", "describes no style"),
    ],
)
def test_what_cannot_be_mixed(pipeline: SongPipeline, text: str, said: str) -> None:
    with pytest.raises(StyleError, match=said) as error:
        pipeline.encode_style(text)
    assert "\n" not in str(error.value)


def test_parts_without_text() -> None:
    with pytest.raises(StyleError, match="no weight"):
        mix_of(["rock"])
    with pytest.raises(StyleError, match="more than 0"):
        checked_mix(StyleMix((("a", True), ("b", 1.0))))


@pytest.mark.parametrize("method", ["latents", "embeddings", "guidance"])
def test_all_of_one_style_is_that_style(pipeline: SongPipeline, method: str) -> None:
    """A mix of a style with itself makes the very song that the style makes."""
    mix = StyleMix((("rock-glen", 0.3), ("rock-glen", 0.7)), method)  # type: ignore[arg-type]  # one of the words
    request = SongRequest(LYRICS, seed=3, duration=1.5)
    plain = pipeline.generate(request, style=pipeline.encode_style("rock-glen"))[0]
    mixed = pipeline.generate(request, style=pipeline.mix_styles(mix))[0]
    assert np.array_equal(plain.tokens, mixed.tokens)
    assert np.abs(plain.latents - mixed.latents).max() < 1e-3


@pytest.mark.parametrize("method", ["latents", "embeddings", "guidance"])
def test_every_method_is_its_own_and_in_between(pipeline: SongPipeline, method: str) -> None:
    request = SongRequest(LYRICS, seed=3, duration=1.5)

    def made(weight: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        mix = StyleMix((("rock-glen", 1 - weight), ("soul-edie", weight)), method)  # type: ignore[arg-type]  # a word
        # One tempo and key: what is left is the sound.
        style = dataclasses.replace(pipeline.mix_styles(mix), tempo=100.0, key=3)
        song = pipeline.generate(request, style=style)[0]
        assert song.manifest["style"]["method"] == method
        return song.latents

    first, middle, last = made(1e-6), made(0.5), made(1 - 1e-6)
    whole = np.linalg.norm(first - last)
    assert np.linalg.norm(first - middle) > 0 and np.linalg.norm(middle - last) > 0 and whole > 0


def test_the_methods_differ(pipeline: SongPipeline) -> None:
    request = SongRequest(LYRICS, seed=3, duration=1.5)
    parts = (("rock-glen", 0.5), ("soul-edie", 0.5))
    songs = [
        pipeline.generate(request, style=pipeline.mix_styles(StyleMix(parts, method)))[0].latents
        for method in ("latents", "embeddings", "guidance")
    ]
    assert all(not np.array_equal(one, other) for one, other in ((songs[0], songs[1]), (songs[1], songs[2])))


def test_tempo_key_and_notes(pipeline: SongPipeline) -> None:
    style = pipeline.encode_style("rock-glen:3 soul-edie:1")
    assert style.tempo == pytest.approx(140**0.75 * 100**0.25) and style.key == 19
    assert style.name == "rock-glen:0.75 soul-edie:0.25" and style.notes[0].startswith("mixed in")
    assert [(part.name, part.weight) for part in style.parts] == [("rock-glen", 0.75), ("soul-edie", 0.25)]


def test_sounds_are_brought_to_one_loudness(pipeline: SongPipeline, tmp_path: Path) -> None:
    rate = 48000
    time = np.arange(3 * rate) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6)) * (1 + np.sin(9 * time)) / 12
    tone = np.sin(2 * np.pi * 880 * time) * (1 + np.sin(5 * time)) / 4
    for name, sound in (("chord", chord), ("tone", tone), ("quiet", 0.05 * tone)):
        soundfile.write(tmp_path / f"{name}.wav", sound, rate, subtype="FLOAT")
    loud = pipeline.encode_style(f"{tmp_path}/chord.wav:0.5 {tmp_path}/tone.wav:0.5")
    quiet = pipeline.encode_style(f"{tmp_path}/chord.wav:0.5 {tmp_path}/quiet.wav:0.5")
    assert torch.allclose(loud.parts[1].latents, quiet.parts[1].latents, atol=1e-3)
    alone = pipeline.encode_style(str(tmp_path / "quiet.wav"))
    assert not torch.allclose(alone.latents, quiet.parts[1].latents, atol=1e-2)


def test_a_model_without_alignment_mixes_too(endless_model: Path) -> None:
    pipeline = SongPipeline.from_pretrained(endless_model, RuntimeConfig(device="cpu"))
    sound = np.random.default_rng(0).normal(size=(2, 8, 40)).astype(np.float32)
    from songbloom_x2.style_shelf import mixed
    from songbloom_x2.types import Style

    styles = [Style("a", torch.from_numpy(sound[0])), Style("b", torch.from_numpy(sound[1]))]
    request = SongRequest(LYRICS, seed=3, duration=1.0)
    found = []
    for method in ("latents", "embeddings", "guidance"):
        mix = StyleMix((("a", 0.5), ("b", 0.5)), method)  # type: ignore[arg-type]  # one of the words
        found.append(pipeline.generate(request, style=mixed(styles, mix))[0])
    # The prompt's rows are linear in its latents: there the first two are the same.
    assert np.abs(found[0].latents - found[1].latents).max() < 1e-4
    assert not np.array_equal(found[1].latents, found[2].latents)


def test_a_saved_style_is_the_same(pipeline: SongPipeline, tmp_path: Path) -> None:
    style = pipeline.encode_style("rock-glen:0.7 soul-edie:0.3")
    data = style_bytes(style, pipeline.description["sha256"])
    path = tmp_path / "mine.style.safetensors"
    path.write_bytes(data)
    again = read_style_file(path, pipeline.config.latent_dim, pipeline.description["sha256"])
    request = SongRequest(LYRICS, seed=3, duration=1.0)
    one, other = (pipeline.generate(request, style=each)[0] for each in (style, again))
    assert np.array_equal(one.waveform.samples, other.waveform.samples)
    assert one.memory is not None
    kept = opened(one.memory).style
    assert kept is not None and [part.name for part in kept.parts] == ["rock-glen", "soul-edie"]
    renamed = data.replace(b"songbloom-style", b"songbloom-other")
    for damage, said in ((data[:-50], "damaged"), (b"", "damaged"), (renamed, "not a style")):
        path.write_bytes(damage)
        with pytest.raises(StyleError, match=said):
            pipeline.encode_style(path)
    path.write_bytes(data)
    with pytest.raises(StyleError, match="another kind of model"):
        read_style_file(path, 64, "")


@pytest.mark.long
def test_from_the_command_line(aligned_model: Path, tmp_path: Path) -> None:
    import os

    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "songbloom_x2", *map(str, arguments), "--model", str(aligned_model)]
        return subprocess.run(command, capture_output=True, text=True, timeout=1200, env=environment, cwd=tmp_path)

    made = run("style", "mix", "rock-glen:0.7", "soul-edie:0.3", "--out", "mine", "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert Path(told["file"]) == tmp_path / "data/songbloom/styles/mine.style.safetensors"
    assert told["parts"] == {"rock-glen": 0.7, "soul-edie": 0.3}
    song = run("generate", "--lyrics", LYRICS, "--style", "mine", "--duration", "0.64", "--out", tmp_path / "a.flac")
    assert song.returncode == 0, song.stderr
    style = json.loads((tmp_path / "a.json").read_text())["style"]
    assert style["name"] == "mine" and [part["weight"] for part in style["parts"]] == [0.7, 0.3]
    for out, said in (("rock-glen", "comes with the model"), ("../mine", "plain name"), ("a:b", "plain name")):
        refused = run("style", "mix", "rock-glen:0.7", "soul-edie:0.3", "--out", out)
        assert refused.returncode == 2 and said in refused.stderr and refused.stderr.count("\n") == 1
    refused = run("style", "mix", "rock-glen:0.7", "soul-edie:0", "--out", "b")
    assert refused.returncode == 2 and "more than 0" in refused.stderr


@given(st.floats(0, 1), st.integers(0, 1000))
def test_on_the_sphere_lengths_go_from_one_to_the_other(share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    one, other = (torch.randn(3, 40, generator=generator) for _ in range(2))
    other = other * one.norm() / other.norm()
    turned = blended([one, other], [1 - share, share], spherical=True)
    assert math.isclose(float(turned.norm()), float(one.norm()), rel_tol=1e-4)
    straight = blended([one, other], [1 - share, share])
    assert float(straight.norm()) <= float(turned.norm()) * (1 + 1e-5)


def test_ends_of_the_sphere() -> None:
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    assert torch.allclose(blended([one, other], [1.0, 0.0], spherical=True), one)
    assert torch.allclose(blended([one, other], [0.0, 1.0], spherical=True), other)
    assert torch.allclose(blended([one, one], [0.5, 0.5], spherical=True), one)
    assert [part.shape[1] for part in of_one_length([torch.zeros(2, 3), torch.zeros(2, 7)])] == [7, 7]
