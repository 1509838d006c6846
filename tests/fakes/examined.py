"""An installation in a folder of its own, looked at by single checks of the doctor."""

from pathlib import Path

from fallbackrouter.clock import SystemClock
from fallbackrouter.doctor.examine import Wishes, examine, look
from fallbackrouter.doctor.finding import Finding
from fallbackrouter.store.migrate import upgrade

DID = "0000000000"


class Examined:
    """An installation without a running service.

    Args:
        folder: holds everything.
    """

    def __init__(self, folder: Path) -> None:
        self.config = folder / "fallbackrouter.toml"
        self.rules = folder / "rules"
        self.rules.mkdir()
        self.data_dir = folder / "var"
        self.journal = self.data_dir / "journal.db"
        self.nameservers: tuple[str, ...] = ()
        self.configure()

    def configure(self, text: str = "") -> None:
        """Write the configuration; `text` holds further tables."""
        self.config.write_text(
            f'[last_resort]\napp = "group"\nnum = "100"\n[numbers]\nregion = "RU"\n{text}\n', encoding="utf-8"
        )

    def ask(self, url: str, more: str = "") -> None:
        """Write a configuration with a CRM; `more` holds further keys of its table."""
        self.configure(f'[crm]\nurl = "{url}"\n{more}')

    def make_journal(self) -> None:
        """Make data_dir with a journal."""
        self.data_dir.mkdir()
        upgrade(self.journal)

    async def look(self, name: str) -> list[Finding]:
        """Run one check and return what it found."""
        return await look(name, Wishes(DID, self.config, nameservers=self.nameservers), {}, SystemClock())

    def look_at_all(self) -> list[Finding]:
        """Run every check, each in a process of its own."""
        return examine(Wishes(DID, self.config), {}, SystemClock())


def levels(findings: list[Finding]) -> list[str]:
    """Return the levels, and see that whatever is wrong has a remedy."""
    assert all(bool(finding.remedy) == (finding.level in ("warn", "fail")) for finding in findings), findings
    return [finding.level for finding in findings]
