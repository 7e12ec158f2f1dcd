"""Probes: containers are asked whether they have started, are ready, and are alive."""
