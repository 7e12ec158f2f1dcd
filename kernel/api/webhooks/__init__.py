"""Admission webhooks: programs outside that are asked, over HTTPS, about what is to be stored."""
