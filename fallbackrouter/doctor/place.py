"""Where things lie."""

from pathlib import Path

from fallbackrouter.config.load import Loaded


def data_dir_of(loaded: Loaded) -> Path:
    """Return the folder of the service's data."""
    return loaded.file(loaded.settings.data_dir)


def journal_of(loaded: Loaded) -> Path:
    """Return the journal's file."""
    return data_dir_of(loaded) / "journal.db"
