"""`prompts list`, `show`, `fetch`, `say` and `purge`: what callers hear."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import plain, put_json, put_table, say
from fallbackrouter.core.errors import ConfigError, FallbackrouterError, MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from fallbackrouter.cli.house import House
    from fallbackrouter.prompts.ledger import Entry

app = typer.Typer(help="Audio and speech that callers hear.", no_args_is_help=True)

COLUMNS = ("key", "state", "kind", "language", "seconds", "bytes", "what", "reason")
TELL_S = 15.0
LOOK_S = 0.2
KeyArgument = Annotated[str, typer.Argument(metavar="PROMPT", help="Its key, or the URL or text itself.")]


@app.command("list")
def list_(
    config: ConfigOption = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only those that are not there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show all prompts, the latest used first."""
    _, folder = _opened(config)
    rows = [_row(folder, key, entry) for key, entry in _entries(folder)]
    rows = [row for row in rows if not missing or row["state"] == "missing"]
    if as_json:
        for row in rows:
            put_json(row)
    else:
        put_table("", COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


@app.command()
def show(prompt: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one prompt: where its files lie, where it came from, and why it is not there."""
    _, folder = _opened(config)
    for key, entry in _entries(folder):
        if prompt in {key, entry.what}:
            _put(_row(folder, key, entry), as_json=as_json)
            return
    raise MissingError(f"there is no prompt {plain(prompt)}; `fallbackrouter prompts list` shows all")


@app.command()
def fetch(
    url: Annotated[str, typer.Argument(metavar="URL", help="http or https.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch audio now, and print the path that Asterisk plays."""
    house, folder = _opened(config)
    within_s = house.settings.prompts.fetch_s
    _have(house, folder, {"kind": "audio", "what": url}, within_s=within_s, as_json=as_json)


@app.command("say")
def say_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be spoken.")],
    config: ConfigOption = None,
    language: Annotated[str, typer.Option("--language", help='Such as "ru"; without it, prompts.language.')] = "",
    as_json: JsonOption = False,
) -> None:
    """Have a text spoken now, and print the path that Asterisk plays."""
    house, folder = _opened(config)
    asked = {"kind": "speech", "what": text, "language": language}
    _have(house, folder, asked, within_s=house.settings.prompts.speech_s, as_json=as_json)


@app.command()
def purge(
    config: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that routes name too; they are had anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the prompts that no route names."""
    from fallbackrouter.control.client import command

    house, _ = _opened(config)
    answer = command(house.data_dir, {"do": "purge_prompts", "everything": everything}, within_s=TELL_S)
    put_json({"v": 1, "gone": answer["gone"]}) if as_json else say(f"{answer['gone']} gone")


def _opened(config: "Path | None") -> "tuple[House, Path]":
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.config.prompts import prompt_folder

    house = open_house(config)
    folder = prompt_folder(house.settings, house.loaded.base)
    if folder is None:
        raise ConfigError("no prompts are kept: set prompts.dir (docs/prompts.md)")
    return house, folder


def _entries(folder: "Path") -> "list[tuple[str, Entry]]":
    from fallbackrouter.prompts.ledger import load_entries

    return sorted(load_entries(folder).items(), key=lambda one: -one[1].used_ms)


def _row(folder: "Path", key: str, entry: "Entry") -> dict[str, Any]:
    from fallbackrouter.prompts.files import base_path, is_there

    there = bool(entry.content) and is_there(folder, entry.content)
    return {
        "v": 1,
        "key": key,
        "state": "ok" if there else "missing",
        "path": base_path(folder, entry.content) if there else "",
        "kind": entry.kind,
        "what": entry.what,
        "language": entry.language,
        "voice": entry.voice,
        "seconds": entry.seconds if there else None,
        "bytes": entry.size_bytes if there else None,
        "fetched_at": _moment(entry.checked_ms),
        "used_at": _moment(entry.used_ms),
        "reason": entry.reason,
    }


def _moment(at_ms: int) -> str | None:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds") if at_ms else None


def _put(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        put_json(row)
        return
    for name, value in row.items():
        if name != "v" and value not in {"", None}:
            say(plain(f"{name:<12} {value}"))


def _have(house: "House", folder: "Path", asked: dict[str, Any], *, within_s: float, as_json: bool) -> None:
    """Have the running service make a prompt, and wait for it."""
    from fallbackrouter.control.client import command
    from fallbackrouter.core.route import MAX_VALUE_CHARS, printable

    what = asked["what"]
    if not what.strip() or len(what) > MAX_VALUE_CHARS or printable(what, MAX_VALUE_CHARS) != what:
        raise FallbackrouterError(f"that is no prompt: write 1 to {MAX_VALUE_CHARS} characters in one line")
    begun = command(house.data_dir, {"do": "prompt", **asked}, within_s=TELL_S)
    row = _waited_for(folder, str(begun["key"]), int(begun["after_ms"]), within_s + 60)
    if row["reason"]:
        raise FallbackrouterError(f"it cannot be had: {plain(row['reason'])}")
    put_json(row) if as_json else say(row["path"])


def _waited_for(folder: "Path", key: str, after_ms: int, within_s: float) -> dict[str, Any]:
    from fallbackrouter.prompts.ledger import load_entries

    tries = int(within_s / LOOK_S)
    for _ in range(tries):
        entry = load_entries(folder).get(key)
        if entry is not None and entry.tried_ms >= after_ms:
            return _row(folder, key, entry)
        time.sleep(LOOK_S)
    raise FallbackrouterError("it did not come in time; `fallbackrouter prompts list` tells how it goes on")
