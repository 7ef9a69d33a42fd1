"""Forgiving JSON: what an authentic body says at first sight, so that it can be named and compared.

Nothing is taken in from here: that is decided later, by the strict reader. Here a body is JSON if any reader would call it so.
"""

import json
from typing import Any, Final, NamedTuple


class Number(NamedTuple):
    """A number as its sender wrote it: a large one loses no digit, and 1 is not the text "1"."""

    text: str


class NotJson(ValueError):
    """The bytes are no JSON at all."""


def read(body: bytes) -> Any:
    """The value of a body. Of a name that comes twice the last one counts; None stands for what is too deep to be read.

    Raises: NotJson.
    """
    try:
        return _DECODER.decode(body.decode(json.detect_encoding(body), "surrogateescape"))
    except RecursionError:
        return None
    except ValueError as error:
        raise NotJson("the body is not JSON") from error


_DECODER: Final = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number, strict=False)
