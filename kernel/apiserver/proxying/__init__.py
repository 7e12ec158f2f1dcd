"""The subresource proxy of Pods, Services and Nodes: HTTP passed on to what runs there."""
