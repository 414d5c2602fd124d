"""The page on a FastAPI application: its own files, its events, the way in by an API key, and Gradio at ``/``."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from songbloom_x2.jobs.service import JobService
from songbloom_x2.ui.build import build_ui
from songbloom_x2.ui.gate import OnlyNeeded
from songbloom_x2.ui.routes import page_routes
from songbloom_x2.ui.sign_in import SignIn
from songbloom_x2.ui.theme import studio_theme

HERE = Path(__file__).parent

_HEAD = """
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/studio/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/studio/css/studio.css">
"""


def mount(app: FastAPI, service: JobService) -> FastAPI:
    """Put the page on ``app``, whose authentication writes ``scope["state"]["owner"]``; gives the same application.

    Call it after the application's own routes were added: the page takes every path that is left.
    """
    app.include_router(page_routes(service))
    gr.mount_gradio_app(
        app,
        build_ui(service),
        path="",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        theme=studio_theme(),
        head=_HEAD,
    )
    mounted = app.routes[-1]
    assert isinstance(mounted, Mount)
    mounted.app = OnlyNeeded(mounted.app)
    app.add_middleware(SignIn)
    return app
