"""Keeping a node tidy: logs, leftovers, orphans, and Pods that take too much of the disk."""
