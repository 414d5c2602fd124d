"""Gradio's theme: fonts of the system only, so that nothing is fetched from elsewhere. Colours: ``static/css``."""

from __future__ import annotations

import gradio as gr

_FONTS = ("Inter", "system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")


def studio_theme() -> gr.themes.Base:
    """The plainest theme there is."""
    return gr.themes.Base(font=_FONTS, font_mono=_MONO)
