"""Runtimes: what runs containers, behind one contract."""
