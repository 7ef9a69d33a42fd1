"""Nodes: one that does not answer holds up its own tenants only, and those not without end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.domain.kernel.errors import Unavailable
from app.store.nodes import Holder, Nodes
from app.store.placement import Placement

HEALTHY, FROZEN = "tnt_healthy", "tnt_frozen"


class Halves(Placement):
    """A database of two nodes, without a database."""

    def __init__(self) -> None:
        super().__init__(lambda: pytest.fail("nothing is asked"))

    def nodes(self) -> list[str]:
        return ["one:1", "two:2"]

    def node_of(self, tenant_id: str) -> str | None:
        return "two:2" if tenant_id == FROZEN else "one:1"


class World:
    """Nodes, of which the second one may be frozen."""

    def __init__(self) -> None:
        self.frozen = False
        self.asked: list[str] = []
        self.nodes = Nodes(Halves(), self.ask, share=2)

    def ask(self, tenant_id: str) -> None:
        self.asked.append(tenant_id)
        if self.frozen and tenant_id == FROZEN:
            raise TimeoutError


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("app.store.nodes.QUIET_SECONDS", 0.05)
    monkeypatch.setattr("app.store.nodes.CROWDED_SECONDS", 0.05)
    monkeypatch.setattr("app.store.nodes.LOOK_SECONDS", 0.01)
    made = World()
    yield made
    made.nodes.close()


class Peer:
    """A connection that notes whether it was given up."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.given_up = False

    def give_up(self) -> None:
        self.given_up = True
        self.ended.set()


def test_what_waits_for_a_frozen_node_is_given_up_and_newcomers_are_refused_at_once(world: World) -> None:
    # given
    world.frozen, peer = True, Peer()
    # when a transaction waits for it
    with world.nodes.turn(FROZEN) as holder:
        assert holder is not None
        holder.connection = peer  # type: ignore[assignment]  # all that is used of one
        assert peer.ended.wait(5)
    # then
    assert world.nodes.silent() == ["two:2"]
    with pytest.raises(Unavailable) as refused, world.nodes.turn(FROZEN):
        pytest.fail("it was let in")
    assert refused.value.code == "node_away"
    with pytest.raises(Unavailable), world.nodes.everywhere():
        pytest.fail("it was let in")
    with world.nodes.turn(HEALTHY):
        pass


def test_a_node_that_answers_again_is_used_again(world: World) -> None:
    # given
    world.frozen = True
    with suppress(Unavailable), world.nodes.turn(FROZEN):
        _until(lambda: bool(world.nodes.silent()))
    # when
    world.frozen = False
    # then
    _until(lambda: not world.nodes.silent())
    with world.nodes.turn(FROZEN):
        pass


def test_a_node_that_is_only_slow_is_asked_and_stays(world: World) -> None:
    with world.nodes.turn(FROZEN):
        _until(lambda: FROZEN in world.asked)
    assert world.nodes.silent() == []


def test_a_node_has_its_share_of_the_connections_and_no_more(world: World) -> None:
    with _held(world, FROZEN), _held(world, FROZEN):
        # then a third one is refused soon, and another node's tenant is let in at once
        began = time.monotonic()
        with pytest.raises(Unavailable), world.nodes.turn(FROZEN):
            pytest.fail("it was let in")
        assert time.monotonic() - began < 2
        with world.nodes.turn(HEALTHY):
            pass


def test_the_nodes_are_looked_after_while_transactions_come_and_go(world: World) -> None:
    # given a node with transactions, which the watch goes through slowly
    looking = threading.Event()

    class Slow(set[Holder]):
        def __iter__(self) -> Iterator[Holder]:
            for holder in super().__iter__():
                looking.set()
                time.sleep(0.02)
                yield holder

    with world.nodes.turn(FROZEN):
        with world.nodes.turn(FROZEN):
            node = world.nodes._nodes["two:2"]
            node.holders = Slow(node.holders)
            assert looking.wait(5)
        # when one of them ends meanwhile
        asked = len(world.asked)
        # then the watch goes on
        _until(lambda: len(world.asked) > asked)


@contextmanager
def _held(world: World, tenant_id: str) -> Iterator[None]:
    """A transaction that goes on meanwhile. The node is never asked, so that only its share counts."""
    world.ask = lambda _tenant: None  # type: ignore[method-assign]  # its nodes answer from now on
    with world.nodes.turn(tenant_id):
        yield


def _until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)
