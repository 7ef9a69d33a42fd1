"""Access: who could see what, and by way of what, is what a plain reading of the events says, on any day and at any position."""

from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.auth.access import sights
from app.auth.organisation import AT_ONCE, Organisation
from app.auth.reach import reach_of
from app.domain.kernel.values import day_end, day_start
from app.domain.recorded import Recorded
from projections.views import account_access

ZONE: Final = ZoneInfo("Europe/Berlin")
USERS: Final = ("usr_a", "usr_b", "usr_c", "usr_d")
REFS: Final = {"usr_a": "anna", "usr_b": "ben", "usr_c": "clara"}
ACCOUNTS: Final = ("acct_1", "acct_2", "acct_3")
NAMES: Final = (*REFS.values(), "usr_b", "usr_d", "gone")
DAYS: Final = [str(date(2026, 1, 1) + timedelta(days=number)) for number in range(0, 40, 4)]
READERS: Final = ("account_manager", "senior_account_manager", "director", "vp", "coordinator", "specialist", "auditor")


class Said(NamedTuple):
    """An event: when it is effective, of which stream, its topic and its members."""

    day: str
    stream: str
    topic: str
    data: dict[str, Any]


day = st.sampled_from(DAYS)
name = st.sampled_from(NAMES)
user = st.sampled_from(USERS)
a_name = st.one_of(st.none(), name)
member = st.fixed_dictionaries({"member": name, "function": st.sampled_from(["coordinator", "specialist"])})
of_account = st.one_of(
    st.tuples(st.just("account.owner_set"), st.fixed_dictionaries({"owner": name})),
    st.tuples(st.just("account.backup_set"), st.fixed_dictionaries({"backup": a_name})),
    st.tuples(st.sampled_from(["account.member_assigned", "account.member_released"]), member),
    st.tuples(st.just("account.key_account_set"), st.fixed_dictionaries({"key_account": st.booleans()})),
)
grant = st.fixed_dictionaries(
    {
        "role": st.sampled_from(READERS),
        "reach": st.sampled_from(["self", "team", "portfolio", "department", "tenant"]),
        "department": st.sampled_from([None, "search"]),
        "start": day,
        "end": st.one_of(st.none(), day),
    }
)
of_user = st.one_of(
    st.tuples(st.just("role.granted"), grant),
    st.tuples(st.just("role.revoked"), st.fixed_dictionaries({"grant": st.integers(1, 3)})),
    st.tuples(st.sampled_from(["user.suspended", "user.reinstated"]), st.just({})),
    st.tuples(
        st.just("user.reporting_line_set"), st.fixed_dictionaries({"manager": st.one_of(st.none(), user), "start": day})
    ),
)
of_team = st.tuples(
    st.just("team.member_added"), st.fixed_dictionaries({"user": user, "start": day, "end": st.one_of(st.none(), day)})
)


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """The events of a small agency, in the order in which they were recorded, effective in any order."""
    said = [Said(DAYS[0], one, "user.invited", {"external_ref": REFS.get(one)}) for one in USERS]
    said.append(Said(DAYS[0], "tem_x", "team.formed", {"name": "x"}))
    said += [Said(draw(day), account, "account.opened", {"owner": draw(a_name)}) for account in ACCOUNTS]
    for _ in range(draw(st.integers(0, 25))):
        kind = draw(st.integers(0, 5))
        stream, of = (draw(st.sampled_from(ACCOUNTS)), of_account) if kind < 3 else (draw(user), of_user)
        topic, data = draw(of_team) if kind == 5 else draw(of)
        said.append(Said(draw(day), "tem_x" if kind == 5 else stream, topic, data))
    return said


def recorded(said: list[Said]) -> list[Recorded]:
    """The same as the log holds them."""
    events, grants = [], dict.fromkeys(USERS, 0)
    for position, one in enumerate(said, start=1):
        data, at = {**one.data}, day_start(one.day, ZONE)
        if one.topic == "role.granted":
            grants[one.stream] += 1
            data["grant"] = grants[one.stream]
        events.append(
            Recorded(
                "tnt_x",
                position,
                f"evt_{position}",
                one.stream,
                position,
                one.stream if one.stream in ACCOUNTS else None,
                one.topic,
                1,
                at,
                at,
                "usr_a",
                b"",
                known={"data": data, "meta": {}},
            )
        )
    return events


# --- the plain reading ---


def last(said: list[Said], account: str, on: str, topics: tuple[str, ...], **members: Any) -> Said | None:
    """The event of an account that counts on a day: the one effective last, of these the one recorded last."""
    opened = min(one.day for one in said if one.stream == account and one.topic == "account.opened")
    found = [
        (max(one.day, opened), number, one)
        for number, one in enumerate(said)
        if one.stream == account
        and one.topic in topics
        and max(one.day, opened) <= on
        and all(one.data[key] == value for key, value in members.items())
    ]
    return max(found, key=lambda each: each[:2])[2] if found else None


def named_as(said: list[Said], account: str, on: str, names: set[str]) -> set[str]:
    """As what an account names somebody on a day."""
    found = set()
    owner = last(said, account, on, ("account.opened", "account.owner_set"))
    backup = last(said, account, on, ("account.backup_set",))
    if owner and owner.data["owner"] in names:
        found.add("owner")
    if backup and backup.data["backup"] in names:
        found.add("backup")
    for one in names:
        for function in ("coordinator", "specialist"):
            told = last(
                said, account, on, ("account.member_assigned", "account.member_released"), member=one, function=function
            )
            if told and told.topic == "account.member_assigned":
                found.add("member")
    return found


