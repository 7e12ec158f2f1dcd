"""What turns changes in the log into calls of reconcilers."""
