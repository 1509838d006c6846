"""Call-routing insurance for Asterisk and FreePBX: every call gets an answer in time.

Nothing in this package is importable API but what the documentation says.
"""

__version__ = "0.1.0"
