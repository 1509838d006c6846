"""How fast the router is, measured by anyone with one command."""
