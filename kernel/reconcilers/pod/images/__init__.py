"""Images of containers: whether to pull, with which login, side by side up to a limit."""
