"""What repeats on a clock of its own, or runs once at a person's word, and never on a call's behalf."""
