"""Pure rules of call routing: no clock, no I/O; values in, values out."""
