"""A song's memory, and what is done with it: where it may be cut, what was sung until there, how styles are blended.

Beside the engine; knows no files of sound, no terminals, and runs nothing itself.
"""
