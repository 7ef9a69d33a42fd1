"""Lists: what may be asked of one is declared once, and its parameters, their documentation and its conditions follow.

    LISTED = ListOf(
        interactions.VIEW,
        present,
        filters={"account": named("account"), "channel": Filter(Channel), "voided": Filter(bool, several=False)},
        ranges={"occurred_at": Moment},
        sorts=("occurred_at", "id"),
        default="-occurred_at",
    )

Filters, ranges and orders have the names of the answer's members; the presenter says which member of the row each is.
A range is asked for with `.gte`, `.gt`, `.lte` and `.lt` behind the member's name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response

from app.api.http.paging import Cursor, Limit, Paging, Start, listing, next_cursor, query_of, start
from app.api.http.parameters import OneOf
from app.api.http.presenter import Present, Presenter
from app.api.http.problems import Refusal
from app.api.http.read_context import ReadContext
from app.api.http.withholding import shape_of
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import FOREVER, NONE, Day, Moment, add_days, as_compared, day_start, micros, scaled
from app.read_side.row_queries import bounded, one_of
from projections.view import Condition, View

BOUNDS: Final = {"gte": "not before", "gt": "after", "lte": "not after", "lt": "before"}


@dataclass(frozen=True)
class Filter:
    """A member by which a list is narrowed.

    kind: the type of a value, a vocabulary where there is one. several: whether it may be repeated; then any of the values fits.
    noun: what a value names, by id or `ref:`. where: the condition that a value makes, if it is not that the member equals it.
    apart: whether the endpoint makes the condition, which depends on more than the value. or_none: whether `none` asks for what has none.
    known: whether only what some account had at some time may be asked for.
    """

    kind: Any = str
    several: bool = True
    noun: str | None = None
    where: Callable[[Any], Condition] | None = None
    apart: bool = False
    or_none: bool = False
    known: bool = False
    description: str = ""

    @property
    def explanation(self) -> str:
        """What the contract says of the parameter."""
        return self.description or (
            f"only with this value{'; none: without one' * self.or_none}{'; several by repeating' * self.several}"
        )

    @property
    def annotation(self) -> Any:
        """The type of the parameter."""
        return list[self.kind] | None if self.several else self.kind | None  # type: ignore[name-defined]  # a type that is a value here


def named(noun: str) -> Filter:
    """A filter by a thing that a row belongs to."""
    return Filter(several=False, noun=noun, description=f"by id or `ref:`, of {noun.replace('_', ' ')}")


@dataclass(frozen=True)
class Asked(Paging):
    """What a request asks of a list: the values of filters and of bounds, by parameter."""

    listed: "ListOf"
    sort: str
    filters: Mapping[str, Any]
    bounds: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ListOf:
    """A list as a dependency of its endpoint, which gives what a request asks of it.

    default: the order, by a member of the row where the answer does not show it. rows: the row's members behind those of the answer that
    the presenter adds later. orders: which member of the row is ordered by, where another than is shown. also: older names of bounds.
    """

    view: View[Any]
    present: Presenter
    filters: Mapping[str, Filter] = field(default_factory=dict)
    ranges: Mapping[str, Any] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()
    default: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises: TypeError for a member that is none of the row's: a wrong declaration is found when it is read."""
        equal = [name for name, one in self.filters.items() if one.where is None]
        for name in (*equal, *self.ranges, *self.sorts, *self.orders.values(), self.default.removeprefix("-")):
            if self._row_member(name) not in self.view.members:
                raise TypeError(f"{self.view.name} has no member for {name}")

    def without(self, *names: str) -> "ListOf":
        """The same list within a thing, which its path names already."""
        return replace(self, filters={name: one for name, one in self.filters.items() if name not in names})

    async def __call__(self, request: Request, **given: Any) -> Asked:
        """What a request asks of the list; FastAPI reads the parameters from the signature."""
        values = {
            name: value for name, parameter in self._parameters.items() if (value := given[parameter]) is not None
        }
        for older, name in self.also.items():
            if older in values and name in values:
                raise Refusal(Invalid("parameter_repeated", f"{older} is another name for {name}"))
        asked = {self.also.get(name, name): value for name, value in values.items()}
        return Asked(
            limit=asked["limit"],
            cursor=asked.get("cursor"),
            url=request.scope["path"],
            query=query_of(request),
            listed=self,
            sort=asked.get("sort", self.default),
            filters={name: asked[name] for name in self.filters if name in asked},
            bounds={name: asked[name] for name in self._bounds if name in asked},
        )

    @cached_property
    def __signature__(self) -> Signature:
        declared: list[tuple[str, Any, Any]] = [
            (name, one.annotation, Query(alias=name, description=one.explanation)) for name, one in self.filters.items()
        ]
        for name, (member, bound, kind) in self._bounds.items():
            declared.append((name, kind | None, Query(alias=name, description=f"{member} {BOUNDS[bound]}")))
        for older, name in self.also.items():
            kind = self._bounds[name][2]
            declared.append(
                (older, kind | None, Query(alias=older, deprecated=True, description=f"another name for {name}"))
            )
        if self.sorts:
            orders = OneOf([*self.sorts, *(f"-{name}" for name in self.sorts)])
            declared.append(
                ("sort", Annotated[str, orders] | None, Query(alias="sort", description="the order; - for descending"))
            )
        parameters = [Parameter("request", Parameter.KEYWORD_ONLY, annotation=Request)]
        for name, annotation, query in declared:
            parameter = self._parameters[name]
            parameters.append(
                Parameter(parameter, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, query])
            )
        parameters.append(Parameter("limit", Parameter.KEYWORD_ONLY, default=50, annotation=Limit))
        parameters.append(Parameter("cursor", Parameter.KEYWORD_ONLY, default=None, annotation=Cursor))
        return Signature(parameters)

    @cached_property
    def _bounds(self) -> dict[str, tuple[str, str, Any]]:
        """The bounds of ranges by their parameters: member, bound, type."""
        return {f"{member}.{bound}": (member, bound, kind) for member, kind in self.ranges.items() for bound in BOUNDS}

    @cached_property
    def _parameters(self) -> dict[str, str]:
        """The names under which Python knows the parameters."""
        sort = ["sort"] if self.sorts else []
        named = {name: f"{name.replace('.', '_')}_" for name in (*self.filters, *self._bounds, *self.also, *sort)}
        return {**named, "limit": "limit", "cursor": "cursor"}

    # --- conditions and order ---

    def require_readable(self, context: ReadContext, asked: Asked) -> None:
        """Raises: NotAllowed where it is asked by a member that the caller may not read: what fits would tell what it is."""
        members = [*asked.filters, *(self._bounds[name][0] for name in asked.bounds), asked.sort.removeprefix("-")]
        shape = shape_of(self.present.model)
        for member in dict.fromkeys(members):
            if member.partition(".")[0] in shape.members:
                context.caller.require_readable([member], shape.classes(member))

    def conditions(self, context: ReadContext, asked: Asked) -> Iterator[Condition]:
        """What a request requires of a row. Raises: NotFound for a thing that there is none of."""
        for name, value in asked.filters.items():
            one = self.filters[name]
            if one.apart:
                continue
            if one.where is not None:
                yield one.where(value)
            elif one.noun is not None:
                yield one_of(self.view, self._row_member(name), [context.existing(one.noun, value)])
            else:
                values = [
                    as_compared(each) if isinstance(each, str) else each for each in (value if one.several else [value])
                ]
                if one.known:
                    context.known(name, *values)
                named = [None if one.or_none and each == NONE else each for each in values]
                yield one_of(self.view, self._row_member(name), named)
        for parameter, value in asked.bounds.items():
            member, bound, kind = self._bounds[parameter]
            row_member = self._row_member(member)
            if kind is Day and self.view.is_integer(row_member):  # a day that a row has as its first instant
                kind = Moment
            yield bounded(self.view, row_member, bound, *_extent(context, kind, value))

    def order(self, sort: str) -> tuple[str, bool]:
        """The row's member by which a list is in order, and whether it descends."""
        name = sort.removeprefix("-")
        return self.orders.get(name) or self._row_member(name), sort.startswith("-")

    def _row_member(self, name: str) -> str:
        return self.rows.get(name) or self.present.members.get(name, name)


