"""The synthetic song corpus: lyrics, melody, voice and band made by rule, with exact annotations.

``python -m songbloom_x2.train.corpus --out DIR --songs 3 --seed 1`` writes one. See ``record`` for what a song holds.
"""
