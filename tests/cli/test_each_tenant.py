"""Commands over all tenants go on past one that fails, and say so in the end."""

import pytest

from app.cli.each_tenant import EachTenant
from app.domain.kernel.errors import Refused, Unavailable
from app.store.across import Heads
from tests.support.application import Steward


def test_a_tenant_that_fails_keeps_no_other_from_its_turn_and_is_named_in_the_end(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given tenants of whom one fails, one has a broken log, and one whose part of the database is away
    runtime = sqlite_steward.runtime
    poor, other = sqlite_steward.new_tenant("Poor"), sqlite_steward.new_tenant("Other")
    broken = sqlite_steward.new_tenant("Broken")
    away = Heads(runtime.log.heads().known, {"tnt_away": Unavailable("node_away", "it is away")})
    monkeypatch.setattr(runtime.log, "heads", lambda: away)

    def do(tenant_id: str, head: int) -> tuple[str, int]:
        if tenant_id == poor:
            raise Unavailable("store_busy", "its rows are held")
        if tenant_id == broken:
            raise RuntimeError("its log has a gap behind 7")
        return tenant_id, head

    # when
    tenants = EachTenant(runtime)
    done = dict(tenants.collect(do))
    # then
    assert done.keys() == {sqlite_steward.tenant, other}
    with pytest.raises(
        Refused, match=rf"tnt_away \(node_away\), {poor} \(store_busy\), {broken} \(its log has a gap behind 7\)"
    ) as refused:
        tenants.require_all()
    assert refused.value.code == "tenants_left_out"


def test_where_nobody_fails_nothing_is_said(sqlite_steward: Steward) -> None:
    tenants = EachTenant(sqlite_steward.runtime)
    assert tenants.collect(lambda tenant_id, _head: tenant_id) == [sqlite_steward.tenant]
    tenants.require_all()
