"""The Node object and its Lease, and the facts of the machine that they tell."""
