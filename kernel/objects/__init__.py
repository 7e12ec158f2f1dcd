"""Structs of the Kubernetes API, a group a file, and the table of kinds."""
