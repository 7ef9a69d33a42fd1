"""Nothing is left in a session of PostgreSQL: a pooler hands it on after each transaction, to whomever."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Refused
from app.domain.kernel.principal import Principal
from app.domain.webhook_endpoint.commands import AddWebhookSecret
from app.read_side.view_tables import create_tables
from app.store import engine
from app.store.beginning import say
from app.store.engine import APP_ROLE, DIRECTORY_ROLE, Database
from app.store.receipts import Request
from app.store.schema import migrate
from projections import VIEWS
from tests.support.application import Steward
from tests.support.databases import LOGIN, Databases, driver_url, owned
from tests.support.pooler import pooled
from tests.support.server import Server
from tests.webhooks.senders import sender

LASTING = re.compile(
    r"^\s*(SET\s+(?!LOCAL\b)|RESET|DISCARD|LISTEN|UNLISTEN|NOTIFY|PREPARE|DEALLOCATE|DECLARE|LOAD|LOCK)\b"
    r"|pg_advisory|pg_notify|set_config\s*\(|CREATE\s+(LOCAL\s+)?TEMP|INTO\s+TEMP|pg_temp|WITH\s+HOLD|currval|lastval",
    re.IGNORECASE,
)
"""What outlives its transaction, or needs the same session again."""
READS_ONLY = re.compile(r"^(SELECT|SHOW)\b", re.IGNORECASE)
STATE = """SELECT current_user, session_user, (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),
  (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), pg_my_temp_schema(),
  coalesce(nullif(current_setting('app.tenant', true), ''), 'none'),
  (SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings WHERE source = 'session')"""


@pytest.fixture
def steward(databases: Databases) -> Iterator[Steward]:
    """An application on PostgreSQL."""
    made = Steward(databases.fresh("postgresql"), pool_size=2)
    yield made
    made.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, steward: Steward) -> list[tuple[bool, str]]:
    """Every statement of the application on new connections, and whether a transaction was open when it was sent."""
    steward.runtime.database.writer.dispose()
    statements: list[tuple[bool, str]] = []

    def note(cursor: Any, query: Any) -> None:
        pgconn = cursor.connection.pgconn
        piped = pgconn.pipeline_status != PipelineStatus.OFF
        text = (
            query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else query.as_string(None)
        )
        statements.append((piped or pgconn.transaction_status != TransactionStatus.IDLE, " ".join(text.split())))

    def said(connection: Any, texts: Sequence[str]) -> None:
        statements.extend((bool(at), text) for at, text in enumerate(texts))
        say(connection, texts)

    monkeypatch.setattr(engine, "say", said)
    for name in ("execute", "executemany", "copy"):
        original = getattr(psycopg.Cursor, name)

        def noted(self: Any, query: Any, *args: Any, _original: Any = original, **options: Any) -> Any:
            note(self, query)
            return _original(self, query, *args, **options)

        monkeypatch.setattr(psycopg.Cursor, name, noted)
    return statements


def a_day(steward: Steward) -> None:
    """Work that sends a statement of every kind: commands, messages, views, figures, the directory, what is refused."""
    steward.do(OpenAccount(name="Northwind", currency="EUR", external_ref="northwind"))
    crm = sender(steward, key="one")
    steward.runtime.endpoints.add_secret(
        steward.tenant, Principal("test"), crm.endpoint_id, AddWebhookSecret(), Request("two", b"")
    )
    crm.deliver({"type": "account.opened", "data": {"name": "B", "currency": "EUR"}})
    crm.deliver({"a": 1.5}, "odd")
    crm.process()
    steward.ingest([
        {"specversion": "1.0", "id": f"{number}", "source": "x", "type": "account.opened", "data": {"name": f"{number}", "currency": "EUR"}}
        for number in range(300)
    ])  # fmt: skip
    steward.catch_up()
    steward.rows("accounts")
    steward.rows("accounts", known_at="2")
    steward.runtime.require_root_key()
    steward.runtime.inbox.work()
    with pytest.raises(ZeroDivisionError), steward.runtime.database.write(steward.tenant):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), steward.runtime.database.append(steward.tenant) as cursor:
        cursor.execute("SELECT 1")
        raise ZeroDivisionError


def test_no_statement_outlives_its_transaction(sent: list[tuple[bool, str]], steward: Steward) -> None:
    a_day(steward)

    assert [text for _, text in sent if LASTING.search(text)] == []
    alone = {text for inside, text in sent if not inside}
    assert {text for text in alone if not text.startswith("BEGIN") and not READS_ONLY.match(text)} == set()
    began = [at for at, (_, text) in enumerate(sent) if text.startswith("BEGIN")]
    assert len(began) > 20
    roles = {sent[at + 1][1] for at in began}
    assert roles == {f"SET LOCAL ROLE {APP_ROLE}", f"SET LOCAL ROLE {DIRECTORY_ROLE}"}, (
        "else it would work as its login"
    )


def test_a_setting_shares_its_text_with_no_other_statement(sent: list[tuple[bool, str]], steward: Steward) -> None:
    a_day(steward)

    settings = [text for _, text in sent if "SET LOCAL" in text]
    assert len(settings) > 100
    assert [text for text in settings if not text.startswith("SET LOCAL") or ";" in text] == []


def test_each_session_is_as_it_was_when_it_was_opened(steward: Steward) -> None:
    a_day(steward)

    with psycopg.connect(driver_url(steward.settings.database_url) + "&application_name=steward") as fresh:
        expected = fresh.execute(STATE).fetchone()
    taken = [steward.runtime.database.reader.raw_connection() for _ in range(2)]
    for connection in taken:
        driver: Any = connection.driver_connection
        assert driver.info.transaction_status == TransactionStatus.IDLE
        assert driver.execute(STATE).fetchone() == expected
        connection.close()


def test_each_transaction_works_in_its_role(steward: Steward) -> None:
    database = steward.runtime.database
    for transaction, role in (
        (database.write(steward.tenant), APP_ROLE),
        (database.write_views(steward.tenant), APP_ROLE),
        (database.read(steward.tenant), APP_ROLE),
        (database.administer(), APP_ROLE),
        (database.directory(), DIRECTORY_ROLE),
    ):
        with transaction as connection:
            assert connection.exec_driver_sql("SELECT current_user").scalar() == role
    with database.append(steward.tenant) as cursor:
        assert cursor.execute("SELECT current_user").fetchone() == (APP_ROLE,)


def test_statements_are_prepared_only_when_that_is_asked_for(databases: Databases) -> None:
    for asked in (False, True):
        made = Steward(databases.fresh("postgresql"), prepare_statements=asked, pool_size=1)
        for number in range(20):
            made.do(OpenAccount(name=f"{number}", currency="EUR"))
        connection: Any = made.runtime.database.reader.raw_connection()
        (prepared,) = connection.driver_connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        connection.close()
        made.close()
        assert (prepared > 0) == asked


def test_a_real_pooler_may_stand_between(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh("postgresql")
    name = url.split("@/")[1].split("?")[0]
    with pooled(tmp_path, databases.folder / "pg", name) as pooled_url:
        owner = Database(owned(pooled_url), owner=True)
        migrate(owner)
        create_tables(owner)
        with Server(pooled_url) as server:
            tenants = [server.tenant(f"Tenant {number}") for number in range(8)]
            keys = [server.key(tenant) for tenant in tenants]

            def work(key: str) -> list[tuple[int, int, int]]:
                with httpx.Client(
                    base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
                ) as client:
                    statuses = []
                    for number in range(8):
                        written = client.post("/v1/accounts", json={"name": f"{number}", "currency": "EUR"})
                        figure = client.get("/v1/kpis/mrr")
                        after = {"Min-Event-Position": written.headers["Event-Position"], "Prefer": "wait=20"}
                        seen = client.get("/v1/accounts", params={"limit": 100}, headers=after)
                        statuses.append((written.status_code, figure.status_code, len(seen.json()["data"])))
                    return statuses

            with ThreadPoolExecutor(8) as pool:
                everybody = list(pool.map(work, keys))

            assert all(statuses == [(201, 200, number + 1) for number in range(8)] for statuses in everybody)
            with pytest.raises(Refused, match="session_not_kept"):
                server.runtime.projector.rebuild_all(owner, tenants[0], VIEWS, workers=1)
        owner.close()

        backends = [psycopg.connect(driver_url(pooled_url), prepare_threshold=None) for _ in range(4)]
        states = {
            connection.execute(STATE).fetchone() for connection in backends
        }  # each holds one of the four sessions
        for connection in backends:
            connection.close()
    assert len(states) == 1
    assert next(iter(states))[:2] == (LOGIN, LOGIN)  # type: ignore[index]  # a row
