"""Server-side apply: who has set which fields, and what follows from that."""
