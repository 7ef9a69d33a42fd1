"""What a statement reads and writes, and which of it belongs to one tenant: as Citus sees it, which sends a statement to one node
only where each table with a tenant is held to the same one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.architecture.sql.parsing import Node, only, words

TENANT: Final = "tenant_id"
TEMPORARY: Final = "pg_temp"
QUERIES: Final = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}


class Tenant:
    """A tenant that columns name. Two that are said to be equal are one."""

    def __init__(self, *, bound: bool = False, all_of: "tuple[Tenant | None, ...]" = ()) -> None:
        self._bound, self._all_of = bound, all_of
        self._same: Tenant | None = None

    def root(self) -> "Tenant":
        return self if self._same is None else self._same.root()

    def is_bound(self) -> bool:
        """Whether it is one tenant, named by a bind."""
        root = self.root()
        return root._bound or (bool(root._all_of) and all(arm is not None and arm.is_bound() for arm in root._all_of))

    def equal(self, other: "Tenant") -> None:
        mine, theirs = self.root(), other.root()
        if mine is not theirs:
            mine._same = theirs
            theirs._bound |= mine._bound
            theirs._all_of += mine._all_of


@dataclass(eq=False)
class Relation:
    """What a FROM names. tables: the tables that stand for it where it is inlined, `tenant` or `temporary`."""

    name: str
    tenant: Tenant | None = None
    tables: frozenset[str] = frozenset()


@dataclass(eq=False)
class Table(Relation):
    """A table with a tenant, and how it is used."""

    locked: bool = False
    beside: int = 0


@dataclass(eq=False)
class Query(Relation):
    """A query as others read it. arms: for each arm of a UNION the tenants of its FROM, and those of the columns that it gives."""

    arms: "tuple[Arm, ...]" = ()


class Arm(NamedTuple):
    """One SELECT: the tenants of its FROM, and the one that each of its columns names."""

    sources: tuple[Tenant, ...]
    columns: tuple[Tenant | None, ...]


class Scope:
    """The names that a query may use: its own, and those around it."""

    def __init__(self, outer: "Scope | None") -> None:
        self.outer = outer
        self.relations: dict[str, Relation] = {}
        self.queries: dict[str, Query] = {}

    def query(self, name: str) -> Query | None:
        found = self.queries.get(name)
        return found if found or self.outer is None else self.outer.query(name)


@dataclass
class Insert:
    """An INSERT … SELECT into a table with a tenant. at: which of its columns is the tenant; None where none is."""

    table: str
    at: int | None
    query: Query

    def takes_tenant(self) -> bool:
        """Whether each arm takes the tenant's column from a table that is held to one."""
        return all(self.at is not None and _names_source(arm, self.at) for arm in self.query.arms)


