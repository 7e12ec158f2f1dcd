"""Asking ports whether what listens there is well, for runtimes whose Pods this machine reaches."""
