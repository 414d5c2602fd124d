"""The page as Gradio blocks: a row of small components of our own, each a custom element that ``static/js`` defines.

Gradio carries the page and its questions to the server (``gr.HTML`` with a server function); what is drawn in the
elements is ours, because its own widgets cannot follow a song, show a job or be dragged over a waveform.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import Request

from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.service import JobService
from songbloom_x2.ui.answers import Answers

PARTS = ("header", "lyrics", "styles", "options", "create", "library", "detail", "player", "nav", "toasts")
"""The page's parts, in the order that the keyboard goes through them."""

_START = "import('{root}/studio/js/main.js').then((page) => page.start(server));"


def build_ui(service: JobService, *, root: str = "") -> gr.Blocks:
    """The page. ``root``: the path under which the server is seen, where a proxy adds one."""
    answers = Answers(service)

    def ask(message: dict[str, Any], request: gr.Request) -> dict[str, Any]:
        # Gradio hands its own wrapper to event listeners, and the bare request to the functions of components.
        bare = getattr(request, "request", request)
        return answers.asked(message.get("name"), message.get("args"), owner_of(bare))

    with gr.Blocks(title="SongBloom", analytics_enabled=False, fill_width=True) as blocks, gr.Column(elem_id="studio"):
        for part in PARTS:
            gr.HTML(f"<sb-{part}></sb-{part}>", apply_default_css=False, js_on_load=None)
        gr.HTML("", visible="hidden", apply_default_css=False, js_on_load=_START.format(root=root), server_functions=[ask])
    return blocks


def owner_of(request: Request) -> Owner:
    """Who asks: the server's authentication has written it down before."""
    owner = request.scope["state"]["owner"]
    assert isinstance(owner, Owner)
    return owner
