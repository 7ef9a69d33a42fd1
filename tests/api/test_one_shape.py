"""One noun has one name and one shape: money, days and statuses in bodies, answers, filters and sorts, by the contract alone."""

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.api.contract import LISTS, OPERATIONS, SCHEMA, resolved

SCHEMAS: Final[dict[str, dict[str, Any]]] = SCHEMA["components"]["schemas"]
MONEY: Final = {"$ref": "#/components/schemas/Money"}
RULES: Final = {"ApprovalLimit"}
"""What says amounts of whatever currency."""


def within(*roots: Any) -> set[str]:
    """The names of the schemas that some parts of the contract are made of."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        named = set(re.findall(r"#/components/schemas/(\w+)", str(waiting.pop())))
        waiting += [SCHEMAS[name] for name in named - found]
        found |= named
    return found


BODIES: Final = within(*(one.spec.get("requestBody") for one in OPERATIONS))
ANSWERS: Final = within(*(one.spec["responses"] for one in OPERATIONS))
FIGURES: Final = {
    name for name in ANSWERS if {"unit", "fx_rates", "policy_version", "certified"} & SCHEMAS[name]["properties"].keys()
}
"""What tells figures, whose values are decimals beside one unit and one currency."""


def members(schemas: set[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each member of some schemas, with the name of its schema."""
    for schema in sorted(schemas):
        for name, member in SCHEMAS[schema].get("properties", {}).items():
            yield schema, name, member


def options(member: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms that a member may have, without null and descriptions."""
    forms = member.get("anyOf", member.get("oneOf", [member]))
    return [{name: form[name] for name in form if name in ("$ref", "type", "format")} for form in forms]


def test_what_a_body_takes_as_money_is_answered_as_money() -> None:
    taken = {name for _, name, member in members(BODIES) if MONEY in options(member)}
    figures = within(*({"$ref": f"#/components/schemas/{name}"} for name in FIGURES)) | {"Money"} | RULES

    plain = [
        (schema, name)
        for schema, name, member in members(ANSWERS - BODIES - figures)
        if name in taken and MONEY not in options(member)
    ]

    assert {"unit_price", "amount", "price", "cost", "expected_value", "annual_value"} <= taken
    assert plain == []


def test_a_body_takes_money_as_it_is_answered_beside_a_plain_decimal() -> None:
    forms = [options(member) for _, _, member in members(BODIES) if MONEY in options(member)]

    assert all({"type": "string"} in each for each in forms)


def test_a_body_takes_a_period_as_it_is_answered_beside_its_two_days() -> None:
    over = {schema for schema, name, _ in members(BODIES) if name == "period"}

    assert over == {schema for schema, name, _ in members(BODIES - {"Period", "WorkingHours"}) if name == "from"}
    for schema in over:
        assert {"$ref": "#/components/schemas/Period"} in options(SCHEMAS[schema]["properties"]["period"])
        assert not {"from", "to", "period"} & {*SCHEMAS[schema].get("required", ())}


def test_what_is_a_day_in_a_body_is_a_day_or_an_instant_in_every_answer() -> None:
    days = {name for _, name, member in members(BODIES) if {"type": "string", "format": "date"} in options(member)}
    # figures of a restatement at two positions, hours of a day; a position; the start, the end or a day
    others = {"from", "to", "known_at", "attribution"}

    for schema, name, member in members(ANSWERS):
        if name in days - others:
            assert member.get("format") in ("date", "date-time"), (schema, name)


def test_where_something_is_in_its_life_is_its_status() -> None:
    parameters = [(one.name, name) for one in OPERATIONS for name in one.query]

    assert [(schema, name) for schema, name, _ in members(BODIES | ANSWERS) if re.search("(^|_)state$", name)] == []
    assert [one for one in parameters if re.search(r"(^|[._])state\b", one[1])] == []


def test_a_list_is_sorted_and_narrowed_by_members_of_its_answer() -> None:
    for operation in LISTS:
        page = resolved(operation.spec["responses"]["200"]["content"]["application/json"]["schema"])
        item = resolved(page["properties"].get("data", page["properties"].get("events"))["items"])
        for parameter in operation.spec["parameters"]:
            if parameter["name"] == "sort":
                names = [each.removeprefix("-") for each in parameter["schema"]["enum"]]
            else:
                names = [parameter["name"].rpartition(".")[0]] if parameter["name"].endswith(("gte", "lte")) else []
            for name in names:
                assert _reaches(item, name), (operation.name, parameter["name"], name)


def _reaches(schema: dict[str, Any], path: str) -> bool:
    name, _, rest = path.partition(".")
    member = schema.get("properties", {}).get(name)
    if member is None or not rest:
        return member is not None
    return any(_reaches(resolved(option), rest) for option in member.get("anyOf", [member]))
