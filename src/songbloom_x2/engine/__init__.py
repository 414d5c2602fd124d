"""The interleaved loop: sketch tokens, then a block of latents, then the next; for many songs at once.

Format page, "Generation, per block". The model comes in as step functions; compile, quantisation, files and text are
not known here. Every song draws from a generator of its own, so it does not depend on its neighbours.
"""

from songbloom_x2.engine.draws import Draws, SeededDraws
from songbloom_x2.engine.loop import Generation, generate_blocks
from songbloom_x2.engine.state import Ending, GenerationState, SongState
from songbloom_x2.engine.task import SongTask

__all__ = [
    "Draws",
    "Ending",
    "Generation",
    "GenerationState",
    "SeededDraws",
    "SongState",
    "SongTask",
    "generate_blocks",
]
