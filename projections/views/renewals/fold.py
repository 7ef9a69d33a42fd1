"""What an event makes of the rows of an account: the facts of its contract grow, and its states follow from them anew."""

from collections.abc import Iterable, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Key, Rows
from projections.views.renewals import shortcuts
from projections.views.renewals.contract_facts import Added, ContractFacts
from projections.views.renewals.row import Renewal
from projections.views.renewals.states import Timeline, merged

HEAD: Final = ("", -1)
"""Due day and beginning in the key of the row that holds a contract's facts."""


def is_head(key: Key) -> bool:
    """Whether a row holds the facts of a contract: only its newest state is kept."""
    return key[2:] == HEAD


def fold_fact(rows: Rows[Renewal], recorded: Recorded, where: ZoneInfo) -> Rows[Renewal]:
    account = str(recorded.account_id)
    contract = recorded.stream_id if recorded.type.startswith("contract.") else str(recorded.data["contract"])
    head = rows.get((account, contract, *HEAD))
    if head is None:
        if recorded.type != "contract.drafted":
            return rows
        head = _head(recorded, account)
    added = ContractFacts.load(head.facts).add(recorded, where)
    facts = added.facts
    made = dict(rows)
    made[account, contract, *HEAD] = head._replace(facts=facts)
    replaced = facts.facts[0].data.get("replaces")
    if replaced and (before := made.get((account, replaced, *HEAD))) is not None:
        of_replaced = ContractFacts.load(before.facts)
        if contract not in of_replaced.followers:
            of_replaced = of_replaced.followed_by(contract)
        made[account, replaced, *HEAD] = before._replace(facts=of_replaced)
        _derive(made, account, replaced, added.since, where)
    _derive(made, account, contract, added.since, where, added)
    return made


def _head(recorded: Recorded, account: str) -> Renewal:
    data = recorded.data
    return Renewal(
        account=account,
        contract=recorded.stream_id,
        due="",
        valid_from=HEAD[1],
        valid_to=HEAD[1],
        currency=data["currency"],
        external_ref=data.get("external_ref"),
        facts=ContractFacts(),
    )


def _derive(
    made: dict[Key, Renewal],
    account: str,
    contract: str,
    since: int | None,
    where: ZoneInfo,
    added: Added | None = None,
) -> None:
    """Puts the states of a contract in the place of those that were.

    Takes: from when on they may differ; None for all; what was added, where that is its own.
    """
    head = made[account, contract, *HEAD]
    before = {key[2:]: row for key, row in made.items() if key[1] == contract and key[2:] != HEAD}
    worked_out = min((row.valid_from for row in before.values() if not row.due), default=FOREVER)
    if since is not None and worked_out < since:  # terms have begun by themselves since
        since, added = worked_out, None
    after = None if added is None else shortcuts.after(before, added, where)
    if after is None:
        after = _derived(made, head, before.values(), since, where)
    for key in before.keys() - after.keys():
        del made[account, contract, *key]
    for key, row in after.items():
        if before.get(key) is not row:
            made[account, contract, *key] = row


def _derived(
    made: Rows[Renewal], head: Renewal, before: Iterable[Renewal], since: int | None, where: ZoneInfo
) -> shortcuts.States:
    """The states of a contract, worked out from its facts."""
    fresh, horizon = timeline_of(made, head, where, -FOREVER if since is None else since).states()
    kept = [
        row if row.valid_to <= since else row._replace(valid_to=since)
        for row in before
        if since is not None and row.due and row.valid_from < since
    ]
    after = dict(merged(kept, fresh))
    if horizon < FOREVER:
        after["", horizon] = head._replace(valid_from=horizon, valid_to=FOREVER, facts=None)
    return after


def timeline_of(rows: Rows[Renewal], head: Renewal, where: ZoneInfo, since: int = -FOREVER) -> Timeline:
    """The facts of a contract with those that follow it. Takes: the rows of its account, or the heads among them."""
    own = ContractFacts.load(head.facts)
    return Timeline(head, own, list(_followers(rows, head, own)), where, since)


def _followers(rows: Rows[Renewal], head: Renewal, own: ContractFacts) -> Iterator[ContractFacts]:
    for contract in own.followers:
        follower = rows.get((head.account, contract, *HEAD))
        if follower is not None:
            yield ContractFacts.load(follower.facts)
