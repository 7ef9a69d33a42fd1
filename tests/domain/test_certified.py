"""Certificates and closed periods, decided: dated by nobody, closed once over, restated only where they stand."""

from typing import Any

import pytest

from app.domain.aggregates import DECISIONS
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import micros, zone
from app.domain.kpi_certificate.commands import IssueKpiCertificate, RecordKpiCertificate
from app.domain.kpi_certificate.decisions import issue
from app.domain.kpi_certificate.events import CertifiedScope, KpiCertificateIssued
from app.domain.kpi_certificate.state import KpiCertificateState
from app.domain.period_close.commands import ClosePeriod, RecordPeriodClose, RecordPeriodRestatement, Restated
from app.domain.period_close.decisions import close, reference, restate
from app.domain.period_close.events import PeriodCloseClosed, PeriodCloseRestated
from app.domain.period_close.state import PeriodCloseState

ISSUED = KpiCertificateIssued(
    kpi="mrr", method="point_in_time", unit="money", scope=CertifiedScope(), as_of="2025-12-31T23:59:59.999999Z",
    known_position=7, policy_version="default/1", value="10.00", numerator="10.00", currency="EUR",
    answer_hash="0" * 64, inputs_hash="0" * 64, calculation=1,
)  # fmt: skip
CLOSED = PeriodCloseClosed(start="2026-01-01", end="2026-02-01", known_position=7, certificates=("crt_1", "crt_2"))


def context(now: str = "2026-02-01T00:00:00Z", where: str = "UTC") -> Context:
    """A decision at an instant."""
    return Context(
        tenant_id="tnt",
        principal=Principal("test"),
        now=micros(now),
        effective_at=micros(now),
        zone=zone(where),
        stream_id="pcl",
        new_id=lambda prefix: f"{prefix}_new",
    )


def one(old: str, new: str) -> Restated:
    """A certificate in the place of another."""
    return Restated(kpi="mrr", from_cert=old, to_cert=new, known_position=9, causes=("evt_1",), complete=True)


def test_a_certificate_is_the_figure_that_was_computed() -> None:
    assert issue(KpiCertificateState(), RecordKpiCertificate(issued=ISSUED), context()) == (ISSUED,)


@pytest.mark.parametrize("effective_at", ["2026-01-01", "2026-02-01T00:00:00Z", "2030-01-01"])
def test_what_certifies_cannot_be_dated(effective_at: str) -> None:
    dated: dict[str, Any] = {"effective_at": effective_at}

    for decide, state, command in (
        (issue, KpiCertificateState(), RecordKpiCertificate(issued=ISSUED, **dated)),
        (close, PeriodCloseState(), RecordPeriodClose(closed=CLOSED, **dated)),
        (restate, PeriodCloseState(), RecordPeriodRestatement(restated=(one("crt_1", "crt_3"),), **dated)),
    ):
        with pytest.raises(Invalid, match="effective_at_not_allowed"):
            decide(state, command, context())  # type: ignore[operator]  # each with its own


def test_a_period_ends_at_midnight_where_the_tenant_is() -> None:
    command = RecordPeriodClose(closed=CLOSED)

    assert close(PeriodCloseState(), command, context("2026-01-31T23:00:00Z", "Europe/Berlin")) == (CLOSED,)
    with pytest.raises(Refused, match="period_not_ended"):
        close(PeriodCloseState(), command, context("2026-01-31T23:00:00Z"))


def test_a_close_claims_its_period_and_its_currency() -> None:
    euros = RecordPeriodClose(closed=CLOSED.model_copy(update={"currency": "EUR"}))

    assert reference(RecordPeriodClose(closed=CLOSED), context()) == "2026-01-01/2026-02-01"
    assert reference(euros, context()) == "2026-01-01/2026-02-01/EUR"
    assert DECISIONS[RecordPeriodClose].reference is reference


def test_only_a_certificate_that_stands_is_replaced() -> None:
    state = PeriodCloseState(start="2026-01-01", end="2026-02-01", certificates=("crt_1", "crt_2"))

    (event,) = restate(state, RecordPeriodRestatement(restated=(one("crt_2", "crt_3"),)), context())

    assert event == PeriodCloseRestated(
        kpi="mrr", from_cert="crt_2", to_cert="crt_3", known_position=9, causes=("evt_1",), complete=True
    )
    with pytest.raises(Refused, match="certificate_replaced"):
        restate(state, RecordPeriodRestatement(restated=(one("crt_9", "crt_3"),)), context())


def test_bodies_say_from_as_the_address_of_a_figure_does() -> None:
    assert ClosePeriod.model_validate({"from": "2026-01-01", "to": "2026-02-01"}).from_ == "2026-01-01"
    asked = {"kpi": "mrr", "from": "2026-01-01", "to": "2026-02-01", "known_at": 7}
    assert IssueKpiCertificate.model_validate(asked).known_at == 7
