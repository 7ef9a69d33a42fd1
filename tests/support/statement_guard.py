"""A run of tests fails where Steward said a statement on PostgreSQL that breaks a rule of `tests.architecture.sql`."""

from typing import Any

import pytest

from app.store.tables import REFERENCE, TENANT_TABLES
from projections import VIEWS
from tests.architecture.sql.exceptions import is_allowed
from tests.architecture.sql.parsing import outline
from tests.architecture.sql.rules import RULES, faults
from tests.support import recorded_statements
from tests.support.recorded_statements import Said

TENANTS_TABLES = {table.name for table in TENANT_TABLES if table.info != REFERENCE} | {view.follower for view in VIEWS}
"""The tables whose rows are where their tenant is. Each node has all rows of the others."""


class StatementGuard:
    """The plugin. Each process records; the one that ends last judges what all have said, each text once."""

    def __init__(self) -> None:
        self.said: Said = {}
        self.complaints: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes what a process of xdist has said."""
        for text, binds, where in getattr(node, "workeroutput", {}).get("statements", ()):
            self.said.setdefault((text, binds), where)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hands over what was said, or judges it."""
        own = recorded_statements.outlines()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["statements"] = [(*said, where) for said, where in own.items()]
            return
        self.complaints = complaints(self.said | own)
        if self.complaints and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Names each statement that breaks a rule."""
        if self.complaints:
            terminalreporter.section("statements that break a rule", red=True)
            for complaint in self.complaints:
                terminalreporter.write_line(complaint)


def complaints(said: Said) -> list[str]:
    """What is wrong with statements: the rule by name, where it was said, the statement."""
    return [
        f"{fault.rule} ({fault.about}), {where}: {RULES[fault.rule]}\n    {outline(text)}"
        for (text, binds), where in said.items()
        for fault in faults(text, TENANTS_TABLES, binds=binds)
        if not is_allowed(fault.rule, text)
    ]
