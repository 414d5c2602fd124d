"""Own kernels for the CPU: the LM's step and the DiT's layers as one call each, in float32 or whole numbers.

``steps.cpp`` is compiled for the machine that runs it (``build``); where that is not possible torch's kernels remain.
"""
