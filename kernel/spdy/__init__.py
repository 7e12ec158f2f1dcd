"""SPDY/3.1: many streams of bytes on one connection, as kubectl and containerd speak it."""
