"""Every interval stands at a root that is looked at for each instant in it, and for no other reason than that."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.values import FIRST, FOREVER, LAST
from projections.interval_index import fork, roots

INSTANTS = st.integers(FIRST, LAST) | st.integers(-(10**12), 10**12)


@given(INSTANTS, INSTANTS | st.just(FOREVER), st.data())
def test_an_interval_is_found_from_every_instant_in_it(one: int, other: int, data: st.DataObject) -> None:
    start, end = min(one, other), max(one, other) + (one == other)
    at = data.draw(st.integers(start, min(end, LAST + 1) - 1))
    upto, behind = roots(at)

    assert fork(start, end) in {*upto, *behind}


@given(INSTANTS, INSTANTS | st.just(FOREVER), INSTANTS)
def test_at_a_root_one_end_decides(one: int, other: int, at: int) -> None:
    start, end = min(one, other), max(one, other) + (one == other)
    upto, behind = roots(at)

    if fork(start, end) in behind:
        assert end > at
    elif fork(start, end) in upto and fork(start, end) != upto[-1]:
        assert start <= at


@given(INSTANTS)
def test_few_roots_are_above_an_instant(at: int) -> None:
    assert len([*roots(at)[0], *roots(at)[1]]) <= 32
