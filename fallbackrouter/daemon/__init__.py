"""The running service: a parent that only watches, and the processes that do the work."""
