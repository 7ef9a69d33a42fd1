"""Settings: from the environment and from `.env` files as people write them."""

from pathlib import Path

import pytest

from app.settings import Settings, load_settings

KEY = "ab" * 32
WRITTEN = f"""\
# what we set
export STEWARD_PORT=9000            # the old one was taken
STEWARD_HOST = "0.0.0.0"
STEWARD_PUBLIC_URL='https://steward.example/#agency'
  STEWARD_LOG_LEVEL=Warning
STEWARD_PROJECTOR=off
STEWARD_OWNER_URL=
STEWARD_VAULT_KEY={KEY}
POSTGRES_PASSWORD=of-another-program
"""


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.env` file, and an environment that sets nothing of Steward."""
    for name in ("PORT", "HOST", "DATABASE_URL", "VAULT_KEY", "WORKERS"):
        monkeypatch.delenv(f"STEWARD_{name}", raising=False)
    return tmp_path / ".env"


def test_a_file_may_have_export_comments_quotes_and_the_variables_of_other_programs(dotenv: Path) -> None:
    dotenv.write_text(WRITTEN)

    settings = load_settings(dotenv)

    assert (settings.port, settings.host, settings.log_level) == (9000, "0.0.0.0", "warning")  # noqa: S104 - not bound
    assert settings.public_url == "https://steward.example/#agency"
    assert settings.projector is False
    assert (settings.owner_url, settings.vault_key) == (None, KEY)


def test_the_environment_counts_before_the_file(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv.write_text(WRITTEN)
    monkeypatch.setenv("STEWARD_PORT", "9001")

    assert load_settings(dotenv).port == 9001


def test_settings_made_by_hand_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_PORT", "9001")

    assert Settings().port == 8000


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("export STEWARD_PROT=9000", "no such setting: STEWARD_PROT"),
        ("STEWARD_PORT=hunter2", "STEWARD_PORT: Input should be a valid integer"),
        ("STEWARD_PORT=70000", "STEWARD_PORT: Input should be less than or equal to 65535"),
        ("STEWARD_LOG_LEVEL=loud", "STEWARD_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("STEWARD_PORT=1\nthis is no setting", "line 2 is not NAME=value"),
        ("STEWARD_HOST='127.0.0.1", "line 1 is not NAME=value"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(dotenv: Path, text: str, fault: str) -> None:
    dotenv.write_text(text)

    with pytest.raises(ValueError, match=fault) as raised:
        load_settings(dotenv)

    assert "hunter2" not in str(raised.value)


def test_secrets_are_not_shown_where_settings_are_printed() -> None:
    settings = Settings(database_url="postgresql+psycopg://me:hunter2@db/steward", owner_url="sqlite://", vault_key=KEY)

    assert "hunter2" not in repr(settings)
    assert KEY not in f"{settings} {settings!r}"
