"""A directory of manifests to mirror Pods: reading, watching, and the reconciler."""
