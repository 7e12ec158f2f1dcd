"""`/metrics`: what the server counts, in Prometheus' text format, under Kubernetes' names."""
