"""Lifecycle hooks: after a container's start and before its stop."""
