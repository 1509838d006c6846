"""`admin user`, `admin token` and `admin audit`: who may use the web interface, and who changed what."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption, LimitOption
from fallbackrouter.cli.output import complain, put_json, put_table, say
from fallbackrouter.core.errors import ConfigError, FallbackrouterError

app = typer.Typer(help="Who may use the web interface, and who changed what by it.", no_args_is_help=True)
user = typer.Typer(help="People, who log in to the console.", no_args_is_help=True)
token = typer.Typer(help="Programs, which use the HTTP API.", no_args_is_help=True)
app.add_typer(user, name="user")
app.add_typer(token, name="token")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="1 to 64 of letters, digits and . _ @ -")]


class Role(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    EDITOR = "editor"


class Scope(StrEnum):
    """What a program may do."""

    READ = "read"
    OPERATE = "operate"
    EDIT = "edit"
    CALL = "call"


@user.command("add")
def user_add(
    name: NameArgument,
    role: Annotated[Role, typer.Option("--role", help="viewer sees all; editor changes it too.")] = Role.EDITOR,
    config: ConfigOption = None,
) -> None:
    """Let somebody log in; the password is asked for, or read from stdin's first line."""
    from fallbackrouter.admin.passwords import hashed
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.store.users import add_user, list_users

    file = _file(config, make=True)
    _require_name(name)
    if any(one.name == name for one in list_users(file)):
        raise ConfigError(f"there is a user {name} already; `fallbackrouter admin user password {name}` changes it")
    password = _password()
    with _kept(file, "user add", f"{name} ({role.value})"):
        add_user(file, name, hashed(password), role.value, SystemClock().now_at())
    say(f"{name} may log in as {role.value}")


@user.command("list")
def user_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List who may log in."""
    from fallbackrouter.store.users import list_users

    rows = list_users(_file(config))
    if as_json:
        for one in rows:
            put_json({"v": 1, "name": one.name, "role": one.role, "made_at": one.made_at, "changed_at": one.changed_at})
    else:
        put_table("", ("name", "role", "since", "changed"), ((u.name, u.role, u.made_at, u.changed_at) for u in rows))


@user.command("remove")
def user_remove(name: NameArgument, config: ConfigOption = None) -> None:
    """Let somebody log in no more; sessions end at once."""
    from fallbackrouter.store.users import remove_user

    file = _file(config)
    with _kept(file, "user remove", name):
        remove_user(file, name)
    say(f"{name} may log in no more")


@user.command("password")
def user_password(name: NameArgument, config: ConfigOption = None) -> None:
    """Give somebody another password; it is asked for, or read from stdin's first line. Sessions end at once."""
    from fallbackrouter.admin.passwords import hashed
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.store.users import password_of, set_password

    file = _file(config)
    if password_of(file, name) is None:
        raise ConfigError(f"there is no user {name}; `fallbackrouter admin user list` shows who there is")
    password = _password()
    with _kept(file, "user password", name):
        set_password(file, name, hashed(password), SystemClock().now_at())
    say(f"{name} has another password, and has to log in again")


@token.command("add")
def token_add(
    name: NameArgument,
    scope: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="read, operate, edit or call; may be repeated. Without it: read."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for a program, and show it this once."""
    from fallbackrouter.admin.secret import digest_of, new_token
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.store.sessions import Token, add_token

    file = _file(config, make=True)
    _require_name(name)
    scopes = tuple(dict.fromkeys(one.value for one in scope or [Scope.READ]))
    secret, clock = new_token(), SystemClock()
    made = Token(clock.new_id(), name, scopes)
    with _kept(file, "token add", f"{name} ({', '.join(scopes)})"):
        add_token(file, made, digest_of(secret), clock.now_at())
    if as_json:
        put_json({"v": 1, "id": made.token_id, "name": name, "scopes": scopes, "token": secret})
    else:
        say(secret)
        complain(f"this is the one time that it is shown; `fallbackrouter admin token revoke {made.token_id}` ends it")


@token.command("list")
def token_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List tokens, without their secrets."""
    from fallbackrouter.store.sessions import list_tokens

    for_people = []
    for one in list_tokens(_file(config)):
        if as_json:
            facts = {"name": one.name, "scopes": one.scopes, "made_at": one.made_at, "used_at": one.used_at}
            put_json({"v": 1, "id": one.token_id, **facts})
        for_people.append((one.token_id, one.name, " ".join(one.scopes), one.made_at, one.used_at or "never"))
    if not as_json:
        put_table("", ("id", "name", "scopes", "since", "last used"), for_people)


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `admin token list` tells it.")],
    config: ConfigOption = None,
) -> None:
    """End a token."""
    from fallbackrouter.store.sessions import revoke_token

    file = _file(config)
    with _kept(file, "token revoke", token_id):
        revoke_token(file, token_id)
    say("the token is worth nothing any more")


@app.command()
def audit(limit: LimitOption = 20, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show who changed what by the web interface or these commands, newest first."""
    from fallbackrouter.store.audit import list_entries

    rows = list_entries(_file(config), limit)
    if as_json:
        for row in rows:
            put_json(row)
    else:
        columns = ("at", "who", "action", "target", "outcome")
        put_table("", columns, ([row[name] for name in columns] for row in rows))


def _file(config: Path | None, *, make: bool = False) -> Path:
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.admin_file import FILE_NAME, prepare

    house = open_house(config)
    file = house.data_dir / FILE_NAME
    if make:
        house.make_data_dir()
    if make or file.exists():
        prepare(file)
    return file


@contextmanager
def _kept(file: Path, action: str, target: str) -> Iterator[None]:
    """Keep a change in the audit log: no entry, no change."""
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.store.audit import begin_entry, end_entry

    clock = SystemClock()
    entry_id = clock.new_id()
    begin_entry(file, entry_id, f"command line ({_who()})", clock.now_at(), action=action, target=target)
    try:
        yield
    except FallbackrouterError as error:
        end_entry(file, entry_id, f"refused: {error}")
        raise
    end_entry(file, entry_id, "done")


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "nobody known"


def _require_name(name: str) -> None:
    from fallbackrouter.admin.visitor import NAME

    if not NAME.fullmatch(name):
        raise typer.BadParameter("a name is 1 to 64 of letters, digits and . _ @ -, and begins with a letter or digit")


def _password() -> str:
    """Return a new password: asked for twice on a terminal, else the first line of stdin; never an argument."""
    from fallbackrouter.admin.passwords import MAX_CHARS, MIN_CHARS

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise ConfigError("the two passwords differ; try again")
    else:
        password = sys.stdin.readline(MAX_CHARS + 2).removesuffix("\n")
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise ConfigError(f"a password has {MIN_CHARS} to {MAX_CHARS:,} characters; choose another")
    return password
