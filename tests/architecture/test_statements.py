"""Statements for PostgreSQL are judged as a cluster and a pooler would take them: those of before are caught, right ones pass."""

from collections.abc import Iterator

import pytest
from pglast.parser import ParseError
from sqlalchemy import text

from app.store.tables import TENANT_TABLES
from tests.architecture.sql.exceptions import EXCEPTIONS, is_allowed
from tests.architecture.sql.parsing import numbered, outline
from tests.architecture.sql.rules import RULES, faults
from tests.support import recorded_statements
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.statement_guard import complaints

TABLES = {table.name for table in TENANT_TABLES} | {"accounts_v3", "renewals_v6"}
SAME = 'o.tenant_id = %s AND o."account" = n."account" AND o."name" IS NOT DISTINCT FROM n."name"'
BEFORE = [
    ("insert_without_tenant", ("INSERT INTO events (tenant_id, recorded_at, position, event_id) "
     "SELECT %s::text, %s::bigint, u.* FROM unnest(%b::bigint[], %b::text[]) AS u")),
    ("insert_without_tenant", ("INSERT INTO refs (tenant_id, noun, ref, stream_id) "
     "SELECT %s::text, u.* FROM unnest(%b::text[], %b::text[], %b::text[]) AS u")),
    ("temporary_join", f"SELECT count(*) FROM pg_temp.new_accounts_v3 AS n CROSS JOIN accounts_v3 AS o WHERE {SAME}"),
    ("temporary_join", ("INSERT INTO pg_temp.differing_accounts_v3 SELECT DISTINCT n.account FROM pg_temp.new_accounts_v3 AS n "
     f"WHERE NOT EXISTS (SELECT 1 FROM accounts_v3 AS o WHERE {SAME})")),
    ("temporary_join", ("INSERT INTO pg_temp.differing_accounts_v3 SELECT DISTINCT o.account FROM accounts_v3 AS o "
     'WHERE o.tenant_id = %s AND NOT EXISTS (SELECT 1 FROM pg_temp.new_accounts_v3 AS n WHERE n."account" = o."account")')),
    ("unquoted_user", "SELECT count(*) FROM accounts_v3 WHERE tenant_id = %s AND right(user, 2) >= %s"),
    ("unquoted_user", "DELETE FROM accounts_v3 WHERE tenant_id = %s AND user IN (SELECT key FROM pg_temp.differing)"),
    ("forced_policies", "ALTER TABLE accounts_v3 FORCE ROW LEVEL SECURITY"),
    ("session_state", "SET ROLE steward_app"),
    ("session_state", "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'"),
    ("set_local_shares_text", "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL ROLE steward_app; SET LOCAL app.tenant = 'tnt_1'"),
    ("database_settings", "ALTER DATABASE steward SET citus.propagate_set_commands = 'local'"),
]  # fmt: skip
"""Statements of before, by the rule that each broke: on a cluster they were refused, held everybody up, or never reached a node."""
WRONG = [
    ("insert_without_tenant", "INSERT INTO refs (tenant_id, noun) SELECT %s, l.noun FROM refs AS l WHERE l.tenant_id = %s"),
    ("insert_without_tenant", "INSERT INTO refs (noun, tenant_id) SELECT l.tenant_id, l.head FROM ledgers AS l WHERE l.tenant_id = %s"),
    ("insert_without_tenant", "INSERT INTO refs (tenant_id) SELECT tenant_id FROM ledgers WHERE tenant_id = %s UNION SELECT %s"),
    ("temporary_join", "WITH o AS (SELECT * FROM accounts_v3 WHERE tenant_id = %s) SELECT * FROM pg_temp.n AS n JOIN o USING (account)"),
    ("temporary_join", "UPDATE accounts_v3 SET name = n.name FROM pg_temp.n AS n WHERE accounts_v3.tenant_id = %s"),
    ("temporary_join", "DELETE FROM accounts_v3 AS o WHERE o.tenant_id = %s AND EXISTS (SELECT FROM pg_temp.n AS n WHERE n.a = o.a)"),
    ("tenant_not_bound", "SELECT name FROM accounts_v3 WHERE account = %s"),
    ("tenant_not_bound", "SELECT name FROM accounts_v3 WHERE tenant_id = %s OR account = %s"),
    ("tenant_not_bound", "SELECT name FROM accounts_v3 WHERE NOT tenant_id = %s"),
    ("tenant_not_bound", "SELECT name FROM accounts_v3 WHERE tenant_id IN (%s, %s)"),
    ("tenant_not_bound", "SELECT name FROM accounts_v3 WHERE tenant_id <> %s"),
    ("tenant_not_bound", "SELECT a.name FROM (SELECT * FROM accounts_v3) AS a WHERE a.account = %s"),
    ("tenant_not_bound", "SELECT 1 WHERE EXISTS (SELECT FROM accounts_v3 WHERE account = %s)"),
    ("tenant_not_bound", "SELECT tenant_id FROM (SELECT tenant_id FROM refs WHERE tenant_id = %s UNION SELECT tenant_id FROM events) AS b"),
    ("tenant_not_bound", "UPDATE accounts_v3 SET name = %s WHERE account = %s"),
    ("tenant_not_bound", "DELETE FROM accounts_v3"),
    ("tenant_not_bound", "INSERT INTO refs (noun, ref) VALUES (%s, %s)"),
    ("tenant_not_bound", "INSERT INTO refs (tenant_id, ref) VALUES (%s, %s), (current_user, %s)"),
    ("tenant_not_bound", "EXPLAIN SELECT name FROM accounts_v3"),
    ("join_across_tenants", "SELECT 1 FROM accounts_v3 AS a JOIN renewals_v6 AS r ON r.account = a.account WHERE a.tenant_id = %s"),
    ("join_across_tenants", "SELECT 1 FROM accounts_v3 AS a LEFT JOIN renewals_v6 AS r USING (account) WHERE a.tenant_id = %s"),
    ("lock_over_tenants", "SELECT head FROM ledgers WHERE head > %s FOR UPDATE"),
    ("lock_over_tenants", "LOCK TABLE ledgers IN EXCLUSIVE MODE"),
    ("copy_with_policies", "COPY accounts_v3 (tenant_id, account) FROM STDIN"),
    ("session_state", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    ("session_state", "RESET ALL"),
    ("session_state", "LISTEN appended"),
    ("session_state", "NOTIFY appended"),
    ("session_state", "SELECT pg_notify('appended', '1')"),
    ("session_state", "PREPARE q AS SELECT 1"),
    ("session_state", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"),
    ("set_config", "SELECT set_config('app.tenant', %s, true)"),
    ("advisory_lock", "SELECT pg_advisory_xact_lock(1)"),
    ("advisory_lock", "SELECT 1 WHERE pg_try_advisory_lock(hashtext(%s))"),
    ("sequence", "SELECT nextval('numbers')"),
    ("sequence", "CREATE SEQUENCE numbers"),
    ("sequence", "CREATE TABLE numbered (id BIGSERIAL PRIMARY KEY)"),
    ("sequence", "CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY)"),
    ("set_local_shares_text", "SET LOCAL app.tenant = 'tnt_1'; SELECT 1"),
]  # fmt: skip
RIGHT = [
    ("INSERT INTO events (tenant_id, recorded_at, position) SELECT h.tenant_id, %s::bigint, u.* "
    "FROM (SELECT tenant_id FROM ledgers WHERE tenant_id = %s) AS h CROSS JOIN unnest(%b::bigint[]) AS u"),
    "INSERT INTO refs (tenant_id, ref) VALUES (%s, %s), (%s::text, %s) ON CONFLICT (tenant_id, ref) DO UPDATE SET ref = excluded.ref",
    ("WITH o AS MATERIALIZED (SELECT * FROM accounts_v3 WHERE tenant_id = %s) "
    "SELECT n.account FROM pg_temp.n AS n WHERE NOT EXISTS (SELECT FROM o WHERE o.account = n.account)"),
    "DELETE FROM accounts_v3 WHERE tenant_id = %s AND account IN (SELECT key FROM pg_temp.differing)",
    "SELECT 1 FROM accounts_v3 AS a JOIN renewals_v6 AS r ON r.tenant_id = a.tenant_id AND r.account = a.account WHERE a.tenant_id = %s",
    "SELECT 1 FROM accounts_v3 AS a JOIN renewals_v6 AS r USING (tenant_id, account) WHERE a.tenant_id = %s",
    "WITH a AS (SELECT * FROM accounts_v3) SELECT a.name FROM a WHERE a.tenant_id = %(tenant)s AND a.name LIKE 'A%%'",
    "WITH t AS (SELECT %s AS tenant_id) SELECT a.name FROM t JOIN accounts_v3 AS a ON a.tenant_id = t.tenant_id",
    "SELECT 1 FROM accounts_v3 AS a WHERE tenant_id = %s AND (SELECT count(*) FROM refs AS r WHERE r.tenant_id = a.tenant_id) > 1",
    "SELECT f.* FROM unnest(%s) AS k(key) CROSS JOIN LATERAL (SELECT * FROM refs WHERE tenant_id = %s AND ref = k.key FOR UPDATE) AS f",
    "SELECT tenant_id FROM (SELECT tenant_id FROM refs WHERE tenant_id = %s UNION SELECT tenant_id FROM events WHERE tenant_id = %s) AS b",
    "UPDATE accounts_v3 SET name = %s WHERE tenant_id = %s AND account = %s RETURNING name",
    "SELECT version_num FROM alembic_version",
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
    "COPY pg_temp.new_accounts_v3 (account) FROM STDIN",
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL app.tenant = 'tnt_1'",
    "SET TRANSACTION READ ONLY",
    "ALTER TABLE accounts_v3 NO FORCE ROW LEVEL SECURITY",
    "CREATE TABLE accounts_v4 (tenant_id text, quantity bigint)",
]  # fmt: skip


@pytest.mark.parametrize(("rule", "statement"), BEFORE + WRONG)
def test_a_wrong_statement_is_caught_by_the_name_of_its_rule(rule: str, statement: str) -> None:
    assert {fault.rule for fault in faults(statement, TABLES)} == {rule}
    assert not is_allowed(rule, statement)


@pytest.mark.parametrize("statement", RIGHT)
def test_a_right_statement_passes(statement: str) -> None:
    assert faults(statement, TABLES) == []


def test_every_rule_has_a_statement_that_breaks_it() -> None:
    assert {rule for rule, _ in BEFORE + WRONG} == set(RULES)


def test_every_exception_names_a_rule_and_its_reason() -> None:
    assert {exception.rule for exception in EXCEPTIONS} <= set(RULES)
    assert all(len(exception.reason.split()) > 5 for exception in EXCEPTIONS)


def test_what_is_no_sql_is_not_let_through() -> None:
    with pytest.raises(ParseError):
        faults("SELECT FROM WHERE", TABLES)


def test_binds_are_numbered_as_the_driver_numbers_them() -> None:
    assert numbered("a = %(x)s, b = %(y)b, c = %(x)s") == "a = $1, b = $2, c = $1"
    assert numbered("a = %s AND b LIKE '%%' AND c = %t") == "a = $1 AND b LIKE '%' AND c = $2"


def test_tenants_and_numbers_of_rows_make_no_further_text() -> None:
    assert outline("SET LOCAL app.tenant = 'tnt_1'") == outline("SET LOCAL app.tenant = 'tnt_2'")
    assert outline("INSERT INTO t VALUES (%s, %s), (%s, %s)") == outline("INSERT INTO t VALUES (%s, %s)")


@pytest.fixture
def steward(databases: Databases) -> Iterator[Steward]:
    """An application on PostgreSQL."""
    made = Steward(databases.fresh("postgresql"))
    yield made
    made.close()


def test_what_steward_says_is_recorded_and_what_a_test_says_is_not(steward: Steward) -> None:
    steward.catch_up()
    with steward.runtime.database.read(steward.tenant) as connection:
        connection.execute(text("SELECT 1 AS said_by_a_test"))
    said = recorded_statements.outlines()

    texts = {statement: where for (statement, _), where in said.items()}
    assert texts["SET LOCAL app.tenant = '…'"].startswith("app/store/")
    assert any(statement.startswith("UPDATE ledgers SET head") for statement in texts), "appends go past SQLAlchemy"
    assert not any("said_by_a_test" in statement for statement in texts)
    assert complaints(said) == []


def test_a_run_that_says_a_wrong_statement_fails_by_its_name() -> None:
    said = {("SELECT pg_advisory_lock(%s)", True): "app/store/log.py:1", ("SELECT 1", False): "app/store/log.py:2"}

    (complaint,) = complaints(said)

    assert complaint.startswith("advisory_lock (pg_advisory_lock), app/store/log.py:1: ")
    assert complaint.endswith("SELECT pg_advisory_lock(%s)")
