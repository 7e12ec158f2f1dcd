"""Conversations with what runs in a Pod: exec, attach and port-forward for any client."""
