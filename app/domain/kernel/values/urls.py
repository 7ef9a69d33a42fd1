"""URLs of identity providers: over TLS, or in the clear on this machine alone."""

from typing import Annotated, Final

from pydantic import StringConstraints

_HOST: Final = r"^(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)"
IssuerUrl = Annotated[str, StringConstraints(max_length=200, pattern=_HOST + r"(/[^\s?#]*)?$")]
ProviderUrl = Annotated[str, StringConstraints(max_length=500, pattern=_HOST + r"(/[^\s#]*)?$")]
