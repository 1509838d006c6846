"""What callers hear: the files that Asterisk plays, what is known of each, and the programs that make them."""
