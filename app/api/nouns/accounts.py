"""Accounts over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Answer, EachOf, From, SealedTexts
from app.api.http.formatting import at, money
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.account.commands import (
    AccountMemberRelease,
    AssignAccountMember,
    CloseAccount,
    Function,
    OpenAccount,
    ReleaseAccountMember,
    RenameAccount,
    ReopenAccount,
    SetAccountBackup,
    SetAccountCountry,
    SetAccountOwner,
    SetAccountTier,
    SetKeyAccount,
)
from app.domain.kernel.values import CountryOrNone, Currency, Moment
from app.kpi_queries.renewal_policies import passed
from app.read_side.clocks import When
from projections.views import accounts, contract_lines, renewals

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["accounts:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["accounts:read"])]


class AccountMemberBody(BaseModel):
    """Somebody who works for an account besides its owner."""

    member: str = Field(description="who it is, by a name of theirs", examples=["usr_noah"])
    function: Function


def _member(member: Mapping[str, str], _row: Any, _texts: SealedTexts) -> Answer:
    return {**member}


class AccountBody(BaseModel):
    """An account."""

    id: Annotated[str, From("account")] = Field(examples=[EXAMPLE_ACCOUNT])
    name: str = Field(examples=["Northwind"])
    currency: str = Field(examples=["EUR"])
    time_zone: str
    industry: str | None
    country: str | None = Field(examples=["DE"])
    tier: str | None
    owner: str | None
    backup: str | None = Field(description="who stands in for the owner")
    members: Annotated[list[AccountMemberBody], EachOf(_member)] = Field(
        description="who works for it besides its owner and who stands in for them"
    )
    key_account: bool
    status: accounts.Status
    external_ref: str | None
    opened_at: AsInstant
    last_touch_at: AsInstant | None
    interactions: int
    version: int


class NextRenewal(BaseModel):
    """The first of an account's renewals that are open."""

    contract: str
    due: str = Field(examples=["2026-12-31"])
    notice_deadline: str
    atr: MoneyBody = Field(description="the annual value available to renew")


class AccountDetailsBody(AccountBody):
    """An account with its recurring revenue."""

    arr: list[MoneyBody] = Field(description="annual recurring revenue, by currency")
    mrr: list[MoneyBody] = Field(description="monthly recurring revenue, by currency")
    next_renewal: NextRenewal | None
    as_of: str
    position: int


present = Presenter(AccountBody, accounts.Account, not_shown=("latest_at", "stamps"))
LISTED: Final = ListOf(
    accounts.VIEW,
    present,
    filters={
        "status": Filter(accounts.Status),
        "tier": Filter(or_none=True, known=True),
        "owner": Filter(or_none=True, known=True),
        "industry": Filter(or_none=True, known=True),
        "backup": Filter(or_none=True),
        "key_account": Filter(bool, several=False),
        "country": Filter(CountryOrNone, or_none=True),
        "currency": Filter(Currency),
        "external_ref": Filter(),
    },
    ranges={"opened_at": Moment, "last_touch_at": Moment},
    sorts=("id", "name", "opened_at", "last_touch_at"),
    default="id",
)


def revenue_of(context: ReadContext, account_id: str, when: When) -> dict[str, Any]:
    """The recurring revenue of an account at an instant, by currency, and its next renewal."""
    reader = context.reader
    lines, _ = reader.select(
        context.tenant_id,
        contract_lines.VIEW,
        [contract_lines.of_account(account_id), *contract_lines.in_force(when.as_of)],
        when,
    )
    time = passed(reader, context.tenant_id, when.as_of, when.known_at)
    annual: dict[str, int] = {}
    for line in lines:
        annual[line.currency] = annual.get(line.currency, 0) + line.annual
    open_, _ = reader.select(
        context.tenant_id,
        renewals.VIEW,
        [renewals.of_account(account_id), time.has(["open"])],
        when,
        order=renewals.BY_DUE_DAY,
        limit=1,
    )
    return {
        "arr": [money(amount, currency) for currency, amount in sorted(annual.items())],
        "mrr": [money(amount, currency, 12) for currency, amount in sorted(annual.items())],
        "next_renewal": {
            "contract": open_[0].contract,
            "due": open_[0].due,
            "notice_deadline": open_[0].notice_deadline,
            "atr": money(open_[0].atr, open_[0].currency),
        }
        if open_
        else None,
    }


@router.post("", operation_id="accounts.open", status_code=201, responses=WRITTEN | documented(404, 409, 415, 422))
async def open_account(command: OpenAccount, context: Writing) -> Response:
    """Take a client on."""
    return await context.write(command)


@router.post(
    "/{account}/name",
    operation_id="accounts.rename",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def rename(account: str, command: RenameAccount, context: Writing) -> Response:
    """Give the organisation another name."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/tier",
    operation_id="accounts.set_tier",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def set_tier(account: str, command: SetAccountTier, context: Writing) -> Response:
    """Put the account into another tier."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/owner",
    operation_id="accounts.set_owner",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def set_owner(account: str, command: SetAccountOwner, context: Writing) -> Response:
    """Make another account manager accountable."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/backup",
    operation_id="accounts.set_backup",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def set_backup(account: str, command: SetAccountBackup, context: Writing) -> Response:
    """Say who stands in for the owner."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/members",
    operation_id="accounts.assign_member",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def assign_member(account: str, command: AssignAccountMember, context: Writing) -> Response:
    """Make somebody work for the account in a function."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/members/{member}/release",
    operation_id="accounts.release_member",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def release_member(account: str, member: str, command: AccountMemberRelease, context: Writing) -> Response:
    """Make somebody work for the account in a function no more."""
    return await context.write(ReleaseAccountMember(member=member, **command.model_dump()), account=account)


@router.post(
    "/{account}/key-account",
    operation_id="accounts.set_key_account",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def set_key_account(account: str, command: SetKeyAccount, context: Writing) -> Response:
    """Say whether the account is one of those that matter most."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/country",
    operation_id="accounts.set_country",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def set_country(account: str, command: SetAccountCountry, context: Writing) -> Response:
    """Say in which country the account has its seat."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/closure",
    operation_id="accounts.close",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def close(account: str, command: CloseAccount, context: Writing) -> Response:
    """End the relationship."""
    return await context.write(command, account=account)


@router.post(
    "/{account}/reopening",
    operation_id="accounts.reopen",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def reopen(account: str, command: ReopenAccount, context: Writing) -> Response:
    """Take the relationship up again."""
    return await context.write(command, account=account)


@router.get("", operation_id="accounts.list", responses=answered(PageBody[AccountBody], 400))
def list_accounts(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The accounts, under both clocks."""
    return page(context, asked)


@router.get("/{account}", operation_id="accounts.get", responses=answered(AccountDetailsBody, 400, 404))
def get_account(account: str, context: Reading) -> Response:
    """An account with its recurring revenue, under both clocks."""
    account_id = context.find("account", account)
    when = context.when(accounts.VIEW, contract_lines.VIEW, renewals.VIEW)
    row, position = context.reader.one(context.tenant_id, accounts.VIEW, account_id, when)
    revenue = revenue_of(context, account_id, when)
    body = present(context, [row])[0] | revenue | {"as_of": at(when.as_of), "position": position}
    changing = bool(row.interactions or revenue["arr"] or revenue["next_renewal"]) or row.latest_at > when.as_of
    return context.answer(body, position, version=row.version, changing=changing)
