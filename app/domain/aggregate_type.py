"""What an aggregate declares: its name, its state, and the decision that answers each of its commands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.event import Event
from app.domain.kernel.rights import Authored
from app.domain.recorded import Recorded

State = TypeVar("State")


class Related(NamedTuple):
    """Another aggregate whose state a decision reads.

    It is named by the caller's target, by the command's member or by the state's attribute of this name, in that order.
    aggregate: its type. optional: whether nobody needs to name it. topic: nobody names it; it is every aggregate of the type that
    has an event of this topic and is of the account that the command is about, by id. What is decided on them is appended only
    if nobody has added such an event to the account meanwhile. of_tenant: those of no account instead, as keys and users are: what
    is decided on them is appended only if none of them has changed, and may not depend on there being no more.
    named_by: names it by the state, the command and the tenant's day
    on which that takes effect, instead of an attribute.
    """

    name: str
    aggregate: str
    optional: bool
    topic: str = ""
    of_tenant: bool = False
    named_by: Callable[[Any, Any, str], str | None] | None = None

    def named(self, state: Any, command: Any, day: str) -> str | None:
        """How the state names it, by id or ref:…; None where it does not."""
        if self.named_by is not None:
            return self.named_by(state, command, day)
        named: str | None = getattr(state, self.name, None)
        return named


def required(name: str, *, aggregate: str | None = None) -> Related:
    """A state that the decision cannot do without. Takes: the aggregate type, where it is not called like the member."""
    return Related(name, aggregate or name, optional=False)


def optional(
    name: str, *, aggregate: str | None = None, named_by: Callable[[Any, Any, str], str | None] | None = None
) -> Related:
    """A state that the decision reads where something names it. Takes: as `required`; and what names it, as `Related`."""
    return Related(name, aggregate or name, optional=True, named_by=named_by)


def every(name: str, *, aggregate: str, topic: str) -> Related:
    """All states of a type that have an event of a topic, of the account that the command is about, as a mapping by id."""
    return Related(name, aggregate, optional=True, topic=topic)


def every_of_tenant(name: str, *, aggregate: str, topic: str) -> Related:
    """All states of a type that have an event of a topic, and belong to no account, as a mapping by id."""
    return Related(name, aggregate, optional=True, topic=topic, of_tenant=True)


@dataclass(frozen=True)
class Decision:
    """How a command is decided.

    decide: the pure function from state, command and context to events.
    capability: what somebody must have a right to, a row of `app.domain.kernel.rights`.
    creates: whether the command begins a new aggregate, with the initial state.
    reads: the other aggregates whose states the context holds.
    reference: a name made from the command and the context, under which the new aggregate is found as `ref:<name>`, besides its
    id and its `external_ref`.
    claims: values that only one aggregate may ever have, as (namespace, value); a text behind a colon in the namespace is
    the code with which the second one is refused.
    former_claims: the same values as older code claimed them; whoever has one of them keeps it.
    authored: for one that corrects an event, who appended that, by the state and the command; None where there is no such event.
    aggregate: the name of the aggregate type; its declaration fills it in.
    """

    decide: Callable[[Any, Any, Context], Sequence[Event | Decided]]
    capability: str
    creates: bool = False
    reads: tuple[Related, ...] = ()
    reference: Callable[[Any, Context], str] | None = None
    claims: Callable[[Any, Context], Sequence[tuple[str, str]]] | None = None
    former_claims: Callable[[Any, Context], Sequence[tuple[str, str]]] | None = None
    authored: Callable[[Any, Any], Authored | None] | None = None
    aggregate: str = ""


@dataclass(frozen=True)
class AggregateType(Generic[State]):
    """A type of aggregate.

    name: what it is called everywhere. id_prefix: of its ids. initial: its state before its first event. evolve: the state
    after one more event. decisions: by the class of the command.
    """

    name: str
    id_prefix: str
    initial: State
    evolve: Callable[[State, Recorded], State]
    decisions: Mapping[type[Command], Decision]

    def __post_init__(self) -> None:
        own = {command: replace(decision, aggregate=self.name) for command, decision in self.decisions.items()}
        object.__setattr__(self, "decisions", own)

    def fold(self, events: Iterable[Recorded], state: State | None = None) -> State:
        """The state behind the last of some events. Takes: the state before them; none for the initial one."""
        state = self.initial if state is None else state
        for recorded in events:
            state = self.evolve(state, recorded)
        return state
