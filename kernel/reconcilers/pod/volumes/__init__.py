"""Volumes on this machine's disk, a kind of source a file; `prepare.py` is where to begin."""
