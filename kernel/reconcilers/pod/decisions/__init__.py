"""What is to be done about a Pod, and when: pure decisions, one question a file."""
