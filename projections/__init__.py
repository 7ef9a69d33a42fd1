"""The garden: views and KPIs, which can be pulled up and grown again from the log at any time.

Lives here: one file per view, each with its row, its fold and its table; `kpis/` holds the figures.
May import: `app.domain.events`, `app.domain.recorded`, `app.domain.schedule`, `app.domain.values`, SQLAlchemy for tables.
To add a view: a file and one line below; no migration.
"""

from typing import Any, Final

from projections import accounts, contract_lines, portfolios
from projections.base import View

VIEWS: Final[tuple[View[Any], ...]] = (
    accounts.VIEW,
    portfolios.VIEW,
    contract_lines.VIEW,
)
