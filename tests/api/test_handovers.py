"""Handovers over HTTP: an account goes to somebody else once they know what they must, and say yes."""

from typing import Any

import pytest

from app.domain.handover.events import NEEDED
from tests.support.server import Client, Server

PROMISES = [{"what": "Three drafts", "to": "Ada Lind", "due": "2026-03-01"}]


class Agency:
    """An admin's client, a service's client, and clients of people."""

    def __init__(self, server: Server) -> None:
        self.tenant = server.tenant()
        self.admin = server.client(server.key(self.tenant))
        self.server = server
        self.people: dict[str, Client] = {}
        self.users: dict[str, str] = {}

    def hire(self, name: str, role: str) -> Client:
        """A person with a role and a key of their own."""
        user = self.admin.write("/v1/users", {"name": name, "external_ref": name})["id"]
        self.admin.write(f"/v1/users/{user}/roles", {"role": role, "start": "2020-01-01"})
        key = self.admin.write("/v1/api-keys", {"user": user, "label": name})["api_key"]
        self.users[name], self.people[name] = user, self.server.client(key)
        return self.people[name]


@pytest.fixture
def agency(server: Server) -> Agency:
    """Maria owns an account and hands it over to Jonas; Helena stands above."""
    made = Agency(server)
    for name, role in (("maria", "account_manager"), ("jonas", "account_manager"), ("helena", "vp")):
        made.hire(name, role)
    made.admin.write("/v1/accounts", {"name": "A", "currency": "EUR", "owner": "maria", "external_ref": "a"})
    return made


def filled(client: Client, handover: str, *, without: str = "") -> None:
    """All sections but one."""
    for section in NEEDED["account_manager"]:
        if section != without:
            promises = {"promises": PROMISES} if section == "promises_made" else {}
            client.write(f"/v1/handovers/{handover}/sections/{section}", {"text": f"of {section}", **promises})


def test_an_account_is_handed_over_after_a_rejection_and_moves_only_then(agency: Agency) -> None:
    maria, jonas = agency.people["maria"], agency.people["jonas"]
    handover = maria.write("/v1/accounts/ref:a/handovers", {"receiver": agency.users["jonas"]})["id"]
    filled(maria, handover, without="risks")
    refused = maria.post(f"/v1/handovers/{handover}/submission", json={})
    assert (refused.status_code, refused.json()["code"], refused.json()["missing"]) == (
        409, "handover_incomplete", ["risks"])  # fmt: skip
    maria.write(f"/v1/handovers/{handover}/sections/risks", {"text": "none"})
    maria.write(f"/v1/handovers/{handover}/submission")

    jonas.position = maria.position
    jonas.write(f"/v1/handovers/{handover}/rejection", {"reason": "What was promised?"})
    assert agency.admin.read("/v1/accounts/ref:a")["owner"] == "maria"
    maria.write(f"/v1/handovers/{handover}/submission")
    for client in (maria,):
        refused = client.post(f"/v1/handovers/{handover}/acceptance", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_the_receiver")
    jonas.write(f"/v1/handovers/{handover}/acceptance")

    agency.admin.position = jonas.position
    account = agency.admin.read("/v1/accounts/ref:a")
    assert (account["owner"], account["members"]) == ("jonas", [])
    jonas.write(f"/v1/handovers/{handover}/introduction", {"day": "2026-02-01"})
    read = jonas.read(f"/v1/handovers/{handover}")
    assert (read["stage"], read["rejections"], read["rejection"]) == ("accepted", 1, "What was promised?")
    assert [section["promises"] for section in read["sections"] if section["section"] == "promises_made"] == [PROMISES]
    owned = agency.admin.read("/v1/events", types="account.owner_set")["data"]
    assert [event["data"]["handover"] for event in owned] == [handover]


def test_who_takes_an_account_over_does_not_decide_that_alone(agency: Agency) -> None:
    helena = agency.people["helena"]
    agency.admin.write("/v1/accounts/ref:a/backup", {"backup": "jonas"})
    jonas = agency.people["jonas"]
    handover = jonas.write("/v1/accounts/ref:a/handovers", {"receiver": "jonas"})["id"]
    filled(jonas, handover)
    jonas.write(f"/v1/handovers/{handover}/submission")

    refused = jonas.post(f"/v1/handovers/{handover}/acceptance", json={})

    assert (refused.status_code, refused.json()["code"]) == (403, "self_approval")
    helena.write(f"/v1/handovers/{handover}/acceptance")


@pytest.mark.parametrize(
    "given", [{"owner": "nobody"}, {"owner": "ref:nobody"}, {"owner": "usr_01jd7z5m3vf8x9v0w1y2z3a4b5"}]
)
def test_an_owner_whom_nobody_knows_is_refused_by_name(agency: Agency, given: dict[str, Any]) -> None:
    for path, body, code in (
        ("/v1/accounts", {"name": "B", "currency": "EUR", **given}, "owner_not_found"),
        ("/v1/accounts/ref:a/owner", given, "owner_not_found"),
        ("/v1/accounts/ref:a/backup", {"backup": given["owner"]}, "backup_not_found"),
        ("/v1/accounts/ref:a/members", {"member": given["owner"], "function": "sales"}, "member_not_found"),
        ("/v1/accounts/ref:a/handovers", {"receiver": given["owner"]}, "receiver_not_found"),
    ):
        refused = agency.admin.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, code)


def test_a_key_account_has_a_senior_owner_and_nobody_who_is_suspended_owns_anything(agency: Agency) -> None:
    refused = agency.admin.post("/v1/accounts/ref:a/key-account", json={"key_account": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "owner_not_senior")
    agency.hire("ruth", "senior_account_manager")
    agency.admin.write("/v1/accounts/ref:a/owner", {"owner": agency.users["ruth"]})
    agency.admin.write("/v1/accounts/ref:a/key-account", {"key_account": True})
    refused = agency.admin.post("/v1/accounts/ref:a/owner", json={"owner": "jonas"})
    assert (refused.status_code, refused.json()["code"]) == (409, "owner_not_senior")
    agency.admin.write(f"/v1/users/{agency.users['helena']}/suspension")
    refused = agency.admin.post("/v1/accounts/ref:a/owner", json={"owner": "helena"})
    assert (refused.status_code, refused.json()["code"]) == (409, "user_suspended")


def test_who_may_move_an_account_without_a_handover_says_why(agency: Agency) -> None:
    helena, owner = agency.people["helena"], {"owner": "jonas"}

    refused = helena.post("/v1/accounts/ref:a/owner", json=owner)
    helena.write("/v1/accounts/ref:a/owner", {**owner, "reason": "Maria is away for a year"})

    assert (refused.status_code, refused.json()["code"]) == (422, "ownership_needs_handover")
    assert helena.read("/v1/accounts/ref:a")["owner"] == "jonas"


def test_promises_in_another_section_are_refused_by_name(agency: Agency) -> None:
    maria = agency.people["maria"]
    handover = maria.write("/v1/accounts/ref:a/handovers", {"receiver": agency.users["jonas"]})["id"]

    refused = maria.post(f"/v1/handovers/{handover}/sections/risks", json={"text": "none", "promises": PROMISES})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
    assert [fault["code"] for fault in refused.json()["errors"]] == ["promises_elsewhere"]
