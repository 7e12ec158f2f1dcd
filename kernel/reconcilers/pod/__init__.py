"""The node agent: pure decisions about one Pod, and one shell that acts on them."""
