"""``songbloom models`` and ``songbloom config show``, as users call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.cli import main
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.runtime.plan import resolve

GOLDEN = Path(__file__).parents[1] / "golden" / "edges"


@pytest.fixture(autouse=True)
def away_from_the_users_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What a command prints as JSON."""
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return json.loads(printed.out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The last line of a refusal."""
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


def test_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    models = told(capsys, "models", "list", "--json", "--models-dir", tmp_path / "m")["models"]
    names = ["embedded", "songbloom_full_150s", "songbloom_full_150s_dpo", "songbloom_full_240s"]
    assert [model["name"] for model in models] == names
    released = models[1]
    assert released["repository"] == "rsxdalv/SongBloom" and released["original"] == "CypressYang/SongBloom"
    assert "academic" in released["licence"] and released["path"] is None
    assert {file["sha256"] for file in released["files"]} == {None}
    (tmp_path / "config.yaml").write_text("models: {repository: my/mirror}\n")
    place = tmp_path / "m" / "songbloom_full_150s"
    place.mkdir(parents=True)
    (place / "songbloom_full_150s.yaml").write_text("model: {}\n")
    record = {"files": {"songbloom_full_150s.pt": {"bytes": 7, "sha256": "ab" * 32}}}
    (place / "download.json").write_text(json.dumps(record))
    released = told(capsys, "models", "list", "--json", "--models-dir", tmp_path / "m")["models"][1]
    assert released["repository"] == "my/mirror" and released["path"].endswith("songbloom_full_150s.yaml")
    assert {"name": "songbloom_full_150s.pt", "bytes": 7, "sha256": "ab" * 32} in released["files"]
    assert main(["models", "list"]) == 0
    assert "licence" in capsys.readouterr().out


def test_convert_and_info(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "new" / "edges"
    assert main(["models", "convert", str(GOLDEN), "--out", str(out), "--dtype", "bf16"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "model.safetensors"]
    before, after = (told(capsys, "models", "info", folder)["model"] for folder in (GOLDEN, out))
    assert (before["layout"], after["layout"]) == ("released", "native")
    assert before["parameters"] == after["parameters"]
    parts = dict(before["parameters"])
    assert parts.pop("all") == sum(parts.values()) and parts["codec"] > 0 and parts["sketch"] > 0
    assert before["bytes"]["stored"] == before["bytes"]["float32"] == 4 * before["parameters"]["all"]
    assert after["bytes"]["stored"] == after["bytes"]["bfloat16"] < after["bytes"]["float32"]
    assert after["config"] == before["config"] and "academic" in after["licence"]
    assert after["sha256"] == load_model(out, resolve(RuntimeConfig(device="cpu"))).hash
    assert "already" in refused(capsys, "models", "convert", GOLDEN, "--out", out)
    assert "our own format" in refused(capsys, "models", "convert", out, "--out", tmp_path / "again")
    assert "no such" in refused(capsys, "models", "convert", tmp_path / "none", "--out", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_info_of_what_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    info = told(capsys, "models", "info", "songbloom_full_240s")
    assert info["model"] is None and info["registry"]["original"] == "CypressYang/SongBloom_long"
    assert "did you mean 'songbloom_full_150s'" in refused(capsys, "models", "info", "songbloom_full_15s")


def test_a_download_asks_for_consent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["models", "download", "songbloom_full_150s"]) == 2
    printed = capsys.readouterr().err
    assert "licence: academic use only" in printed.splitlines()[0]
    assert "--accept-licence" in printed.splitlines()[-1]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = refused(capsys, "models", "download", "songbloom_full_150s", "--accept-licence")
    assert "HF_HUB_OFFLINE" in line
    assert "nothing to download" in refused(capsys, "models", "download", "embedded")
    assert "did you mean 'songbloom_full_240s'" in refused(capsys, "models", "download", "songbloom_full_240")


def test_config_show(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("output:\n  format: wav\nsampling:\n  steps: 9\n")
    monkeypatch.setenv("SONGBLOOM_SAMPLING_TOP_K", "7")
    arguments = ["config", "show", "--threads", "2", "--set", "sampling.top_p=0.5", "--loudness", "off"]
    rows = {row["key"]: row for row in told(capsys, *arguments, "--json")["settings"]}
    shown = {name: (rows[name]["value"], rows[name]["origin"], rows[name]["where"]) for name in rows}
    assert shown["output.format"] == ("wav", "file", "config.yaml")
    assert shown["sampling.top_k"] == (7, "environment", "SONGBLOOM_SAMPLING_TOP_K")
    assert shown["runtime.threads"] == (2, "flag", "--threads")
    assert shown["sampling.top_p"] == (0.5, "flag", "--set sampling.top_p")
    assert shown["output.loudness"] == (None, "flag", "--loudness")
    assert shown["runtime.device"] == ("auto", "default", "config.py")
    assert "model's own" in shown["sampling.penalty"][2]
    assert main(arguments) == 0
    assert "sampling.steps" in capsys.readouterr().out
    assert "did you mean 'sampling.steps'" in refused(capsys, "config", "show", "--set", "sampling.step=9")
    assert "from 1 to 1000" in refused(capsys, "config", "show", "--set", "sampling.steps=0")
    (tmp_path / "config.yaml").write_text("outptu:\n  format: wav\n")
    assert "did you mean 'output.format'" in refused(capsys, "config", "show")


def test_a_song_takes_its_defaults_from_file_and_environment(
    endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"models: {{folder: {endless_model.parent}, default: {endless_model.name}}}\n"
    (tmp_path / "settings.yaml").write_text(
        text + "sampling: {steps: 1, top_k: 5}\noutput: {format: wav, loudness: off}\n"
    )
    monkeypatch.setenv("SONGBLOOM_SAMPLING_TOP_K", "6")
    arguments = ["--lyrics", "[verse] City lights.", "--duration", "0.32", "--config", "settings.yaml"]
    assert main(["generate", *arguments, "--set", "temperature=0.5"]) == 0, capsys.readouterr().err
    manifest = json.loads((tmp_path / "song.json").read_text())
    assert manifest["file"]["name"] == "song.wav" and manifest["file"]["loudness"] is None
    assert manifest["request"]["sampling"] == {"steps": 1, "top_k": 6, "temperature": 0.5}
