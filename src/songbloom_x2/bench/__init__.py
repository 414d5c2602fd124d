"""Measuring how fast songs are made, in how much memory, and how far a faster way is from the plain one.

Every configuration runs in a process of its own, so that memory is the system's own account of that configuration.
"""
