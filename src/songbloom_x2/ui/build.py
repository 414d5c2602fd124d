"""The page as Gradio blocks: a row of small components of our own, each a custom element that ``static/js`` defines.

Gradio carries the page and its questions to the server (``gr.HTML`` with a server function); what is drawn in the
elements is ours, because its own widgets cannot follow a song, show a job or be dragged over a waveform.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService
from songbloom_x2.ui.answers import Answers

COMPOSE = ("lyrics", "styles", "options", "create")
RESULTS = ("library", "detail", "player", "nav", "toasts")
"""The page's parts after its head, in the order that the keyboard goes through them."""

_START = "import('{root}/studio/js/main.js').then((page) => page.start(server));"


def build_ui(service: JobService, *, root: str = "") -> gr.Blocks:
    """The page. ``root``: the path under which the server is seen, where a proxy adds one."""
    answers = Answers(service)

    def ask(message: dict[str, Any], request: gr.Request) -> dict[str, Any]:
        # Gradio hands its own wrapper to event listeners, and the bare request to the functions of components.
        bare = getattr(request, "request", request)
        return answers.asked(message.get("name"), message.get("args"), owner_of(bare))

    blocks: gr.Blocks
    with gr.Blocks(title="SongBloom", analytics_enabled=False, fill_width=True) as blocks, gr.Column(elem_id="studio"):
        _part("header")
        with gr.Column(elem_id="compose"):
            for part in COMPOSE:
                _part(part)
        for part in RESULTS:
            _part(part)
        gr.HTML(
            "", visible="hidden", apply_default_css=False, js_on_load=_START.format(root=root), server_functions=[ask]
        )
    return blocks


def _part(name: str) -> None:
    gr.HTML(f"<sb-{name}></sb-{name}>", apply_default_css=False, js_on_load=None)


def owner_of(request: Any) -> Owner:
    """Who asks, by a request of Starlette's: the server's authentication has written it down before."""
    owner = request.scope["state"]["owner"]
    assert isinstance(owner, Owner)
    return owner
