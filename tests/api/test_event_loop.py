"""Writes never leave the event loop for a thread by FastAPI's own doing: that alone would halve their ceiling."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api import ROUTERS

READS = {"kpi_certificates.verify", "kpi_certificates.verify_shortly"}
"""They are sent with POST and append nothing; like every read they wait in a thread."""
WRITES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "POST" in route.methods and route.operation_id not in READS
]


def calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """The endpoint and all that it asks for."""
    if dependant.call is not None:
        yield dependant.call
    for needed in dependant.dependencies:
        yield from calls(needed)


def is_async(call: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


@pytest.mark.parametrize("route", WRITES, ids=lambda route: route.operation_id or route.path)
def test_a_write_and_all_that_it_asks_for_are_async(route: APIRoute) -> None:
    assert [call for call in calls(route.dependant) if not is_async(call)] == []


def test_a_plain_function_would_be_seen() -> None:
    assert not is_async(lambda: None)
    assert WRITES
