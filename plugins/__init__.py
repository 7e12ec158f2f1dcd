"""Example plugins; they import the façade `kernel` alone."""
