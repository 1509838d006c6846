"""What the background process does behind the calls, one file per duty."""
