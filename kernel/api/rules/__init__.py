"""What an object of each kind must fulfil, in Kubernetes' words: a subject a file."""
