"""Defaults < file < environment < flags, each with its origin; what is no setting is named with its nearest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.config import ModelsConfig, OutputConfig, RuntimeConfig, SamplingConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.settings.folders import models_folder
from songbloom_x2.settings.keys import all_keys, documentation
from songbloom_x2.settings.resolve import Settings, resolve_settings


def resolved(
    folder: Path, text: str = "", flags: dict[str, tuple[str, Any]] | None = None, **variables: str
) -> Settings:
    """Settings with ``text`` as config.yaml in ``folder`` and only these variables."""
    if text:
        (folder / "config.yaml").write_text(text, encoding="utf-8")
    return resolve_settings(flags, environment={"HOME": str(folder / "home"), **variables}, folder=folder)


def test_nothing_given_is_config_py(tmp_path: Path) -> None:
    settings = resolved(tmp_path)
    assert settings.section(RuntimeConfig) == RuntimeConfig()
    assert settings.section(OutputConfig) == OutputConfig()
    assert settings.section(ModelsConfig) == ModelsConfig()
    assert settings.section(SamplingConfig) == SamplingConfig()
    assert settings.given("sampling") == {}
    assert {setting.origin for setting in settings} == {"default"}


def test_each_layer_overrides_the_one_before(tmp_path: Path) -> None:
    text = "runtime:\n  device: cpu\n  threads: 1\n  batch_size: 2\nsampling:\n  steps: 3\n  penalty: 1e0\n"
    flags = {"runtime.batch_size": ("--batch-size", 9)}
    settings = resolved(
        tmp_path,
        text,
        flags,
        SONGBLOOM_RUNTIME_THREADS="5",
        SONGBLOOM_RUNTIME_BATCH_SIZE="6",
        SONGBLOOM_OUTPUT_LOUDNESS="off",
    )
    told = {setting.key.name: (setting.value, setting.origin, setting.where) for setting in settings}
    assert told["runtime.device"] == ("cpu", "file", str(tmp_path / "config.yaml"))
    assert told["runtime.threads"] == (5, "environment", "SONGBLOOM_RUNTIME_THREADS")
    assert told["runtime.batch_size"] == (9, "flag", "--batch-size")
    assert told["runtime.attention"] == ("auto", "default", "config.py")
    assert settings["output.loudness"] is None
    assert settings.given("sampling") == {"steps": 3, "penalty": 1.0}


def test_the_file_here_comes_before_the_users_and_a_named_one_before_both(tmp_path: Path) -> None:
    users = tmp_path / "xdg" / "songbloom" / "config.yaml"
    users.parent.mkdir(parents=True)
    users.write_text("runtime: {threads: 1}\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    here = tmp_path / "here"
    here.mkdir()
    assert resolve_settings(environment=environment, folder=here)["runtime.threads"] == 1
    (here / "config.yaml").write_text("runtime: {threads: 2}\n")
    assert resolve_settings(environment=environment, folder=here)["runtime.threads"] == 2
    named = tmp_path / "other.yaml"
    named.write_text("runtime: {threads: 3}\n")
    assert resolve_settings(config=named, environment=environment, folder=here)["runtime.threads"] == 3
    with pytest.raises(ConfigError, match="no such file"):
        resolve_settings(config=tmp_path / "none.yaml", environment=environment, folder=here)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runtime:\n  devise: cpu\n", "'runtime.devise' is no setting: did you mean 'runtime.device'?"),
        ("runtme:\n  device: cpu\n", "did you mean 'runtime.device'?"),
        ("device: cpu\n", "did you mean 'runtime.device'?"),
        ("runtime:\n  device: tpu\n", "must be 'auto' or 'cpu'"),
        ("runtime:\n  threads: many\n", "must be a whole number"),
        ("runtime:\n  batch_size: 1.5\n", "must be a whole number"),
        ("runtime:\n  tf32: 1\n", "must be true or false"),
        ("output:\n  loudness: 3\n", "from -70 to 0"),
        ("output:\n  format: aac\n", "'wav' or 'flac'"),
        ("- a list\n", "sections"),
        ("a: [", "line 1: not YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "not YAML"),
        ("\x00", "not YAML"),
        ("1: 2\n", "'1' is no setting"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        resolved(tmp_path, text)
    assert said in str(refused.value) and str(tmp_path / "config.yaml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_variables_and_keys_of_flags(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SONGBLOOM_RUNTIME_DEVICE"):
        resolved(tmp_path, SONGBLOOM_RUNTIME_DEVIC="cpu")
    with pytest.raises(ConfigError, match=re.escape("SONGBLOOM_RUNTIME_THREADS = 'x': must be a whole number")):
        resolved(tmp_path, SONGBLOOM_RUNTIME_THREADS="x")
    with pytest.raises(ConfigError, match=re.escape("did you mean 'sampling.steps'?")):
        resolved(tmp_path, flags={"sampling.stps": ("--set", "3")})
    settings = resolved(tmp_path, SONGBLOOM_TORCH_INDEX="an index", SONGBLOOM_RUNTIME_DEVICE="")
    assert {setting.origin for setting in settings} == {"default"}


def test_every_key_is_documented() -> None:
    told = documentation()
    assert [name for name in all_keys() if not told.get(name)] == []
    assert all(told[section] for section in ("models", "sampling", "runtime", "output"))


@given(st.text(max_size=200), st.sampled_from(["RUNTIME_THREADS", "OUTPUT_LOUDNESS", "RUNTIME_TF32"]))
def test_any_text_as_a_variable_is_taken_or_refused(text: str, name: str) -> None:
    variable = f"SONGBLOOM_{name}"
    try:
        resolve_settings(environment={"HOME": "/nowhere", variable: text}, folder=Path("/nowhere"))
    except ConfigError as error:
        assert variable in str(error)


def test_where_models_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert models_folder("some/place", {}) == Path("some/place")
    assert models_folder(None, {"HOME": "/home/me"}) == Path("/home/me/.local/share/songbloom/models")
    assert models_folder(None, {"XDG_DATA_HOME": "/data", "HOME": "/home/me"}) == Path("/data/songbloom/models")
