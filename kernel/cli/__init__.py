"""The `podkernel` command."""
