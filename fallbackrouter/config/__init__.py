"""TOML and environment -> frozen Settings."""
