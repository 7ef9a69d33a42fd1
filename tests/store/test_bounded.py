"""A connection on which nobody waits without bound."""

import threading
import time

import psycopg
import pytest

from app.store.bounded import BoundedConnection
from tests.support.databases import Databases


@pytest.fixture
def connection(databases: Databases) -> BoundedConnection:
    databases.fresh("postgresql")
    return BoundedConnection.connect(databases.psql("postgres"), autocommit=True)


def test_a_server_that_does_not_answer_in_time_is_given_up(connection: BoundedConnection) -> None:
    # given
    connection.bound = 0.2
    # when
    with pytest.raises(psycopg.OperationalError, match="timed out"):
        connection.execute("SELECT pg_sleep(20)")
    # then
    assert connection.closed


def test_another_thread_ends_the_waiting(connection: BoundedConnection) -> None:
    # given
    ended = threading.Timer(0.2, connection.give_up)
    ended.start()
    began = time.monotonic()
    # when
    with pytest.raises(psycopg.OperationalError, match="timed out"):
        connection.execute("SELECT pg_sleep(20)")
    # then
    assert time.monotonic() - began < 10
    assert connection.closed


def test_a_statement_that_is_answered_in_time_is_not_touched(connection: BoundedConnection) -> None:
    connection.bound = 5
    assert connection.execute("SELECT 7").fetchone() == (7,)
    connection.close()
