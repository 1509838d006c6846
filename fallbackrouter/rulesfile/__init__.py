"""The admin's YAML: read and check it; the compiled set <-> bytes.

Imports nothing, as call workers use `compiled` alone.
"""
