"""The files of the page: exactly those that the package had at the start, never another path."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response

from termchat.serve.faults import FaceError, Fault

FOLDER = Path(__file__).parents[1] / "page"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify; report-uri /api/csp-report"
)
_HEADERS = {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_INDEX = "index.html"


class PageFiles:
    """The files below a folder, by their path with slashes.

    endpoints   the text of `/` for a client that wants no page
    """

    def __init__(self, endpoints: str, folder: Path = FOLDER) -> None:
        self._endpoints = endpoints
        found = (path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES and path.is_file())
        self._paths: Mapping[str, Path] = {path.relative_to(folder).as_posix(): path for path in found}

    async def root(self, request: HttpRequest) -> Response:
        """Answer `/`: the page for a browser, the endpoints for anything else."""
        if _INDEX in self._paths and "text/html" in request.headers.get("accept", ""):
            return self._answer(request, _INDEX)
        return PlainTextResponse(self._endpoints, headers={"vary": "accept"})

    async def file(self, request: HttpRequest) -> Response:
        """Answer `/page/...`."""
        name = request.path_params["name"]
        if name not in self._paths:
            raise FaceError(Fault(404, "The page has no such file."))
        return self._answer(request, name)

    def _answer(self, request: HttpRequest, name: str) -> Response:
        path = self._paths[name]
        data = path.read_bytes()
        tag = f'"{sha256(data).hexdigest()[:32]}"'
        headers = {**_HEADERS, "etag": tag, **({"vary": "accept"} if name == _INDEX else {})}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, headers={**headers, "content-type": _TYPES[path.suffix]})
