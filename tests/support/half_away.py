"""A database half of which is away, without a cluster: every statement of one tenant fails as it does where its node is down."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from app.store.engine import APP_ROLE
from tests.support.databases import superuser

AWAY = "away"
TABLES = """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id'"""


@contextmanager
def without(url: str, tenant_id: str) -> Iterator[None]:
    """Takes one tenant's rows away until the block ends: whoever reads or writes them is told what a coordinator tells.

    What is known of all tenants at once is there, as it is on each node of a cluster. Takes: the URL of a database of PostgreSQL.
    """
    with psycopg.connect(superuser(url), autocommit=True) as connection:
        connection.execute(
            f"""CREATE FUNCTION {AWAY}(tenant text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN
                IF tenant = '{tenant_id}' THEN
                    RAISE EXCEPTION 'connection to the remote node 127.0.0.1:9 failed' USING ERRCODE = 'connection_failure';
                END IF;
                RETURN true;
            END $$"""
        )
        tables = [name for (name,) in connection.execute(TABLES)]
        for table in tables:
            there = f"{AWAY}(steward_tenant())"
            connection.execute(
                f"CREATE POLICY {AWAY} ON {table} AS RESTRICTIVE TO {APP_ROLE} USING ({there}) WITH CHECK ({there})"
            )
        try:
            yield
        finally:
            for table in tables:
                connection.execute(f"DROP POLICY {AWAY} ON {table}")
            connection.execute(f"DROP FUNCTION {AWAY}")
