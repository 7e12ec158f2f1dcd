"""What the server says of its own API: OpenAPI v3, and v2 for older clients."""
