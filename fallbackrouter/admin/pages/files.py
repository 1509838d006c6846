"""The files that pages load: shipped in the package, each under a name that changes with what is in it."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from fallbackrouter.admin.problem import Problem

FOLDER = Path(__file__).parents[1] / "static"
_YEAR = "private, max-age=31536000, immutable"
_ASK = "private, no-cache"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@cache
def _files() -> dict[str, str]:
    """Return name -> digest of every file there is; what is not in this list is not served."""
    found = {}
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            found[file.relative_to(FOLDER).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return found


def static_url(name: str) -> str:
    """Return where a file of the folder is had, with its digest, so that browsers may keep it for ever.

    Raises:
        KeyError: there is no such file.
    """
    return f"/static/{name}?v={_files()[name]}"


async def static_file(request: Request) -> Response:
    """Answer `/static/{name:path}`."""
    name = request.path_params["name"]
    digest = _files().get(name)
    if digest is None:
        raise Problem(404, "there is no such file")
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    lasting = request.query_params.get("v") == digest
    headers = {"Cache-Control": _YEAR if lasting else _ASK, "ETag": f'"{digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    return FileResponse(FOLDER / name, headers=headers, media_type=kind)
