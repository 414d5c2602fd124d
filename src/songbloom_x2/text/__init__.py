"""Lyrics as text: grammar, linter, phonemes, symbol ids. Knows nothing of tensors, models or sound.

Nothing heavy is imported here: dictionaries and segmenters are read when the first word needs them.
"""
