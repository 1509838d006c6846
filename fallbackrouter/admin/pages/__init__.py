"""The console: pages for people, and what they are made of."""
