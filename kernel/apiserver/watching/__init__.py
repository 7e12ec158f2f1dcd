"""Watches over HTTP: one cursor and one encoding for many watchers."""
