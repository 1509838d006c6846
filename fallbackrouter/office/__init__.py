"""What people have the router do, the same for commands and for the web interface.

`config.office` makes an `Office` from settings.

Blocking: for commands, or in threads. Nothing here prints, and nothing here knows who asks.
"""
