"""Manifests in a directory or behind a URL to mirror Pods: reading, following, the reconciler."""
