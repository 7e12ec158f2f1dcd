"""Pending Pods to nodes: requests, rules, a ledger of what is taken, and the reconciler."""
