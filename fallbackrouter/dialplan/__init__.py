"""Rules and settings -> Asterisk's own dialplan, as text. Pure: nothing here reads, writes or asks."""
