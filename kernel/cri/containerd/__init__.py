"""The containerd runtime: CRI v1 and containerd's own event stream, over its socket."""
