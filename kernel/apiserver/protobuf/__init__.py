"""Bodies in Kubernetes' protobuf become structs."""
