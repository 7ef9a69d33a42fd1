"""The empty server: endpoints that take the same requests and do nothing. No command over HTTP can be faster."""

from typing import Annotated, Any

from fastapi import Body, FastAPI, Response
from fastapi.responses import JSONResponse

app = FastAPI()


@app.post("/v1/accounts/{account}/interactions", status_code=201)
async def write(account: str, body: Annotated[Any, Body()]) -> Response:  # noqa: ARG001 - accepted and ignored
    """Accepts the body of a command."""
    return JSONResponse({}, 201)


@app.post("/v1/threads/{account}/interactions", status_code=201)
def write_in_thread(account: str, body: Annotated[Any, Body()]) -> Response:  # noqa: ARG001 - accepted and ignored
    """The same as a plain function, which FastAPI runs in a thread."""
    return JSONResponse({}, 201)


@app.get("/v1/{path:path}")
async def read(path: str) -> Response:  # noqa: ARG001 - accepted and ignored
    """Accepts any read."""
    return JSONResponse({})
