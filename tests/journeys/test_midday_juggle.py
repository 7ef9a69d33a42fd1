"""The midday juggle: a client's mail, two teams, an answer, a decision and an amendment, sent by other systems."""

from typing import Any

from app.auth.caller import Caller
from app.domain.kernel.errors import DomainError, NotAllowed
from app.domain.kernel.principal import Principal
from app.write_side.ingestion import Item
from projections.views.scope_changes import ScopeChange
from tests.support.application import Steward

CLIENT, SCOPE_CHANGE, CONTRACT, MAIL = "ref:northwind", "ref:W-1", "ref:C-1", "ref:mail-1"
LINE = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "1000.00", "interval": "month"}
FEATURE = {"op": "add_line", "line": "feature", "product": "feature", "unit_price": "120.00", "interval": "month"}


def cloud_event(number: int, type_: str, time: str, **data: Any) -> dict[str, Any]:
    """A CloudEvent about the client."""
    return {
        "specversion": "1.0",
        "id": f"juggle-{number}",
        "source": "/agency/desk",
        "type": type_,
        "subject": CLIENT,
        "time": f"2026-01-14T{time}:00Z",
        "data": data,
    }


def opening() -> dict[str, Any]:
    """The client, taken on."""
    event = cloud_event(0, "account.opened", "08:00", name="Northwind", currency="EUR", external_ref="northwind")
    return {name: value for name, value in event.items() if name != "subject"}


def life() -> list[dict[str, Any]]:
    """A whole life, in order."""
    mail = {"channel": "mail", "direction": "inbound", "occurred_at": "2026-01-14T10:00:00Z", "external_ref": "mail-1"}
    terms = {"currency": "EUR", "start": "2026-01-01", "signed_at": "2025-12-20", "lines": [LINE]}
    request = {"title": "A last-minute feature", "request": "Hey, can we add a last-minute feature to this campaign?"}
    return [
        opening(),
        cloud_event(1, "contract.signed", "08:30", contract=CONTRACT, **terms),
        cloud_event(2, "interaction.logged", "10:00", **mail),
        cloud_event(
            3, "scope_change.raised", "10:05", scope_change=SCOPE_CHANGE, contract=CONTRACT, interaction=MAIL, **request
        ),
        cloud_event(4, "scope_change.consult_requested", "10:10", scope_change=SCOPE_CHANGE, team="creative"),
        cloud_event(
            5, "scope_change.consult_requested", "10:11", scope_change=SCOPE_CHANGE, team="pm", question="Who is free?"
        ),
        cloud_event(
            6, "scope_change.consult_answered", "11:00", scope_change=SCOPE_CHANGE, team="creative", feasible=True
        ),
        cloud_event(7, "scope_change.consult_waived", "11:30", scope_change=SCOPE_CHANGE, team="pm", reason="on leave"),
        cloud_event(8, "scope_change.assessed", "11:40", scope_change=SCOPE_CHANGE, effort_hours="16", price="1440.00"),
        cloud_event(
            9, "scope_change.responded", "11:55", scope_change=SCOPE_CHANGE, kind="accept", message="With pleasure."
        ),
        cloud_event(10, "scope_change.decided", "12:30", scope_change=SCOPE_CHANGE, accepted=True),
        cloud_event(11, "scope_change.amended", "12:45", scope_change=SCOPE_CHANGE, changes=[FEATURE]),
        cloud_event(12, "scope_change.delivered", "18:00", scope_change=SCOPE_CHANGE, hours="18"),
    ]


def codes(items: list[Item]) -> list[str]:
    """What became of each event: accepted, duplicate, or the code of its refusal."""
    return [item.refusal.code if isinstance(item.refusal, DomainError) else item.status for item in items]


def the_wish(steward: Steward) -> ScopeChange:
    """The only scope change."""
    (row,) = steward.rows("scope_changes")
    assert isinstance(row, ScopeChange)
    return row


