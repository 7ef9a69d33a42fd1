"""Models by datamodel-code-generator: real answers are read with them, and a real body is written with one."""

import sys

import httpx
import models


def main(address: str, key: str) -> None:
    """Calls a server. Takes: its address, and a key of an admin."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
        body = models.OpenAccount(name="Tyrell", currency="EUR").model_dump(mode="json", exclude_unset=True)
        opened = models.Receipt.model_validate_json(client.post("/v1/accounts", json=body).raise_for_status().content)
        waiting = {"Min-Event-Position": str(opened.position)}
        listed = client.get("/v1/accounts", headers=waiting).raise_for_status()
        page = models.AccountPage.model_validate_json(listed.content)
        assert opened.id in {account.id for account in page.data}
        asked = client.get("/v1/kpis/mrr", params={"currency": "EUR"}).raise_for_status()
        assert models.Figure.model_validate_json(asked.content).value is not None
        refused = models.Problem.model_validate_json(client.get("/v1/accounts/acct_none").content)
        assert refused.code == "account_not_found"
    count = sum(isinstance(each, type) for each in vars(models).values())
    print(f"datamodel-code-generator: {count} models; {opened.id} was opened, listed and counted")


main(*sys.argv[1:])
