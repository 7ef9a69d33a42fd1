"""A client by openapi-python-client: every module is imported, and an account is opened, listed and counted."""

import importlib
import pkgutil
import sys
from types import ModuleType

import steward_client
from steward_client import AuthenticatedClient
from steward_client.api.accounts import accounts_get, accounts_list, accounts_open
from steward_client.api.kpis import kpis_get
from steward_client.models import AccountPage, Figure, OpenAccount, Problem, Receipt


def modules(package: ModuleType) -> list[str]:
    """The names of all modules of a package, imported."""
    names = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return [importlib.import_module(name).__name__ for name in names]


def main(address: str, key: str) -> None:
    """Calls a server. Takes: its address, and a key of an admin."""
    imported = modules(steward_client)
    client = AuthenticatedClient(base_url=address, token=key, raise_on_unexpected_status=True)
    opened = accounts_open.sync(client=client, body=OpenAccount(name="Tyrell", currency="EUR"))
    assert isinstance(opened, Receipt), opened
    page = accounts_list.sync(client=client, limit=200, min_event_position=opened.position)
    assert isinstance(page, AccountPage), page
    assert opened.id in {account.id for account in page.data}
    figure = kpis_get.sync("mrr", client=client, currency="EUR")
    assert isinstance(figure, Figure), figure
    assert figure.value is not None
    refused = accounts_get.sync("acct_none", client=client)
    assert isinstance(refused, Problem), refused
    assert refused.code == "account_not_found"
    client.get_httpx_client().close()
    print(f"openapi-python-client: {len(imported)} modules; {opened.id} was opened, listed and counted")


main(*sys.argv[1:])
