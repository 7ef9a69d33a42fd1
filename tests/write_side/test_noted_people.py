"""Names that events give: whoever is named becomes a user, once; and an older ledger is taken over with every figure as it was."""

import threading
from typing import Any

from app.domain.user.commands import InviteUser, MergeUser
from app.services.people_takeover import PeopleTakeover
from app.store.people import People
from tests.golden.answers import NOW, ZONE, load
from tests.kpi_queries.history_factory import ask
from tests.support.application import Steward
from tests.support.databases import Databases


def opened(number: int, owner: str) -> dict[str, Any]:
    """An event that opens an account."""
    return {
        "specversion": "1.0", "id": str(number), "source": "urn:crm", "type": "account.opened", "time": "2026-01-01T00:00:00Z",
        "data": {"name": f"Client {number}", "currency": "EUR", "owner": owner, "external_ref": f"c{number}"},
    }  # fmt: skip


def noted(steward: Steward) -> list[str]:
    """The names of which users were made."""
    return [event.data["external_ref"] for event in steward.events() if event.type == "user.noted"]


def test_whom_events_name_becomes_a_user_once_and_before_the_account(steward: Steward) -> None:
    steward.do(InviteUser(name="Jonas", external_ref="jonas"), role="admin")

    items = steward.ingest([opened(1, "maria"), opened(2, "maria"), opened(3, "jonas")])
    steward.ingest([opened(4, "maria")])

    assert [item.status for item in items] == ["accepted"] * 3
    assert noted(steward) == ["maria"]
    assert steward.topics().index("user.noted") < steward.topics().index("account.opened")
    assert steward.state("user", "ref:maria").unclaimed


def test_of_several_makers_of_one_name_one_makes_the_user(steward: Steward) -> None:
    outcomes: list[str] = []

    def ingest(number: int) -> None:
        outcomes.extend(item.status for item in steward.ingest([opened(number, "maria")]))

    threads = [threading.Thread(target=ingest, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes == ["accepted"] * 6
    assert noted(steward) == ["maria"]


def test_who_is_named_by_an_id_or_a_reference_is_held_by_the_canonical_name(steward: Steward) -> None:
    maria = steward.do(InviteUser(name="Maria", external_ref="maria"), role="admin").id

    steward.ingest([opened(1, maria), opened(2, "ref:maria"), opened(3, "maria")])

    assert {row.owner for row in steward.rows("accounts")} == {"maria"}


def test_an_older_ledger_is_taken_over_and_every_figure_by_owner_stays(databases: Databases) -> None:
    steward = Steward(databases.fresh("sqlite"), time_zone=ZONE, now=NOW)
    load(steward)
    steward.catch_up()
    owners = {row.owner for row in steward.rows("accounts") if row.owner}
    before = _figures(steward, owners)

    made = PeopleTakeover(steward.runtime.handler, steward.runtime.reader).run_once(steward.tenant)
    again = PeopleTakeover(steward.runtime.handler, steward.runtime.reader).run_once(steward.tenant)

    steward.catch_up()
    assert (made, again) == (len(owners), 0)
    assert sorted(noted(steward)) == sorted(owners)
    assert _figures(steward, owners) == before
    maria = steward.do(InviteUser(name="Maria", external_ref="maria"), role="admin").id
    steward.do(MergeUser(into=maria), role="admin", user="ref:usr_maria")
    person = People(steward.runtime.log).find(steward.tenant, "usr_maria")
    assert person is not None
    assert (person.user, person.name) == (maria, "maria")
    steward.close()


def _figures(steward: Steward, owners: set[str]) -> dict[tuple[str, str], Any]:
    """Figures of each owner: points and periods."""
    figures: dict[tuple[str, str], Any] = {}
    for owner in sorted(owners):
        for name, period in (
            ("mrr", None), ("arr", None), ("arpa", None), ("net_revenue_retention", ("2025-01-01", "2026-01-01")),
            ("gross_revenue_retention", ("2025-01-01", "2026-01-01")), ("client_retention_rate", ("2025-01-01", "2026-01-01")),
        ):  # fmt: skip
            answer = ask(steward, name, period, owner=owner)
            figures[owner, name] = (answer["value"], answer["numerator"], answer["denominator"])
    return figures
