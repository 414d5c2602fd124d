import json
import re
from pathlib import Path

import pytest

from songbloom_x2.config import JobLimits, RuntimeConfig, SamplingConfig
from songbloom_x2.ui import languages
from songbloom_x2.ui.examples import example_groups
from songbloom_x2.ui.options import option_fields

SCRIPTS = sorted((languages.FOLDER.parent / "static" / "js").glob("*.js"))


def test_every_language_has_every_text() -> None:
    english = languages.texts("en")
    assert len(languages.language_names()) >= 2
    for code in languages.language_names():
        texts = languages.texts(code)
        assert texts.keys() == english.keys(), code
        for name, text in texts.items():
            assert text.strip(), f"{code}: {name}"
            assert _places(text) == _places(english[name]), f"{code}: {name}"


def test_every_text_that_the_page_names_is_there() -> None:
    english = languages.texts("en")
    named = {name for script in SCRIPTS for name in re.findall(r'\bt\("([^"]+)"', script.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert named <= english.keys()


def test_every_option_has_a_name_and_a_line_of_help() -> None:
    english = languages.texts("en")
    for field in option_fields(JobLimits(), RuntimeConfig()):
        assert {f"option.{field.name}", f"option.{field.name}.help", f"group.{field.group}"} <= english.keys()
        for choice in field.choices:
            assert f"option.{field.name}.{choice}" in english


def test_every_sampling_setting_can_be_chosen() -> None:
    offered = {field.name for field in option_fields(JobLimits(), RuntimeConfig()) if field.sampling}
    # The length is an option of its own, in seconds.
    assert offered == set(SamplingConfig.__dataclass_fields__) - {"max_frames"}


@pytest.mark.parametrize("group", example_groups(), ids=lambda group: group["language"])
def test_examples_are_lyrics_in_the_grammar(group: dict[str, object]) -> None:
    assert group["language"] in languages.language_names()
    examples = group["examples"]
    assert isinstance(examples, list)
    assert len(examples) >= 4
    for example in examples:
        assert {"title", "kind", "lyrics"} == example.keys()
        tags = re.findall(r"\[(\w+)\]", example["lyrics"])
        assert set(tags) <= {"intro", "verse", "chorus", "bridge", "inst", "outro"}
        assert tags


def test_languages_are_json_without_twice_the_same_name() -> None:
    for path in languages.FOLDER.glob("*.json"):
        json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_once)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
    return dict(pairs)


def _places(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))
