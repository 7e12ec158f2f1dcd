"""The node agent: pure decisions about a Pod, and one shell that acts on them."""