def manager(said: list[Said], who: str, on: str) -> str | None:
    """To whom somebody reports: the line that began last, of one day the one recorded last."""
    lines = [
        (one.data["start"], number, one.data["manager"])
        for number, one in enumerate(said)
        if one.stream == who and one.topic == "user.reporting_line_set" and one.data["start"] <= on
    ]
    return max(lines, key=lambda line: line[:2])[2] if lines else None


def grants(said: list[Said], who: str, on: str) -> list[dict[str, Any]]:
    """The grants that count on a day."""
    given = [one.data for one in said if one.stream == who and one.topic == "role.granted"]
    gone = {one.data["grant"] for one in said if one.stream == who and one.topic == "role.revoked" and one.day <= on}
    away = [
        one.topic for one in said if one.stream == who and one.topic in AT_ONCE - {"role.revoked"} and one.day <= on
    ]
    if away and away[-1] == "user.suspended":
        return []
    return [
        data for number, data in enumerate(given, start=1)
        if number not in gone and data["start"] <= on and (data["end"] is None or on < data["end"])
    ]  # fmt: skip


def reports_to(said: list[Said], who: str, leader: str, on: str) -> bool:
    """Whether somebody reports to another one, by way of others too."""
    seen, above = {who}, manager(said, who, on)
    while above is not None and above not in seen:
        if above == leader:
            return True
        seen.add(above)
        above = manager(said, above, on)
    return above == leader and leader != who


def plainly(said: list[Said], account: str, who: str, on: str) -> set[tuple[str, str | None, str | None]]:
    """Via what somebody could see an account on a day, of whom, and named as what."""
    if not any(one.stream == account and one.topic == "account.opened" and one.day <= on for one in said):
        return set()
    names = {one: {one, REFS.get(one, one)} for one in USERS}
    found: set[tuple[str, str | None, str | None]] = set()

    def of(via: str, others: list[str]) -> None:
        found.update(
            (via, other, role) for other in others if other != who for role in named_as(said, account, on, names[other])
        )

    in_team = [
        one.data["user"]
        for one in said
        if one.topic == "team.member_added"
        and one.data["start"] <= on
        and (one.data["end"] is None or on < one.data["end"])
    ]
    for held in grants(said, who, on):
        if held["reach"] == "tenant":
            found.add(("tenant", None, None))
            continue
        found |= {(role, None, role) for role in named_as(said, account, on, names[who])}
        if held["reach"] == "portfolio" and held["role"] == "senior_account_manager":
            of("mentor", [one for one in USERS if manager(said, one, on) == who])
            key = last(said, account, on, ("account.key_account_set",))
            if key and key.data["key_account"]:
                found.add(("key_account", None, None))
        if held["reach"] == "team" and who in in_team:
            of("team", in_team)
        if held["reach"] == "department":
            of("department", [one for one in USERS if reports_to(said, one, who, on)])
            if held["department"]:
                same = [
                    one
                    for one in USERS
                    if any(each["department"] == held["department"] for each in grants(said, one, on))
                ]
                of("department", same)
    return found


@given(histories(), day, st.data())
def test_who_could_see_what_is_what_a_plain_reading_of_the_events_says(
    said: list[Said], on: str, data: st.DataObject
) -> None:
    known = said[: data.draw(st.integers(len(USERS) + 1 + len(ACCOUNTS), len(said)))]
    events, at = recorded(known), day_end(on, ZONE) - 1
    rows: dict[str, Any] = {account: {} for account in ACCOUNTS}
    people = []
    for event in events:
        if event.account_id is not None:
            rows[event.account_id] = account_access.VIEW.fold(rows[event.account_id], event, ZONE)
        elif event.type not in AT_ONCE or event.effective_at <= at:
            people.append(event)
    named = [row for group in rows.values() for row in group.values() if row.valid_from <= at < row.valid_to]
    organisation = Organisation().after(people)

    found: dict[tuple[str, str], set[tuple[str, str | None, str | None]]] = {}
    for sight in sights(organisation, USERS, on, named):
        found.setdefault((sight.account, sight.user), set()).add((sight.via, sight.of, sight.named_as))

    for account in ACCOUNTS:
        for who in USERS:
            expected = plainly(known, account, who, on)
            assert found.get((account, who), set()) == expected
            reach = reach_of(organisation, who, on)
            in_reach = {row.account for row in named if reach.whole or row.name in account_access.names_of(reach)}
            assert (account in in_reach) == bool(expected)


def test_names_of_whoever_was_merged_into_a_person_are_theirs() -> None:
    said = [
        Said(DAYS[0], "usr_a", "user.invited", {"external_ref": "anna"}),
        Said(DAYS[0], "usr_b", "user.noted", {"external_ref": "a.smith"}),
        Said(DAYS[0], "usr_b", "user.merged", {"into": "usr_a"}),
        Said(DAYS[0], "usr_a", "user.names_joined", {"user": "usr_b", "names": ["a.smith", "usr_b", "smith"]}),
    ]
    events = recorded(said)

    before, after = Organisation().after(events[:2]), Organisation().after(events)

    assert before.names("usr_a") == {"usr_a", "anna"}
    assert after.names("usr_a") == {"usr_a", "anna", "usr_b", "a.smith", "smith"}
    assert after.names("usr_c") == {"usr_c"}
