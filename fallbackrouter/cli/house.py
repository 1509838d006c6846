"""What most commands begin with: the configuration, and where things lie."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fallbackrouter.config.load import Loaded, load_settings
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import ConfigError

if TYPE_CHECKING:
    from fallbackrouter.office.office import Office


@dataclass(frozen=True, slots=True)
class House:
    """The configuration in force and the paths that follow from it."""

    loaded: Loaded
    data_dir: Path

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.loaded.settings

    @property
    def office(self) -> "Office":
        """What commands share with the web interface."""
        from fallbackrouter.config.office import office_of

        return office_of(self.loaded)

    def make_data_dir(self) -> None:
        """Make the folder where data lies, if it is not there.

        Raises:
            ConfigError: it cannot be made.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "no reason given").lower()
            raise ConfigError(f"data_dir {self.data_dir} cannot be made ({reason}); name another folder") from None

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.data_dir / "journal.db"

    @property
    def routes(self) -> Path:
        """The routes cache's file."""
        return self.data_dir / "routes.db"

    @property
    def rules_dir(self) -> Path:
        """The folder of rule files."""
        return self.loaded.base / self.settings.rules.dir


def open_house(config: Path | None) -> House:
    """Load the configuration.

    Raises:
        ConfigError: it cannot be used; the text says what to do.
    """
    loaded = load_settings(config, os.environ)
    return House(loaded, loaded.base / loaded.settings.data_dir)
