"""The control socket: commands down, state up; how its lines are spelled, where it lies, and its client."""
