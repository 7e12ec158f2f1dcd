"""The process runtime: a container is a process group of this machine, a shim a sandbox."""
