"""Refusals are the same in the process that one is handed to."""

import pickle

import pytest

from app.domain.kernel.errors import DomainError, NotAllowed, Unavailable
from app.domain.kernel.strict_json import Malformed


@pytest.mark.parametrize("kind", [DomainError, NotAllowed, Unavailable, Malformed])
def test_a_refusal_keeps_its_code_its_words_and_its_members_from_one_process_to_another(
    kind: type[DomainError],
) -> None:
    refusal = kind("log_damaged", "the event at position 7 is not the one that was written", position=7)

    handed = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - what was made in the line itself

    assert type(handed) is kind
    assert (handed.code, handed.detail, handed.members) == (refusal.code, refusal.detail, refusal.members)
    assert str(handed) == str(refusal)
