"""What went wrong: a page for people, RFC 9457 for everybody else."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.pages.page import page, words_of
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import Visitor


def wants_page(headers: Headers) -> bool:
    """Tell whether it is a person's browser that asks for a whole page."""
    return "text/html" in headers.get("accept", "") and "authorization" not in headers and "hx-request" not in headers


def told(request: Request, problem: Problem) -> Response:
    """Return the answer that tells of a problem, to one who is logged in as a page."""
    if "hx-request" in request.headers:  # the page shows the sentence to its reader
        spoken = words_of(request).told(problem.detail)
        return Problem(problem.status, spoken, problem.headers, **problem.more).response()
    if not wants_page(request.headers) or not isinstance(request.scope["state"].get("visitor"), Visitor):
        return problem.response()
    answer = page(request, "trouble.html", problem.status, detail=problem.detail)
    answer.headers.update(problem.headers)
    return answer