def _extent(context: ReadContext, kind: Any, value: Any) -> tuple[Any, Any]:
    """Where a value begins and ends in a row: a day that a bound names is meant as a whole. Raises: Refusal beyond the calendar."""
    try:
        if kind is Day:
            return value, add_days(value, 1)
        if kind is Moment:
            if len(value) > len("2026-01-31"):
                return micros(value), micros(value) + 1
            zone = context.runtime.handler.zone(context.tenant_id)
            return day_start(value, zone), day_start(add_days(value, 1), zone)
    except (OverflowError, ValueError) as error:
        raise Refusal(Invalid("invalid_parameter", f"{value} is beyond the calendar")) from error
    number = value if isinstance(value, int) else scaled(value)
    if abs(number) >= FOREVER:
        raise Refusal(Invalid("invalid_parameter", f"{value} is larger than any number of a row"))
    return number, number + 1


def page(
    context: ReadContext,
    asked: Asked,
    *,
    begin: Start | None = None,
    conditions: Sequence[Condition] = (),
    present: Present | None = None,
    **of: str | None,
) -> Response:
    """Answers a page of a list: data, has_more, next_cursor, and a Link to the next.

    Takes: `begin`, where other views are read with the list; further conditions; another presenter; the ids of what the path names.
    """
    listed = asked.listed
    listed.require_readable(context, asked)
    when, after = begin or start(context, asked, listed.view)
    within = [one_of(listed.view, member, [key]) for member, key in of.items() if key is not None]
    order, descending = listed.order(asked.sort)
    result = context.reader.page(
        context.tenant_id,
        listed.view,
        when,
        conditions=[*within, *listed.conditions(context, asked), *conditions],
        order=order,
        descending=descending,
        after=after,
        limit=asked.limit,
    )
    data = (present or listed.present)(context, result.rows)
    return listing(
        context, asked, data, result.position, next_cursor(context, asked, result.after, result.position, when)
    )
