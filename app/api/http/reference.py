"""What a person or a program meets first: the address itself, the reference with its console, and `/llms.txt`.

All of it is made of the contract and served from here: no page asks another host for anything, and each has a policy that says so.
"""

import base64
import hashlib
from collections import defaultdict
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse

from app import __version__
from app.api.http.about import DESCRIPTION, SUMMARY, TAGS
from app.api.http.strict_json_route import Json, StrictRoute

router = APIRouter(route_class=StrictRoute, include_in_schema=False)
LINKS: Final = {
    "docs": ("/docs", "The reference, with a console to try each call"),
    "openapi": ("/openapi.json", "The contract, in OpenAPI 3.1"),
    "llms": ("/llms.txt", "The contract in short, for language models"),
    "live": ("/livez", "Whether the process lives"),
    "ready": ("/readyz", "Whether it is ready to serve"),
}
Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png", "start.js"]
_KEPT: Final = {"Cache-Control": "public, max-age=3600"}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}dt{margin-top:1rem}"
)
_ONLY: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _digest(text: str) -> str:
    """A text as a Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


ROOT_POLICY: Final = f"default-src 'none'; style-src {_digest(_STYLE)}; {_ONLY}"
DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    + _ONLY
)
"""Scripts come from here alone; styles may stand within the page, because the reference sets them as it is drawn."""
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{head}</head>
<body>{body}</body>
</html>
"""
_START: Final = """\
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
};
"""


@router.get("/")
async def root(request: Request) -> Response:
    """What this is, and where to go on: a page for a person, JSON for a program."""
    if "text/html" in request.headers.get("accept", ""):
        items = "".join(f'<dt><a href="{path}">{path}</a></dt><dd>{escape(text)}</dd>' for path, text in LINKS.values())
        body = f"<h1>Steward</h1><p>{escape(SUMMARY)}. Version {escape(__version__)}.</p><dl>{items}</dl>"
        page = _PAGE.format(title="Steward", head=f"<style>{_STYLE}</style>", body=body)
        return HTMLResponse(page, headers={"Content-Security-Policy": ROOT_POLICY, "Vary": "Accept"})
    links = {name: path for name, (path, _) in LINKS.items()}
    return JSONResponse(
        {"name": "Steward", "summary": SUMMARY, "version": __version__, "links": links}, headers={"Vary": "Accept"}
    )


@router.get("/docs")
async def docs() -> Response:
    """The reference, with a console: Swagger UI, from the files of a package."""
    head = '<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon.png">'
    scripts = "".join(f'<script src="/docs/{name}"></script>' for name in ("swagger-ui-bundle.js", "start.js"))
    body = f'<div id="reference"></div>{scripts}'
    page = _PAGE.format(title="Steward: reference", head=head, body=body)
    return HTMLResponse(page, headers={"Content-Security-Policy": DOCS_POLICY})


@router.get("/docs/{asset}")
async def docs_asset(asset: Asset) -> Response:
    """A file of the reference."""
    if asset == "start.js":
        return Response(_START, media_type="text/javascript", headers=_KEPT)
    return FileResponse(_assets() / asset, headers=_KEPT)


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The contract. In a thread, as the next: to make it the first time takes seconds."""
    return Json(request.app.openapi())


@router.get("/llms.txt")
def llms(request: Request) -> Response:
    """The contract in short, for language models. Source: the llms.txt proposal, llmstxt.org."""
    return PlainTextResponse(in_short(request.app.openapi()), media_type="text/markdown; charset=utf-8")


def in_short(contract: dict[str, Any]) -> str:
    """A contract in the form of llms.txt: a title, a summary, what to know, and a list of links for each part."""
    operations: dict[str, list[str]] = defaultdict(list)
    for path, methods in contract["paths"].items():
        for method, spec in methods.items():
            tag = spec["tags"][0]
            link = f"[{method.upper()} {path}](/docs#/{tag}/{spec['operationId']})"
            operations[tag].append(f"- {link}: {spec['summary']}")
    first = ["# Steward", f"> {SUMMARY}. Version {contract['info']['version']}.", DESCRIPTION.strip()]
    links = "\n".join(f"- [{path}]({path}): {text}" for path, text in LINKS.values())
    parts = [f"## {tag}\n\n{TAGS[tag]}\n\n" + "\n".join(operations[tag]) for tag in TAGS if tag in operations]
    return "\n\n".join([*first, f"## Where to begin\n\n{links}", *parts]) + "\n"


@cache
def _assets() -> Path:
    """The folder of Swagger UI's files; the package that carries them is not imported."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("fastapi-offline is not installed")
    return Path(spec.origin).parent / "static"
