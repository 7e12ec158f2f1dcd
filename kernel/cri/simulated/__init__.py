"""The simulated runtime: in memory, following a script, in the time of its clock."""
