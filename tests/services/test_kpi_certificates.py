"""Certificates in the log: older versions of their event verify, and a certificate names the calculation it was computed by."""

from pathlib import Path
from typing import Any

import pytest

from app.domain.kpi_certificate.events import KpiCertificateIssued
from app.kpi_queries import KpiQuery
from app.services import kpi_certificates as certificates
from app.store.append import AppendRequest
from app.store.canonical import canonical
from app.store.mapper import StoredEnvelope
from app.store.receipts import Request
from tests.support.application import Steward

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"
YEAR = ("2025-01-01", "2026-01-01")
CERTIFICATE = "crt_01jd0000000000000000000001"


@pytest.fixture
def fixture_f1(steward: Steward) -> Steward:
    """A Steward that holds the fixture F1."""
    steward.ingest_file(F1)
    steward.catch_up()
    return steward


def computed(steward: Steward, kpi: str = "net_revenue_retention") -> KpiCertificateIssued:
    """A certificate of the year 2025, not issued yet."""
    reader = steward.runtime.reader
    when = certificates.pin_clocks(reader, steward.tenant, kpi, None, None)
    return certificates.compute(reader, steward.tenant, KpiQuery(kpi, *YEAR), when)


def store(steward: Steward, data: dict[str, Any], schema_version: int) -> None:
    """Appends a certificate as one version of its event stores it."""
    envelope = StoredEnvelope(
        originator_id=CERTIFICATE,
        originator_version=1,
        topic="kpi_certificate.issued",
        state=canonical({"data": data, "meta": {}, "salt": "fixed"}),
        event_id="evt_01jd0000000000000000000001",
        account_id=None,
        schema_version=schema_version,
        effective_at=steward.clock(),
        actor="test",
    )
    request = AppendRequest(
        tenant_id=steward.tenant,
        stream_id=CERTIFICATE,
        events=(envelope,),
        expects={CERTIFICATE: 0},
        request=Request("stored", b""),
    )
    steward.runtime.log.append(steward.tenant, [request])


@pytest.mark.parametrize("kpi", ["net_revenue_retention", "mrr_waterfall"])
def test_a_certificate_stored_in_the_first_version_verifies_as_computed_by_calculation_1(
    fixture_f1: Steward, kpi: str
) -> None:
    data = computed(fixture_f1, kpi).model_dump(mode="json", exclude_none=True)
    del data["calculation"]
    store(fixture_f1, data | {"code_digest": "ab" * 32}, schema_version=1)

    verification = certificates.verify(fixture_f1.runtime.reader, fixture_f1.tenant, CERTIFICATE)

    assert (verification["verified"], verification["differences"], verification["code_changed"]) == (True, [], True)
    [row] = fixture_f1.rows("kpi_certificates")
    assert (row.calculation, row.code_digest) == (1, "ab" * 32)


def test_a_certificate_computed_by_another_calculation_says_so(fixture_f1: Steward) -> None:
    data = computed(fixture_f1).model_dump(mode="json", exclude_none=True)
    store(fixture_f1, data | {"calculation": 7}, schema_version=2)

    verification = certificates.verify(fixture_f1.runtime.reader, fixture_f1.tenant, CERTIFICATE)

    assert (verification["verified"], verification["code_changed"]) == (True, True)


# Made of the fixture F1 by the source that cited digests of files.
FIRST_HASHES = {
    "net_revenue_retention": "bb2d094129d6f017fdef4c2f340209cc27ade5b632855aa94e1efccce7044045",
    "mrr_waterfall": "6850e6e4996851b35d8e2d2916ee07659b273f1403d57578c91bc3735dc8c122",
}


@pytest.mark.parametrize("kpi", FIRST_HASHES)
def test_an_answer_has_the_hash_that_it_had_before_answers_named_a_calculation(
    sqlite_steward: Steward, kpi: str
) -> None:
    sqlite_steward.ingest_file(F1)
    sqlite_steward.catch_up()

    assert computed(sqlite_steward, kpi).answer_hash == FIRST_HASHES[kpi]
