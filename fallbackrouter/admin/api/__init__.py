"""The HTTP API, `/api/v1`: one table of operations, from which routes and description come."""
