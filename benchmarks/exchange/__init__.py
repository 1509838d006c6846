"""Calls per second inside a real Asterisk: the router beside what people have in its place."""
