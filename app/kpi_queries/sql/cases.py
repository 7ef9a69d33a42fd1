"""Sums over what fell due and what was wished for: contracts' renewals and scope changes of a period."""

from dataclasses import replace

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sql.sql_query import SqlQuery, Sum, columns, given, read
from projections.views import renewals, scope_changes


def of_renewals(asked: SqlQuery) -> Sum | None:
    """A figure over what fell due within the period."""
    view, own = renewals.VIEW, "tenant_id = :tenant_id AND due <> ''"
    due = " AND ".join(["due_at >= :start", "due_at < :end", *asked.within()])
    due += " AND currency = :currency" if asked.currency is not None else ""
    known = "" if asked.newest[view.name] else " AND pos_from <= :known"
    fallen = [f"FROM {view.follower} WHERE {own} AND pos_to = {FOREVER}{known} AND {due}"]
    if not asked.newest[view.name]:
        fallen.append(asked.once(view, ("due_at", *renewals.SUMMED), f"{own} AND pos_to < {FOREVER}", due))
    binds = asked.binds(currency=asked.currency)
    rows = " UNION ALL ".join(f"SELECT {given(asked.twin)}, currency {one}" for one in fallen)
    row = asked.one(
        f"{asked.before()}SELECT {columns(asked.twin)}, MIN(currency) AS first, MAX(currency) AS last FROM ({rows}) AS given",
        binds,
    )
    currencies = frozenset(one for one in (row["first"], row["last"]) if one is not None)
    if len(currencies) < 2:
        found = replace(read(row).of(*currencies), paid=bool(currencies))
        return replace(found, each=dict.fromkeys(currencies, found))
    sql = f"{asked.before()}SELECT currency, {columns(asked.twin)} FROM ({rows}) AS given GROUP BY currency"
    each = {told["currency"]: replace(read(told), paid=True) for told in asked.mappings(sql, binds)}
    return replace(read(row).of(*each), each=each)


def of_scope_changes(asked: SqlQuery) -> Sum | None:
    """A figure over what happened to scope changes within the period.

    Each thing that can happen has an index of its own and gives a part of the wish; shares are sums of such parts.
    """
    view = scope_changes.VIEW
    parts = {
        "absorbed_at": {"absorbed": "COALESCE(absorbed_hours, 0)"},
        "amended_at": {"contracted": "COALESCE(effort_hours, 0)", "estimated": "effort_hours IS NOT NULL"},
        "responded_at": {"offered": "with_alternative", "accepted": "accepted"},
    }
    nothing = {"absorbed": "0", "contracted": "0", "estimated": "1 = 1", "offered": "1 = 0", "accepted": "1 = 0"}
    branches = []
    for at, part in parts.items():
        told = ", ".join(f"{expression} AS {name}" for name, expression in {**nothing, **part}.items())
        own = ["tenant_id = :tenant_id", asked.true(view), f"{at} >= :start", f"{at} < :end", *asked.within()]
        branches.append(f"SELECT {told} FROM {view.follower} WHERE {' AND '.join(own)}")
    wishes = f"SELECT {given(asked.twin)} FROM ({' UNION ALL '.join(branches)}) AS wish"
    return read(asked.one(f"{asked.before()}SELECT {columns(asked.twin)} FROM ({wishes}) AS given", asked.binds()))
