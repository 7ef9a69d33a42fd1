"""The agents of the demo: one drafts what a manager decides about, and one suggestion still waits; another was tried and ended."""

from collections.abc import Sequence
from random import Random
from typing import Final

import orjson

from app.demo.account_history import AccountHistory
from app.demo.people import ADMIN, OWNERS
from app.demo.scripted_command import CommandChain, NewId, ScriptedCommand
from app.domain.account.commands import SetAccountTier
from app.domain.agent import commands as agent_commands
from app.domain.agent.bounds import SUGGESTING
from app.domain.kernel.command import Command
from app.domain.kernel.roles import ADMIN as ADMIN_ROLE
from app.domain.kernel.values import add_days
from app.domain.suggestion import commands as suggestion_commands

OPERATION: Final = "accounts.set_tier"
PERSON: Final = OWNERS[0]
MAY: Final = ("account_manager", "senior_account_manager", "director", "vp")
LASTS: Final = 30
"""For how many days a suggestion may be approved."""


class Assistant(CommandChain):
    """The commands about an agent, and its own."""

    def __init__(self, rng: Random, new_id: NewId, history: AccountHistory) -> None:
        super().__init__(rng, [])
        self.new_id = new_id
        self.history = history
        self.agent = new_id("agt", "renewal-assistant")
        self.person = new_id("usr", PERSON)

    def bound(self, day: str, command: Command, *, new_id: str | None = None, agent: str | None = None) -> None:
        """A command about an agent, by the admin."""
        targets = {} if new_id else {"agent": agent or self.agent}
        self.add(day, ADMIN, command, targets, new_id=new_id, role=ADMIN_ROLE)

    def suggest(self, day: str, tier: str, reason: str) -> str:
        """A suggestion of the agent. Gives: its id."""
        suggestion = self.new_id("sug", f"{self.history.client.ref}/{day}")
        account, body = self.history.account, {"tier": tier}
        event = {"type": "account.tier_set", "subject": account, "time": f"{day}T12:00:00.000000Z", "data": body,
                 "stream": account, "version": 2, "schema": 1}  # fmt: skip
        made = suggestion_commands.RecordSuggestion(
            account=account,
            operation=OPERATION,
            path=f"/v1/accounts/{account}/tier",
            body=orjson.dumps(body).decode(),
            preview=orjson.dumps({"events": [event], "figures": [], "position": 1}).decode(),
            may=MAY,
            expires_at=f"{add_days(day, LASTS)}T08:00:00.000000Z",
            reason=reason,
        )
        self.as_agent(day, made, f"{SUGGESTING}{OPERATION}", new_id=suggestion)
        return suggestion

    def as_agent(
        self, day: str, command: Command, operation: str, *, new_id: str | None = None, **targets: str
    ) -> None:
        """A command of the agent."""
        self.add(
            day, self.agent, command, targets, new_id=new_id, role="", on_behalf_of=self.person, operation=operation
        )

    def decide(self, day: str, command: Command, **targets: str) -> None:
        """What the person makes of a suggestion."""
        self.add(day, PERSON, command, targets)


def write_agents(
    rng: Random, start: str, end: str, new_id: NewId, histories: Sequence[AccountHistory]
) -> list[ScriptedCommand]:
    """Two agents, and what became of five suggestions about the first client."""
    assistant = Assistant(rng, new_id, histories[0])
    ceilings = {"commands_per_day": 20, "money_per_command": {"amount": "500.00", "currency": "EUR"}}
    person = assistant.person
    assistant.bound(
        add_days(start, 40),
        agent_commands.RegisterAgent.model_validate(
            {"name": "Renewal assistant", "user": person, "purpose": "Drafts what its manager decides about"}
        ),
        new_id=assistant.agent,
    )
    assistant.bound(add_days(start, 45), agent_commands.BoundAgent.model_validate({"ceilings": ceilings}))
    assistant.bound(add_days(start, 50), agent_commands.SuspendAgent(reason="Its first drafts are read"))
    assistant.bound(add_days(start, 53), agent_commands.ResumeAgent())
    tried = new_id("agt", "minute-taker")
    purpose = {"name": "Minute taker", "user": person, "purpose": "Logs calls", "may_execute": ["interactions.log"]}
    assistant.bound(add_days(start, 54), agent_commands.RegisterAgent.model_validate(purpose), new_id=tried)
    assistant.bound(add_days(start, 60), agent_commands.EndAgent(reason="The client did not want it"), agent=tried)

    day = add_days(start, 62)
    taken = assistant.suggest(day, "gold", "They ask for more every month")
    account = {"account": assistant.history.account}
    assistant.add(add_days(day, 1), PERSON, SetAccountTier(tier="gold"), account, approves=taken)
    refused = assistant.suggest(add_days(day, 10), "silver", "Two quiet weeks")
    assistant.decide(
        add_days(day, 11), suggestion_commands.RejectSuggestion(reason="It is their holiday"), suggestion=refused
    )
    withdrawn = assistant.suggest(add_days(day, 20), "bronze", "No calls for a week")
    assistant.as_agent(
        add_days(day, 21), suggestion_commands.WithdrawSuggestion(), "suggestions.withdraw", suggestion=withdrawn
    )
    left = assistant.suggest(add_days(day, 25), "silver", "Fewer campaigns are planned")
    assistant.add(
        add_days(day, 25 + LASTS + 1),
        "system:suggestions",
        suggestion_commands.ExpireSuggestion(),
        {"suggestion": left},
        role="",
    )
    assistant.suggest(add_days(end, -2), "platinum", "The third campaign in a row has met its goal")
    return assistant.commands
