"""The web page: Gradio in front of the ``JobService``. No tensors here, and no request to anybody but this server."""

from songbloom_x2.ui.build import build_ui
from songbloom_x2.ui.mounting import mount

__all__ = ["build_ui", "mount"]
