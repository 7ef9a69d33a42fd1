"""An end ends: when a thing is closed, voided, withdrawn, revoked, lost or declined, nothing that counted it counts it any more.

Every event of the catalogue either ends something, and has a story here, or goes on. A story is told in two tenants: in one the thing
comes and ends, in the other it never came. What is counted must differ while the thing is there, and be the same in the end.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from app.domain.account.commands import AssignAccountMember, CloseAccount, OpenAccount, ReleaseAccountMember
from app.domain.agent.commands import EndAgent, RegisterAgent, SuspendAgent
from app.domain.api_key.commands import RecordApiKey, RevokeApiKey
from app.domain.budget.commands import CloseBudget, RecordForecast, SetBudget
from app.domain.catalogue import CATALOGUE
from app.domain.contract import commands as contracts
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.issuer.commands import CloseIssuer, RecordIssuer
from app.domain.kernel.principal import Principal
from app.domain.opportunity import commands as chances
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, RetirePolicy
from app.domain.policy.rules import MetricRules
from app.domain.proposal import commands as offers
from app.domain.renewal.commands import OpenRenewal
from app.domain.scope_change import commands as scope
from app.domain.suggestion.commands import ExpireSuggestion, RecordSuggestion, RejectSuggestion, WithdrawSuggestion
from app.domain.team.commands import AddTeamMember, DissolveTeam, FormTeam, RemoveTeamMember
from app.domain.user.commands import GrantRole, InviteUser, MergeUser, NoteUser, RevokeRole, SuspendUser
from app.domain.webhook_endpoint.commands import AddWebhookSecret, CloseWebhookEndpoint, RetireWebhookSecret
from app.store.receipts import Request
from app.store.tables import secrets
from tests.kpi_queries.history_factory import ask
from tests.services import incentives_factory as incentives
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.webhooks.senders import register

NOW, LATER = "2026-01-15T09:00:00Z", "2026-03-01T09:00:00Z"
Story = Iterator[None]
"""The steps of a story: up to the first yield the thing comes, behind it it ends."""

GOES_ON: Final = frozenset(
    f"{noun}.{happened}"
    for noun, events in {
        "tenant": "created",
        "api_key": "issued",
        "issuer": "registered",
        "user": "invited noted names_joined login_bound reinstated reporting_line_set",
        "role": "granted",
        "team": "formed renamed member_added",
        "agent": "registered bounded resumed",
        "suggestion": "made approved",
        "account": "opened renamed tier_set owner_set backup_set member_assigned key_account_set country_set reopened",
        "handover": "started section_filled submitted accepted rejected client_introduced",
        "interaction": "logged",
        "contract": "drafted signed amended corrected notice_given suspended resumed renewed terms_corrected",
        "renewal": "opened risk_set deferred won milestone_reached forecast_submitted",
        "scope_change": "raised consult_requested consult_answered assessed approved responded absorbed amended delivered",
        "webhook_endpoint": "registered secret_added",
        "policy": "drafted activated",
        "proposal": "versioned submitted client_position_recorded concession_offered approval_requested approval_granted "
        "accepted contracted",
        "opportunity": "identified qualified estimated advanced won",
        "budget": "set revised spend_recorded spend_corrected forecast_recorded threshold_crossed",
        "incentive_statement": "issued disputed dispute_resolved",
        "kpi_certificate": "issued",
        "period_close": "closed restated",
    }.items()
    for happened in events.split()
)
"""What begins, changes or decides something. A new event stands here, or has a story."""


def counted(steward: Steward) -> dict[str, Any]:
    """What counts things: figures, counts, and whose turn it is."""
    steward.catch_up()
    points = {"mrr": None, "arr": None, "pipeline_value": "total", "budget_variance": None}
    figures: dict[str, Any] = {name: ask(steward, name, None, method)["value"] for name, method in points.items()}
    for name, period in (
        ("alternative_acceptance", ("2026-01-01", "2026-02-01")),
        ("incentive_total", ("2025-01-01", "2027-01-01")),
    ):
        answer = ask(steward, name, period)
        warnings = [warning["code"] for warning in answer["warnings"] if warning["code"] != "period_not_over"]
        figures[name] = (answer["numerator"], warnings)
    with steward.runtime.database.read(steward.tenant) as connection:
        kept = connection.execute(
            select(func.count()).select_from(secrets).where(secrets.c.tenant_id == steward.tenant)
        )
        texts = kept.scalar_one()
    return figures | {
        "touches": [(row.interactions, row.last_touch_at) for row in steward.rows("accounts")],
        "turns": [row.waiting_on for row in steward.rows("scope_changes") if row.waiting_on],
        "approvals": sum(row.awaiting for row in steward.rows("proposals")),
        "with the client": sum(row.state in ("drafted", "submitted") for row in steward.rows("proposals")),
        "keys": sum(row.revoked_at is None for row in steward.rows("api_keys")),
        "issuers": [row.issuer for row in steward.rows("issuers") if row.status == "open"],
        "roles": users_roles(steward),
        "nobody yet": sum(row.status == "unclaimed" for row in steward.rows("users")),
        "members": [spell["user"] for row in steward.rows("teams") for spell in row.members],
        "team": [row.members for row in steward.rows("accounts") if row.members],
        "agents": sum(row.status == "active" for row in steward.rows("agents")),
        "suggestions": sum(row.status == "open" for row in steward.rows("suggestions")),
        "secrets": texts,
        "rules": ask(steward, "mrr", None)["policy_version"],
        "notices": [row.notice for row in steward.rows("contracts") if row.notice],
    }


# --- stories ---


def a_key(steward: Steward, _account: str) -> Story:
    key = steward.do(RecordApiKey(role="auditor", secret_sha256="a" * 64), role="admin").id
    yield
    steward.do(RevokeApiKey(), role="admin", api_key=key)


def a_name(steward: Steward, _account: str) -> Story:
    noted = steward.do(NoteUser(external_ref="maria l."), role="admin").id
    yield
    maria = steward.do(InviteUser(name="Maria"), role="admin").id
    steward.do(MergeUser(into=maria), role="admin", user=noted)


def an_account_member(steward: Steward, account: str) -> Story:
    steward.do(AssignAccountMember(member="usr_noah", function="coordinator"), account=account)
    yield
    steward.do(ReleaseAccountMember(member="usr_noah", function="coordinator"), account=account)


def an_issuer(steward: Steward, _account: str) -> Story:
    issuer = steward.do(RecordIssuer(issuer="https://login.example", audience="steward"), role="admin").id
    yield
    steward.do(CloseIssuer(), role="admin", issuer=issuer)


def users_roles(steward: Steward) -> list[str]:
    """The roles that users have, suspended ones aside."""
    return [
        role["role"]
        for row in steward.rows("users")
        for role in row.roles
        if row.status != "suspended" and role["revoked_at"] is None
    ]


def director(steward: Steward) -> str:
    """A user who is a director."""
    made = steward.do(InviteUser(name="Helena"), role="admin").id
    steward.do(GrantRole(role="director"), role="admin", user=made)
    return made


def a_user(steward: Steward, _account: str) -> Story:
    made = director(steward)
    yield
    steward.do(SuspendUser(), role="admin", user=made)


def a_role(steward: Steward, _account: str) -> Story:
    made = director(steward)
    yield
    steward.do(RevokeRole(grant=1), role="admin", user=made)


def member(steward: Steward) -> tuple[str, str]:
    """A team, and a user who belongs to it."""
    made, team = steward.do(InviteUser(name="Mia")).id, steward.do(FormTeam(name="Retail")).id
    steward.do(AddTeamMember(user=made), team=team)
    return team, made


def a_team_member(steward: Steward, _account: str) -> Story:
    team, made = member(steward)
    yield
    steward.do(RemoveTeamMember(), team=team, user=made)


def a_team(steward: Steward, _account: str) -> Story:
    team, _ = member(steward)
    yield
    steward.do(DissolveTeam(), team=team)


def agent(steward: Steward) -> str:
    """An agent of a user."""
    made = steward.do(InviteUser(name="Mia")).id
    return steward.do(RegisterAgent(name="Helper", user=made, purpose="Helps"), role="admin").id


def a_suspended_agent(steward: Steward, _account: str) -> Story:
    made = agent(steward)
    yield
    steward.do(SuspendAgent(), role="admin", agent=made)


def an_agent(steward: Steward, _account: str) -> Story:
    made = agent(steward)
    yield
    steward.do(EndAgent(), role="admin", agent=made)


def suggestion(steward: Steward, account: str) -> str:
    """A suggestion about an account."""
    terms: dict[str, Any] = {
        "operation": "accounts.set_tier",
        "path": f"/v1/accounts/{account}/tier",
        "body": "{}",
        "preview": "{}",
    }
    made = RecordSuggestion(account=account, expires_at="2026-02-01T00:00:00Z", **terms)
    return steward.do(made, actor="mia").id


def a_rejected_suggestion(steward: Steward, account: str) -> Story:
    made = suggestion(steward, account)
    yield
    steward.do(RejectSuggestion(reason="No"), suggestion=made)


def a_withdrawn_suggestion(steward: Steward, account: str) -> Story:
    made = suggestion(steward, account)
    yield
    steward.do(WithdrawSuggestion(), actor="mia", suggestion=made)


def an_expired_suggestion(steward: Steward, account: str) -> Story:
    made = suggestion(steward, account)
    yield
    steward.clock.set(LATER)
    steward.do(ExpireSuggestion(), suggestion=made)


def an_account(steward: Steward, account: str) -> Story:
    opportunity(steward, account)
    budget(steward, account)
    yield
    steward.do(CloseAccount(), account=account)


def an_interaction(steward: Steward, account: str) -> Story:
    call = LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-10T00:00:00Z")
    interaction = steward.do(call, account=account).id
    yield
    steward.do(VoidInteraction(), interaction=interaction)


def signed(steward: Steward, account: str, end: str | None = None) -> str:
    """A contract of 500 a month that has begun."""
    line = contracts.Line(line="main", product="retainer", unit_price="500", interval="month")
    terms: dict[str, Any] = {"currency": "EUR", "start": "2026-01-01", "end": end, "signed_at": "2026-01-01"}
    return steward.do(contracts.RecordContract(lines=(line,), **terms), account=account).id


def a_contract(steward: Steward, account: str) -> Story:
    contract = signed(steward, account)
    yield
    end = contracts.TerminateContract(effective_end="2026-02-01", reason="left", voluntary=True)
    steward.do(end, contract=contract)
    steward.clock.set(LATER)


def a_term(steward: Steward, account: str) -> Story:
    contract = signed(steward, account, end="2026-02-01")
    yield
    steward.clock.set(LATER)
    steward.do(contracts.ExpireContract(), contract=contract)


def a_renewal(steward: Steward, account: str) -> Story:
    contract = signed(steward, account, end="2026-02-01")
    renewal = steward.do(OpenRenewal(), contract=contract).id
    yield
    steward.clock.set(LATER)
    steward.do(contracts.ExpireContract(), contract=contract)
    assert steward.state("renewal", renewal).outcome == "lost"


def a_notice(steward: Steward, account: str) -> Story:
    contract = signed(steward, account)
    steward.do(
        contracts.GiveNotice(by="client", effective_end="2026-02-01", effective_at="2026-01-15"), contract=contract
    )
    yield
    steward.do(contracts.WithdrawNotice(), contract=contract)
    steward.clock.set(LATER)


def asked(steward: Steward, account: str) -> str:
    """A scope change that waits."""
    return steward.do(scope.RaiseScopeChange(title="More", request="More, please"), account=account).id


def a_request(steward: Steward, account: str) -> Story:
    change = asked(steward, account)
    other_way = scope.RespondToClient(kind="decline_with_alternative", alternative="Later")
    steward.do(other_way, scope_change=change)
    yield
    steward.do(scope.WithdrawScopeChange(), scope_change=change)


def an_accepted_request(steward: Steward, account: str) -> Story:
    change = asked(steward, account)
    steward.do(scope.RespondToClient(kind="decline_with_alternative", alternative="Later"), scope_change=change)
    steward.do(scope.RecordClientDecision(accepted=True), scope_change=change)
    yield
    steward.do(scope.WithdrawScopeChange(), scope_change=change)


def a_declined_alternative(steward: Steward, account: str) -> Story:
    change = asked(steward, account)
    steward.do(scope.RespondToClient(kind="decline_with_alternative", alternative="Later"), scope_change=change)
    yield
    steward.do(scope.RecordClientDecision(accepted=False), scope_change=change)


def a_consult(steward: Steward, account: str) -> Story:
    change = asked(steward, account)
    steward.do(scope.RequestConsult(team="legal"), scope_change=change)
    yield
    steward.do(scope.WaiveConsult(team="legal", reason="small"), scope_change=change)
    assert steward.rows("scope_changes")[0].waiting_on == ["account_manager"]
    steward.do(scope.WithdrawScopeChange(), scope_change=change)


def opportunity(steward: Steward, account: str) -> str:
    """One that may bring 6,000 a year."""
    seen = chances.IdentifyOpportunity(title="More", kind="upsell", source="usage")
    chance = steward.do(seen, account=account).id
    worth = chances.EstimateOpportunity(annual_value="6000", currency="EUR", probability="0.5", close_by="2026-06-30")
    steward.do(worth, opportunity=chance)
    return chance


def a_lost_opportunity(steward: Steward, account: str) -> Story:
    chance = opportunity(steward, account)
    yield
    steward.do(chances.LoseOpportunity(reason="price"), opportunity=chance)


def a_parked_opportunity(steward: Steward, account: str) -> Story:
    chance = opportunity(steward, account)
    yield
    steward.do(chances.ParkOpportunity(until="2026-09-01", reason="later"), opportunity=chance)


def budget(steward: Steward, account: str) -> str:
    """One that will not suffice."""
    terms = {"title": "Spring", "currency": "EUR", "amount": "10.00", "start": "2026-01-01", "end": "2026-07-01"}
    made = steward.do(SetBudget(**terms), account=account).id
    steward.do(RecordForecast(at_completion="12.00"), budget=made)
    return made


def a_budget(steward: Steward, account: str) -> Story:
    made = budget(steward, account)
    yield
    steward.do(CloseBudget(), budget=made)


def conceded(steward: Steward, account: str) -> str:
    """A proposal with a concession that waits for approval."""
    item = offers.Item(item="main", product="retainer", unit_price="1000", interval="month")
    draft = offers.DraftProposal(currency="EUR", items=(item,), valid_until="2026-02-01", cost="11900")
    proposal = steward.do(draft, role="director", account=account).id
    gives: dict[str, Any] = {"kind": "price", "value": "600", "given": "Less", "in_exchange_for": "A reference"}
    steward.do(offers.OfferConcession(concession="less", **gives), role="account_manager", proposal=proposal)
    return proposal


def a_declined_proposal(steward: Steward, account: str) -> Story:
    proposal = conceded(steward, account)
    yield
    steward.do(offers.DeclineProposal(reason="price"), proposal=proposal)


def an_expired_proposal(steward: Steward, account: str) -> Story:
    proposal = conceded(steward, account)
    yield
    steward.clock.set(LATER)
    steward.do(offers.ExpireProposal(), proposal=proposal)


def a_rejected_concession(steward: Steward, account: str) -> Story:
    proposal = conceded(steward, account)
    yield
    no = offers.RejectConcession(concession="less", reason="No")
    steward.do(no, role="director", actor="director", proposal=proposal)
    steward.do(offers.DeclineProposal(reason="price"), proposal=proposal)


def rules(steward: Steward, _account: str) -> Story:
    policy = steward.do(DraftPolicy(rules=MetricRules(discounts="all"))).id
    steward.do(ActivatePolicy(number=1, start="2026-01-01"), policy=policy)
    yield
    steward.do(RetirePolicy(number=1, end="2026-01-15"), policy=policy)


def an_endpoint(steward: Steward, _account: str) -> Story:
    endpoint, _, _ = register(steward, key=f"register-{steward.tenant}")
    yield
    request = Request("close", b"")
    steward.runtime.endpoints.close(steward.tenant, Principal("test"), endpoint, CloseWebhookEndpoint(), request)


def a_secret(steward: Steward, _account: str) -> Story:
    endpoints = steward.runtime.endpoints
    endpoint, _, _ = register(steward, key=f"register-{steward.tenant}")
    _, added, _ = endpoints.add_secret(
        steward.tenant, Principal("test"), endpoint, AddWebhookSecret(), Request("add", b"")
    )
    yield
    retired = RetireWebhookSecret(secret=added)
    endpoints.retire_secret(steward.tenant, Principal("test"), endpoint, retired, Request("retire", b""))
    endpoints.close(steward.tenant, Principal("test"), endpoint, CloseWebhookEndpoint(), Request("close", b""))


def a_statement(steward: Steward, account: str) -> Story:
    incentives.plan(steward, clawback_months=6)
    contract = incentives.signed(steward, account, at="2025-10-01")
    statement = incentives.issue(steward, payee="mia").id
    yield
    loss = incentives.lost(steward, contract, "2025-12-01")
    incentives.claw_back(steward, statement, loss)


ENDS: Final[dict[str, Callable[[Steward, str], Story]]] = {
    "api_key.revoked": a_key,
    "issuer.closed": an_issuer,
    "user.suspended": a_user,
    "user.merged": a_name,
    "role.revoked": a_role,
    "account.member_released": an_account_member,
    "team.member_removed": a_team_member,
    "team.dissolved": a_team,
    "agent.suspended": a_suspended_agent,
    "agent.ended": an_agent,
    "suggestion.rejected": a_rejected_suggestion,
    "suggestion.withdrawn": a_withdrawn_suggestion,
    "suggestion.expired": an_expired_suggestion,
    "account.closed": an_account,
    "interaction.voided": an_interaction,
    "contract.notice_withdrawn": a_notice,
    "contract.terminated": a_contract,
    "contract.expired": a_term,
    "renewal.lost": a_renewal,
    "scope_change.withdrawn": a_request,
    "scope_change.decided": a_declined_alternative,
    "scope_change.consult_waived": a_consult,
    "incentive_statement.clawback_applied": a_statement,
    "opportunity.lost": a_lost_opportunity,
    "opportunity.parked": a_parked_opportunity,
    "budget.closed": a_budget,
    "proposal.declined": a_declined_proposal,
    "proposal.expired": an_expired_proposal,
    "proposal.approval_rejected": a_rejected_concession,
    "policy.retired": rules,
    "webhook_endpoint.closed": an_endpoint,
    "webhook_endpoint.secret_retired": a_secret,
}
WITHOUT: Final[dict[str, Callable[[Steward, str], object]]] = {"contract.notice_withdrawn": signed}
"""What there is in the other tenant, too."""
STORIES: Final = [*ENDS.items(), ("scope_change.withdrawn", an_accepted_request)]


# --- they are told ---


@pytest.fixture(scope="module")
def narrator(databases: Databases) -> Iterator[Steward]:
    """An application in which every story gets tenants of its own."""
    made = Steward(databases.fresh("sqlite"))
    yield made
    made.close()


def begun(steward: Steward) -> str:
    """A new tenant with an account. Gives: the account."""
    steward.clock.set(NOW)
    steward.tenant = steward.new_tenant("Agency")
    terms: dict[str, Any] = {"name": "Fermata", "currency": "EUR", "owner": "mia", "effective_at": "2024-01-01"}
    return steward.do(OpenAccount(**terms)).id


def test_every_event_of_the_catalogue_ends_something_and_has_a_story_or_goes_on() -> None:
    assert not GOES_ON & ENDS.keys()
    assert GOES_ON | ENDS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize(("topic", "story"), STORIES, ids=[f"{topic}-{story.__name__}" for topic, story in STORIES])
def test_what_ended_is_counted_nowhere(narrator: Steward, topic: str, story: Callable[[Steward, str], Story]) -> None:
    account = begun(narrator)
    steps = story(narrator, account)
    next(steps)
    there = counted(narrator)
    assert topic not in narrator.topics()

    assert next(steps, None) is None
    ended = counted(narrator)

    assert topic in narrator.topics()
    without = WITHOUT.get(topic)
    calm = begun(narrator)
    if without is not None:
        without(narrator, calm)
    never = counted(narrator)
    assert there != never
    assert ended == never
