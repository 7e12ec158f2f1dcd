"""The kernel of Kubernetes as a Python library."""
