"""A real server for tests: uvicorn in a thread, real sockets, the test's clock."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self

import httpx
import uvicorn

from app.auth.keys import issue
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.principal import Principal
from app.domain.tenant.commands import CreateTenant
from app.main import create_app, server_options
from app.runtime import Runtime
from app.settings import Settings
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope
from tests.support.application import KEY
from tests.support.databases import owned


class Server:
    """Serves a database over HTTP until it is closed.

    By default watchers are off, because tests count events, and wrong keys are all looked at, because tests that share a server send many.
    """

    def __init__(self, url: str, *, clock: Callable[[], int] | None = None, **settings: Any) -> None:
        values = {"owner_url": owned(url), "watchers": False, "failed_keys": 0, "vault_key": KEY, **settings}
        chosen = Settings(database_url=url, **values)
        self.app = create_app(chosen, clock=clock)
        config = uvicorn.Config(self.app, port=0, log_level="error", access_log=False, **server_options(chosen))
        self._server = uvicorn.Server(config)
        self._clients: list[Client] = []
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        self.listener = self._server.servers[0].sockets[0]
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    @property
    def runtime(self) -> Runtime:
        """The server's runtime."""
        runtime: Runtime = self.app.state.runtime
        return runtime

    def tenant(self, name: str = "Agency", time_zone: str = "UTC") -> str:
        """A new tenant's id."""
        tenant_id = self.runtime.new_id("tnt")
        command = CreateTenant(name=name, time_zone=time_zone)
        self.runtime.handler.handle(
            CommandEnvelope(
                tenant_id, Principal("test"), command, Request(f"tenant:{tenant_id}", b""), new_id=tenant_id
            )
        )
        return tenant_id

    def key(self, tenant_id: str, role: str = "admin", scopes: tuple[str, ...] = ()) -> str:
        """A new key of a tenant."""
        command = IssueApiKey.model_validate({"role": role, "scopes": scopes})
        _, key = issue(
            self.runtime.handler,
            tenant_id,
            Principal("test", "admin"),
            command,
            Request(self.runtime.new_id("req"), b""),
        )
        assert key is not None
        return key

    def client(self, key: str | None = None) -> "Client":
        """A client with a key. Without one: with a new admin's key of a new tenant."""
        client = Client(self.url, key or self.key(self.tenant()))
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Stops the server."""
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_args: object) -> None:
        self.close()


PEOPLE: Final = {f"{member}_not_found": member for member in ("owner", "backup", "member", "receiver")}
"""The member that names somebody, by the code of its refusal where nobody is known by that name."""


class Client(httpx.Client):
    """A client whose reads wait for its own last write."""

    def __init__(self, url: str, key: str) -> None:
        # Nothing is encrypted on the loopback; the certificates of the world's authorities take 50 ms to read.
        super().__init__(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, verify=False)
        self.position = 0

    def write(self, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """A write that must succeed; whom it names and nobody knows is invited first. Gives: its receipt."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.post(path, json=body or {}, headers=sent)
        if answer.status_code == 404 and answer.json()["code"] in PEOPLE:
            name = body[PEOPLE[answer.json()["code"]]]
            self.write("/v1/users", {"name": name, "external_ref": name})
            answer = self.post(path, json=body, headers=sent)
        assert answer.status_code == 201, answer.text
        self.position = max(self.position, int(answer.headers["Event-Position"]))
        receipt: dict[str, Any] = answer.json()
        return receipt

    def read(self, path: str, **params: Any) -> dict[str, Any]:
        """A read that must succeed, after this client's own writes."""
        answer = self.see(path, **params)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def see(self, path: str, **params: Any) -> httpx.Response:
        """A read after this client's own writes. Gives: the response, whatever its status."""
        headers = {"Min-Event-Position": str(self.position), "Prefer": "wait=30, handling=strict"}
        return self.get(path, params={name.rstrip("_"): value for name, value in params.items()}, headers=headers)
