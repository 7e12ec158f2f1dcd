"""The append-only event log in LMDB: keys and bytes, revisions, watches."""
