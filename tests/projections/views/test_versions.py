"""The version of a row: a caller reads it as ETag and sends it as If-Match, so every event of the aggregate must raise it."""

from typing import Any

import pytest

from app.domain.aggregates import AGGREGATES
from app.domain.catalogue import CATALOGUE
from projections import VIEWS
from projections.view import View

VERSIONED = [view for view in VIEWS if "version" in view.row._fields]  # type: ignore[attr-defined]  # rows are NamedTuples


def topics_of(aggregate: str) -> set[str]:
    """The topics of an aggregate's events."""
    return {topic for topic in CATALOGUE if topic.startswith(f"{aggregate}.")}


@pytest.mark.parametrize("view", VERSIONED, ids=lambda view: view.name)
def test_a_row_that_shows_a_version_follows_every_event_of_its_aggregate(view: View[Any]) -> None:
    assert view.noun in AGGREGATES
    assert topics_of(view.noun) - set(view.on) == set()


def test_the_views_of_what_callers_change_show_a_version() -> None:
    unchanging = {"kpi_certificate"}
    unlisted = {"tenant"}
    assert {view.noun for view in VERSIONED} == set(AGGREGATES) - unchanging - unlisted
