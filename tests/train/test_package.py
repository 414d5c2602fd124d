"""What describes the named styles of a packaged model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from songbloom_x2.train.package import style_tags


def test_tags_say_style_voice_and_sex() -> None:
    songs: Any = SimpleNamespace(songs=[SimpleNamespace(style="folk", voice=voice) for voice in ("alma", "hugo")])
    assert style_tags(songs, {"folk-alma": 0, "folk-hugo": 1}) == {
        "folk-alma": ("folk", "alma", "female"),
        "folk-hugo": ("folk", "hugo", "male"),
    }