def test_a_whole_life_is_taken_in_as_one_batch_and_only_once(steward: Steward) -> None:
    first = steward.ingest(life())
    head = steward.catch_up()
    again = steward.ingest(life())

    assert codes(first) == ["accepted"] * 13
    assert codes(again) == ["duplicate"] * 13
    assert steward.catch_up() == head
    request = the_wish(steward)
    assert (request.state, request.external_ref, request.amendment_no, request.mrr_delta) == (
        "delivered",
        "W-1",
        1,
        120_000_000,
    )
    assert steward.topics()[-3:] == ["contract.amended", "scope_change.amended", "scope_change.delivered"]


def test_the_row_is_the_same_when_events_are_ingested_one_by_one(steward: Steward) -> None:
    for event in life():
        assert codes(steward.ingest([event])) == ["accepted"]

    assert (the_wish(steward).state, the_wish(steward).delivered_hours) == ("delivered", 18_000_000)


def test_every_fact_is_true_when_the_sender_says(sqlite_steward: Steward) -> None:
    sqlite_steward.ingest(life())

    request = the_wish(sqlite_steward)
    minutes = [
        request.raised_at,
        request.assessed_at,
        request.responded_at,
        request.decided_at,
        request.amended_at,
        request.delivered_at,
    ]
    midnight = 1_768_348_800
    assert [((at or 0) // 1_000_000 - midnight) // 60 for at in minutes] == [605, 700, 715, 750, 765, 1080]
    assert request.consults is not None
    assert [consult["state"] for consult in request.consults] == ["answered", "waived"]


def test_a_promise_made_too_early_is_refused_and_costs_no_other_event(sqlite_steward: Steward) -> None:
    events = life()
    early = {**events[9], "id": "early", "time": "2026-01-14T10:06:00Z"}

    items = sqlite_steward.ingest([*events[:4], early, *events[4:]])

    assert codes(items) == [*["accepted"] * 4, "impact_not_assessed", *["accepted"] * 9]


def test_one_sender_does_not_assess_and_approve(sqlite_steward: Steward) -> None:
    events = life()
    dear = cloud_event(
        8, "scope_change.assessed", "11:40", scope_change=SCOPE_CHANGE, effort_hours="90", price="8000.00"
    )
    approval = cloud_event(20, "scope_change.approved", "11:45", scope_change=SCOPE_CHANGE)

    assert codes(sqlite_steward.ingest([*events[:8], dear, approval]))[-2:] == ["accepted", "self_approval"]
    other = sqlite_steward.runtime.ingestion.ingest(
        sqlite_steward.tenant, Principal("key_of_the_director", trust="service"), [{**approval, "id": "by another"}]
    )
    assert codes(other) == ["accepted"]
    assert codes(sqlite_steward.ingest(events[9:])) == ["accepted"] * 4


def test_a_wish_may_be_absorbed_or_taken_back_by_events_too(sqlite_steward: Steward) -> None:
    raised = {"title": "More", "request": "More, please"}
    unpaid = {"hours": "3", "cause": "goodwill", "approved_by": "usr_director"}

    items = sqlite_steward.ingest(
        [
            opening(),
            cloud_event(30, "scope_change.raised", "09:00", scope_change="ref:A", **raised),
            cloud_event(31, "scope_change.raised", "09:01", scope_change="ref:B", **raised),
            cloud_event(32, "scope_change.absorbed", "09:02", scope_change="ref:A", **unpaid),
            cloud_event(33, "scope_change.withdrawn", "09:03", scope_change="ref:B"),
            cloud_event(34, "scope_change.withdrawn", "09:04", scope_change="ref:B"),
            cloud_event(35, "scope_change.raised", "09:05", scope_change="ref:A", **raised),
        ]
    )

    assert codes(items) == [*["accepted"] * 5, "scope_change_withdrawn", "external_ref_taken"]
    assert {row.external_ref: row.state for row in sqlite_steward.rows("scope_changes")} == {
        "A": "absorbed",
        "B": "closed",
    }


def test_who_may_not_amend_contracts_does_not_amend_them_by_a_wish(sqlite_steward: Steward) -> None:
    sqlite_steward.ingest(life()[:11])

    caller = Caller(sqlite_steward.tenant, Principal("key_sender", "integration"), frozenset({"scope_changes:write"}))
    items = sqlite_steward.runtime.ingestion.ingest(
        sqlite_steward.tenant, caller.principal, [life()[11]], caller.require_to_write
    )

    assert isinstance(items[0].refusal, NotAllowed)