@dataclass
class Reading:
    """The tables with a tenant that a statement reads and writes, and its joins with temporary tables."""

    tenant_tables: Collection[str]
    tables: list[Table] = field(default_factory=list)
    inserts: list[Insert] = field(default_factory=list)
    values: list[tuple[str, list[Any] | None]] = field(default_factory=list)
    temporary_joins: list[str] = field(default_factory=list)

    def statement(self, value: Any, outer: Scope | None = None) -> Query:
        """Reads a statement that is one of `QUERIES`."""
        ((kind, node),) = value.items()
        scope = Scope(outer)
        self._with(node.get("withClause"), scope)
        if kind == "SelectStmt":
            return self._select(node, scope)
        target = node["relation"]
        if kind == "InsertStmt":
            self._insert(node, target, scope)
        else:
            sources = node.get("fromClause" if kind == "UpdateStmt" else "usingClause", [])
            if kind == "MergeStmt":
                sources = [node["sourceRelation"]]
            self._from([{"RangeVar": target}, *sources], scope, [node.get("whereClause"), node.get("joinCondition")])
            self._walk([node.get("targetList"), node.get("mergeWhenClauses")], scope)
        self._walk(node.get("returningList"), scope)
        return Query("", self._output(node.get("returningList", []), scope))

    def _with(self, clause: Node | None, scope: Scope) -> None:
        for item in (clause or {}).get("ctes", []):
            cte = item["CommonTableExpr"]
            if (clause or {}).get("recursive"):
                scope.queries[cte["ctename"]] = Query(cte["ctename"], Tenant())
            query = self.statement(cte["ctequery"], scope)
            inlined = cte["ctematerialized"] != "CTEMaterializeAlways"
            scope.queries[cte["ctename"]] = Query(
                cte["ctename"], query.tenant, query.tables if inlined else frozenset(), query.arms
            )

    def _select(self, node: Node, scope: Scope) -> Query:
        if node.get("op", "SETOP_NONE") != "SETOP_NONE":
            arms = [self.statement({"SelectStmt": node[arm]}, scope) for arm in ("larg", "rarg")]
            tenant = Tenant(all_of=tuple(arm.tenant for arm in arms))
            tables = arms[0].tables | arms[1].tables
            return Query("", tenant, tables, arms[0].arms + arms[1].arms)
        before = len(self.tables)
        self._from(node.get("fromClause", []), scope, [node.get("whereClause")])
        if node.get("lockingClause"):
            for table in self.tables[before:]:
                table.locked = True
        rest = {name: value for name, value in node.items() if name not in ("fromClause", "whereClause", "withClause")}
        self._walk(list(rest.values()), scope)
        relations, targets = scope.relations.values(), node.get("targetList", [])
        sources = tuple(relation.tenant for relation in relations if relation.tenant)
        columns = tuple(self._tenant(target["ResTarget"]["val"], scope) for target in targets)
        tables: frozenset[str] = frozenset().union(*(relation.tables for relation in relations))
        return Query("", self._output(targets, scope), tables, (Arm(sources, columns),))

    def _insert(self, node: Node, target: Node, scope: Scope) -> None:
        source = node.get("selectStmt", {}).get("SelectStmt", {})
        if self._is_tenants(target):
            if "valuesLists" in source:
                self.values.append((target["relname"], _column(node, source["valuesLists"])))
            else:
                query = self.statement({"SelectStmt": source}, scope)
                self.inserts.append(Insert(target["relname"], _place(node), query))
        elif source:
            self.statement({"SelectStmt": source}, scope)
        if "valuesLists" in source:
            self._walk(source["valuesLists"], scope)
        inner = Scope(scope)
        inner.relations[target["relname"]] = Relation(target["relname"])
        self._walk(node.get("onConflictClause"), inner)

    # --- what a FROM names ---

    def _from(self, items: Iterable[Any], scope: Scope, conditions: list[Any]) -> None:
        before = len(self.tables)
        for item in items:
            self._add(item, scope, conditions)
        own = [table for table in self.tables[before:] if table in scope.relations.values()]
        for table in own:
            table.beside = len(own) - 1
        self._note_joins([scope])
        for condition in conditions:
            self._condition(condition, scope)

    def _add(self, item: Any, scope: Scope, conditions: list[Any]) -> None:
        ((kind, node),) = item.items()
        if kind == "JoinExpr":
            self._add(node["larg"], scope, conditions)
            left = list(scope.relations.values())
            self._add(node["rarg"], scope, conditions)
            conditions.append(node.get("quals"))
            if node.get("isNatural") or TENANT in words(node.get("usingClause", [])):
                tenants = [relation.tenant for relation in scope.relations.values() if relation.tenant]
                for tenant in tenants[: bool(left)]:
                    tenant.equal(tenants[-1])
        elif kind == "RangeVar":
            found = self._named(node, scope)
            scope.relations[node.get("alias", {}).get("aliasname", node["relname"])] = found
        elif kind == "RangeSubselect":
            query = self.statement(node["subquery"], scope)
            scope.relations[node.get("alias", {}).get("aliasname", f"({len(scope.relations)})")] = query
        else:
            self._walk(node, scope)
            scope.relations[node.get("alias", {}).get("aliasname", f"({len(scope.relations)})")] = Relation(kind)

    def _named(self, node: Node, scope: Scope) -> Relation:
        name = node["relname"]
        if "schemaname" not in node and (query := scope.query(name)):
            return query
        if node.get("schemaname") == TEMPORARY:
            return Relation(name, None, frozenset({"temporary"}))
        if not self._is_tenants(node):
            return Relation(name)
        table = Table(name, Tenant(), frozenset({"tenant"}))
        self.tables.append(table)
        return table

    def _is_tenants(self, node: Node) -> bool:
        return node["relname"] in self.tenant_tables and node.get("schemaname") != TEMPORARY

    # --- what holds them to a tenant ---

    def _condition(self, value: Any, scope: Scope) -> None:
        if not value:
            return
        if (both := only(value, "BoolExpr")) and both["boolop"] == "AND_EXPR":
            for part in both["args"]:
                self._condition(part, scope)
            return
        comparison = only(value, "A_Expr")
        if comparison and comparison["kind"] == "AEXPR_OP" and words(comparison["name"]) == ["="]:
            left, right = (self._tenant(comparison.get(side), scope) for side in ("lexpr", "rexpr"))
            if left and right:
                left.equal(right)
        self._walk(value, scope)

    def _tenant(self, value: Any, scope: Scope) -> Tenant | None:
        """The tenant that a value names: a bind does, and a column `tenant_id`."""
        if only(value, "ParamRef") is not None:
            return Tenant(bound=True)
        column = only(value, "ColumnRef")
        if not column or words(column["fields"])[-1] != TENANT:
            return None
        return self._column(words(column["fields"])[:-1], scope)

    def _column(self, qualifier: list[str], scope: Scope | None) -> Tenant | None:
        while scope:
            for name, relation in scope.relations.items():
                if (qualifier[-1:] == [name]) or (not qualifier and relation.tenant):
                    return relation.tenant
            scope = scope.outer
        return None

    def _output(self, targets: Iterable[Any], scope: Scope) -> Tenant | None:
        """The tenant in the column `tenant_id` of what a query gives."""
        for target in targets:
            result = target["ResTarget"]
            column = only(result.get("val"), "ColumnRef")
            name = result.get("name") or (words(column["fields"])[-1] if column else "")
            if name == "*" and column:
                if found := self._column(words(column["fields"])[:-1], scope):
                    return found
            elif name == TENANT:
                return self._tenant(result["val"], scope)
        return None

    # --- queries inside of expressions ---

    def _walk(self, value: Any, scope: Scope) -> None:
        if isinstance(value, list):
            for item in value:
                self._walk(item, scope)
        elif isinstance(value, dict):
            for kind, members in value.items():
                if kind == "SelectStmt":
                    self.statement(value, scope)
                    continue
                if kind == "ColumnRef":
                    self._note_outer(words(members["fields"]), scope)
                self._walk(members, scope)

    def _note_outer(self, column: list[str], scope: Scope) -> None:
        """A query that names what is around it is joined with it."""
        between: list[Scope] = []
        around: Scope | None = scope
        while around and len(column) > 1:
            if column[-2] in around.relations:
                if between:
                    self._note_joins(between, around.relations[column[-2]].tables)
                return
            between.append(around)
            around = around.outer

    def _note_joins(self, scopes: list[Scope], others: frozenset[str] = frozenset()) -> None:
        relations = [relation for scope in scopes for relation in scope.relations.values()]
        tables = others.union(*(relation.tables for relation in relations))
        if {"tenant", "temporary"} <= tables:
            self.temporary_joins.append(", ".join(relation.name or "a query" for relation in relations))


def _place(insert: Node) -> int | None:
    """Which of the columns of an INSERT is the tenant."""
    names = [column["ResTarget"]["name"] for column in insert.get("cols", [])]
    return names.index(TENANT) if TENANT in names else None


def _column(insert: Node, rows: list[Any]) -> list[Any] | None:
    """The values of the tenant in the rows of an INSERT; None where it is no column of it."""
    at = _place(insert)
    return None if at is None else [row["List"]["items"][at] for row in rows]


def _names_source(arm: Arm, at: int) -> bool:
    tenant = arm.columns[at] if at < len(arm.columns) else None
    return tenant is not None and tenant.is_bound() and tenant.root() in [source.root() for source in arm.sources]
