"""An identity provider for tests: a process of its own that serves its metadata and keys over HTTP, and signs what it is asked to.

It can do what a packaged one cannot: sign by each algorithm, rotate its keys, be away, be slow, and answer nonsense.
"""

import base64
import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

ROOT = Path(__file__).resolve().parents[2]


class IdentityProvider:
    """The process, as a test sees it, until it is closed."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.issuer = self._process.stdout.readline().strip()
        self._client = httpx.Client(base_url=self.issuer, timeout=30)

    def token(self, *, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An access token with these claims beside the usual ones; one that is None is left out."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "steward", "sub": "maria-7", "client_id": "workbench", "iat": now - 5}
        named = {**usual, "exp": now + 300, "jti": f"t{time.time_ns()}", **claims}
        asked = {
            "algorithm": algorithm,
            "header": header or {},
            "claims": {name: value for name, value in named.items() if value is not None},
        }
        return self._client.post("/sign", json=asked).text

    def keys(self) -> dict[str, dict[str, Any]]:
        """Its public keys, by algorithm."""
        keys: dict[str, dict[str, Any]] = self._client.get("/keys").json()
        return keys

    def rotate(self) -> None:
        """Lets it have other keys from now on, and forget those that it had."""
        self._client.post("/rotate").raise_for_status()

    def behave(self, mode: str) -> None:
        """Makes it `well`, `away`, `slow`, `nonsense`, `huge` or `redirecting` where others ask."""
        self._client.post(f"/behave/{mode}").raise_for_status()

    def asked(self) -> int:
        """How often it was asked for its keys."""
        return int(self._client.get("/asked").text)

    def close(self) -> None:
        """Ends the process."""
        self._client.close()
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_args: object) -> None:
        self.close()


# --- the process itself ---


def _new_keys() -> dict[str, Any]:
    return {
        "RS256": RSAKey.generate_key(2048, auto_kid=True),
        "ES256": ECKey.generate_key("P-256", auto_kid=True),
        "Ed25519": OKPKey.generate_key("Ed25519", auto_kid=True),
    }


def _part(value: object) -> str:
    return _plain(json.dumps(value).encode())


def _plain(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class _State:
    keys = _new_keys()
    mode = "well"
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    """Answers what providers answer, and what the test asks besides."""

    def do_GET(self) -> None:
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        if self.path == "/.well-known/openid-configuration":
            self._public({"issuer": here, "jwks_uri": f"{here}/jwks"})
        elif self.path == "/jwks":
            _State.asked += 1
            public = [key.as_dict(private=False) | {"use": "sig"} for key in _State.keys.values()]
            self._public({"keys": [*public, {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {"kty": "?"}, 7]})
        elif self.path == "/keys":
            self._answer(200, json.dumps({name: key.as_dict(private=False) for name, key in _State.keys.items()}))
        elif self.path == "/asked":
            self._answer(200, str(_State.asked))
        else:
            self._answer(404, "")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/sign":
            asked = json.loads(raw)
            name = "Ed25519" if asked["algorithm"] == "EdDSA" else asked["algorithm"]
            key = _State.keys[name]
            header = {"alg": name, "typ": "at+jwt", "kid": key.kid, **asked["header"]}
            header = {member: value for member, value in header.items() if value is not None}
            begun = f"{_part(header)}.{_part(asked['claims'])}"
            signature = jws.JWSRegistry.algorithms[name].sign(begun.encode(), key)  # whatever the header says
            self._answer(200, f"{begun}.{_plain(signature)}")
        elif self.path == "/rotate":
            _State.keys = _new_keys()
            self._answer(204, "")
        elif self.path.startswith("/behave/"):
            _State.mode = self.path.rpartition("/")[2]
            self._answer(204, "")

    def _public(self, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        match _State.mode:
            case "away":
                self._answer(503, "away")
            case "nonsense":
                self._answer(200, "<html>")
            case "huge":
                self._answer(200, text + " " * 1_000_000)
            case "redirecting":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "slow":
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                time.sleep(30)
            case _:
                self._answer(200, text)

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args: Any) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until it is ended; says where in its first line."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
