"""The built-in reconcilers, one a file; they meet in the log alone."""
