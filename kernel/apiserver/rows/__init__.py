"""kubectl's columns: the cells of each kind's rows, and the tables that they stand in."""
