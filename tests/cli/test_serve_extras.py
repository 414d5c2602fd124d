"""The server and its page where their packages are not installed: one line that says what to install."""

from __future__ import annotations

import logging
import sys

import pytest

from songbloom_x2.cli import main
from songbloom_x2.cli.serve import _page, need_extra
from songbloom_x2.errors import MissingExtraError


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "sqlalchemy", "alembic"])
def test_without_its_packages_the_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    # What Python itself does with a package that cannot be found.
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"the server needs .*pip install 'songbloom-x2\[server\]'") as refused:
        need_extra("the server")
    assert "\n" not in str(refused.value)


def test_the_command_says_it_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", "--port", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_gradio_there_is_no_page(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert _page() is None
    assert "without the web page" in caplog.text and "songbloom-x2[ui]" in caplog.text
