"""The HTTP edge that faces people and programs: console, HTTP API, health and metrics. In a process of its own."""
