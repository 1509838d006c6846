"""`serve` and `init`: the service itself, and its first configuration."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import say
from fallbackrouter.core.errors import ConfigError


def serve(config: ConfigOption = None) -> None:
    """Answer calls until SIGTERM; SIGHUP takes over changed rules and configuration."""
    from fallbackrouter.daemon.serve import serve_afresh

    serve_afresh(config)


def init(
    file: Annotated[Path, typer.Argument(help="The configuration file to write.")] = Path("fallbackrouter.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented configuration, and example rules beside it."""
    from fallbackrouter.config.template import TEMPLATE

    if file.exists() and not force:
        raise ConfigError(f"{file} is there already; name another file, or write over it with --force")
    try:
        file.write_text(TEMPLATE, encoding="utf-8")
        copied = _copy_examples(file.parent / "rules")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}; name a file in a folder of yours") from None
    say(f"wrote {file}" + (f" and {copied} example rule files to {file.parent / 'rules'}" if copied else ""))
    say("next: set [last_resort] and crm.url in it, `fallbackrouter config check`, then `fallbackrouter serve`")


def _copy_examples(to: Path) -> int:
    """Copy the shipped example rules where there is no folder of rules yet; returns how many files."""
    if to.exists():
        return 0
    to.mkdir(parents=True)
    examples = sorted(_shipped_rules().glob("*.yaml"))
    for example in examples:
        shutil.copyfile(example, to / example.name)
    return len(examples)


def _shipped_rules() -> Path:
    """Return the folder of example rules: inside the installed package, else at the checkout's root."""
    package = Path(__file__).parents[1]
    shipped = package / "_rules"
    return shipped if shipped.is_dir() else package.parent / "rules"
