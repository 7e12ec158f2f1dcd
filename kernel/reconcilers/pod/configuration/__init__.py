"""A Pod's spec in the runtime's language: what its containers are made with."""
