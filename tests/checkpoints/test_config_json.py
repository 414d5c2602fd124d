import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.checkpoints.config_json import config_from_json, config_to_json
from songbloom_x2.config import (
    AlignmentConfig,
    LyricsConfig,
    OobleckConfig,
    PromptConfig,
    SamplingConfig,
    SketchLayout,
    SongConfig,
    TwoStemConfig,
)
from songbloom_x2.errors import CheckpointError

RELEASED = SongConfig("released", LyricsConfig(("", "a")), PromptConfig(), OobleckConfig(strides=(2, 4)))
EMBEDDED = dataclasses.replace(
    RELEASED,
    name="embedded",
    lyrics=LyricsConfig(("", "ɑ", "的"), pad=False, folding="sung"),
    codec=TwoStemConfig(),
    alignment=AlignmentConfig(SketchLayout(("", "AA"))),
    sampling=SamplingConfig(top_k=7, max_frames=12),
    diff_dim=256,
    diff_heads=4,
)


@pytest.mark.parametrize("config", [RELEASED, EMBEDDED])
def test_round_trip(config):
    text = json.dumps(config_to_json(config))
    assert config_from_json(json.loads(text), "x.json") == config


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text(), st.booleans())
def test_every_kind_of_value_survives(number, count, text, flag):
    sampling = SamplingConfig(cfg_lm=number, use_sampling=flag, max_frames=count)
    config = dataclasses.replace(EMBEDDED, name=text, lyrics=LyricsConfig((text, "b")), sampling=sampling)
    assert config_from_json(json.loads(json.dumps(config_to_json(config))), "x.json") == config


def test_left_out_keys_take_their_defaults():
    data = config_to_json(RELEASED)
    del data["sampling"], data["block_size"]
    assert config_from_json(data, "x.json") == RELEASED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(sise=1), "'config.sise' is unknown"),
        (lambda d: d["lyrics"].update(extra=1), "'config.lyrics.extra' is unknown"),
        (lambda d: d["alignment"]["layout"].update(extra=1), "'config.alignment.layout.extra' is unknown"),
        (lambda d: d["sampling"].update(extra=1), "'config.sampling.extra' is unknown"),
        (lambda d: d["codec"].update(strides=[2]), "'config.codec.strides' is unknown"),
        (lambda d: d["codec"].update(kind="mp3"), "'config.codec.kind' must be one of 'oobleck', 'two_stem'"),
        (lambda d: d["codec"].pop("kind"), "'config.codec.kind' must be one of"),
        (lambda d: d.pop("name"), "'config.name' is missing"),
        (lambda d: d["lyrics"].pop("vocabulary"), "'config.lyrics.vocabulary' is missing"),
        (lambda d: d.update(dim="64"), "'config.dim' is '64', not of type int"),
        (lambda d: d.update(dim=64.0), "not of type int"),
        (lambda d: d.update(dim=True), "not of type int"),
        (lambda d: d.update(hidden_scale=float("nan")), "not of type float"),
        (lambda d: d["lyrics"].update(vocabulary=["", 1]), "'config.lyrics.vocabulary[1]'"),
        (lambda d: d["lyrics"].update(vocabulary="abc"), "is not a list"),
        (lambda d: d["lyrics"].update(folding="flat"), "known are 'none', 'sung'"),
        (lambda d: d.update(lyrics=None), "'config.lyrics' is not a mapping"),
        (lambda d: d.update(diff_dim=1.5), "'config.diff_dim'"),
    ],
)
def test_strictness(change, message):
    data = config_to_json(EMBEDDED)
    change(data)
    with pytest.raises(CheckpointError) as caught:
        config_from_json(data, "x.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.json: ")
    assert "\n" not in str(caught.value)


def test_not_a_mapping():
    with pytest.raises(CheckpointError, match="'config' is not a mapping"):
        config_from_json([1], "x.json")
