"""Asterisk's manager interface: the one edge that panoramisk's Manager has."""
