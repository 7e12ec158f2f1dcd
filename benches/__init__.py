"""Benchmarks: each a ratio against a floor or a peer of the same run, never a bare number."""
