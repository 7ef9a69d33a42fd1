"""The interval index: an interval is stored at a node, and every instant in the interval reads that node."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.values import FIRST, FOREVER, LAST
from projections.interval_index import node_of, nodes_containing

INSTANTS = st.integers(FIRST, LAST) | st.integers(-(10**12), 10**12)


@given(INSTANTS, INSTANTS | st.just(FOREVER), st.data())
def test_an_interval_is_found_from_every_instant_in_it(first: int, second: int, data: st.DataObject) -> None:
    start, end = min(first, second), max(first, second) + (first == second)
    at = data.draw(st.integers(start, min(end, LAST + 1) - 1))
    upto, behind = nodes_containing(at)

    assert node_of(start, end) in {*upto, *behind}


@given(INSTANTS, INSTANTS | st.just(FOREVER), INSTANTS)
def test_at_a_node_one_end_decides(first: int, second: int, at: int) -> None:
    start, end = min(first, second), max(first, second) + (first == second)
    upto, behind = nodes_containing(at)

    if node_of(start, end) in behind:
        assert end > at
    elif node_of(start, end) in upto and node_of(start, end) != upto[-1]:
        assert start <= at


@given(INSTANTS)
def test_few_nodes_contain_an_instant(at: int) -> None:
    assert len([*nodes_containing(at)[0], *nodes_containing(at)[1]]) <= 32
