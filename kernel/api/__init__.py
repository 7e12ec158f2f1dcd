"""The rules of the Kubernetes API without HTTP."""
