"""Recipes: what adding something touches, and a script that really adds one. CONTRIBUTING's table is made of them."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- recipes: written by `python -m tests.docs` -->\n", "<!-- end of recipes -->"
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", ".hypothesis", "var", "build", "*.egg-info", "site"
)
"""Not what is compiled: a file that was not touched is not compiled again."""


class Copy:
    """A copy of the tree, in which files may be changed and programs be run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "steward"
        shutil.copytree(ROOT, self.folder, ignore=_LEFT_OUT, symlinks=True)

    def write(self, path: str, text: str) -> None:
        """Adds a file."""
        file = self.folder / path
        assert not file.exists(), path
        file.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes a place that must be there exactly once."""
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1, (path, old, text.count(old))
        file.write_text(text.replace(old, new))

    def append(self, path: str, text: str) -> None:
        """Adds to the end of a file."""
        with (self.folder / path).open("a") as file:
            file.write(text)

    def python(self, *words: str) -> str:
        """Runs a module of the copy. Gives: what it prints."""
        return self._run([sys.executable, "-m", *words])

    def write_contract(self) -> None:
        """What `make openapi` does."""
        (self.folder / "docs" / "openapi.json").write_text(self.python("app", "openapi"))

    def write_golden_events(self) -> None:
        """What `make golden` does for events; the recipe of a KPI calls all of it, which asks every KPI over a ledger again."""
        self._run([sys.executable, "-c", "from tests.golden import add; add()"])

    def lint_imports(self) -> str:
        """Holds the copy to the import law."""
        return self._run([str(Path(sys.executable).parent / "lint-imports"), "--no-cache"])

    def test(self, *names: str) -> str:
        """Runs tests of the copy."""
        return self.python("pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *names)

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={"PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin", "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """Every file of the copy, as it stands."""
        ignored = {"__pycache__", ".hypothesis", ".import_linter_cache", ".pytest_cache", "var"}
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for file in self.folder.rglob("*")
            if file.is_file() and not ignored & set(file.relative_to(self.folder).parts)
        }


@dataclass(frozen=True)
class Recipe:
    """How something is added.

    name: of the row. touches: each file, as it is called in general, with what is done there. words: what the names in `<…>`
    are in the example. apply: adds the example. tests: what must be green afterwards. after: recipes that come first.
    """

    name: str
    touches: Mapping[str, str]
    words: Mapping[str, str]
    apply: Callable[[Copy], None]
    tests: tuple[str, ...]
    after: tuple["Recipe", ...] = ()

    def files(self) -> set[str]:
        """The files of the example."""
        return {self.example_of(path) for path in self.touches}

    def example_of(self, path: str) -> str:
        """A file of the table, as it is called in the example."""
        for word, meaning in self.words.items():
            path = path.replace(f"<{word}>", meaning)
        return path


# --- an event ---


def _add_event(copy: Copy) -> None:
    copy.replace(
        "app/domain/interaction/events.py",
        "EVENTS = (InteractionLogged, InteractionVoided)",
        'class InteractionRestored(Event):\n    """The entry was right after all; it counts again."""\n\n'
        '    TOPIC = "interaction.restored"\n\n\n'
        "EVENTS = (InteractionLogged, InteractionVoided, InteractionRestored)",
    )
    copy.replace(
        "app/domain/interaction/state.py",
        "import InteractionLogged, InteractionVoided\n",
        "import InteractionLogged, InteractionRestored, InteractionVoided\n",
    )
    copy.replace(
        "app/domain/interaction/state.py",
        "        case _:\n",
        "        case InteractionRestored():\n            return replace(state, voided=False)\n        case _:\n",
    )
    copy.replace(
        "projections/views/interactions.py",
        "\n\nVIEW = View(\n",
        "\n\ndef _restored(row: Interaction | None, recorded: Recorded, _where: ZoneInfo) -> Interaction | None:\n"
        "    if row is None:\n        return None\n"
        "    latest_at = max(row.latest_at, recorded.effective_at)\n"
        "    return row._replace(voided=False, version=recorded.version, latest_at=latest_at)\n"
        "\n\nVIEW = View(\n",
    )
    copy.replace(
        "projections/views/interactions.py",
        '    on={"interaction.logged": _logged, "interaction.voided": _voided},\n',
        '    on={"interaction.logged": _logged, "interaction.voided": _voided, "interaction.restored": _restored},\n',
    )
    copy.replace(
        "projections/views/timeline.py",
        '    "contract.drafted": lambda',
        '    "interaction.restored": lambda _: "An interaction that was marked as wrong counts again",\n    "contract.drafted": lambda',
    )
    copy.replace("tests/read_side/test_ends.py", '"interaction": "logged",', '"interaction": "logged restored",')
    copy.write_golden_events()
    (copy.folder / "docs" / "events.md").write_text(copy.python("app", "events", "--markdown"))


EVENT: Final = Recipe(
    "an event of an aggregate",
    {
        "app/domain/<aggregate>/events.py": "a class with a topic, each member classified; its place in `EVENTS`",
        "app/domain/<aggregate>/state.py": "its effect in `evolve`, where a decision needs to know of it",
        "projections/views/<nouns>.py": "its fold, in `on`: at least `version`, which is the ETag that a caller sends as If-Match",
        "projections/views/timeline.py": "a sentence, which reads open members only",
        "tests/read_side/test_ends.py": "whether it goes on, or ends something: then a story of what counts that no more",
        "tests/golden/events/<topic>.v1.json": "`make golden`",
        "tests/golden/events/MANIFEST": "the same command",
        "docs/events.md": "`make pages`",
    },
    {"aggregate": "interaction", "nouns": "interactions", "topic": "interaction.restored"},
    _add_event,
    (
        "tests/domain/test_events.py",
        "tests/architecture/test_docs.py",
        "tests/projections/views/test_versions.py",
        "tests/api/test_timeline.py::test_every_event_that_an_account_can_meet_has_a_sentence",
        "tests/api/test_timeline.py::test_a_sentence_reads_only_members_that_are_open",
        "tests/read_side/test_ends.py::test_every_event_of_the_catalogue_ends_something_and_has_a_story_or_goes_on",
    ),
)

# --- a command ---


def _add_command(copy: Copy) -> None:
    copy.append(
        "app/domain/interaction/commands.py",
        '\n\nclass RestoreInteraction(Command):\n    """Takes back that an entry was marked as wrong."""\n',
    )
    copy.replace(
        "app/domain/interaction/decisions.py",
        "LogInteraction, VoidInteraction\n",
        "LogInteraction, RestoreInteraction, VoidInteraction\n",
    )
    copy.replace(
        "app/domain/interaction/decisions.py",
        "import InteractionLogged, InteractionVoided, Participant\n",
        "import InteractionLogged, InteractionRestored, InteractionVoided, Participant\n",
    )
    copy.append(
        "app/domain/interaction/decisions.py",
        "\n\ndef restore(\n    state: InteractionState, _command: RestoreInteraction, _context: Context\n"
        ") -> tuple[InteractionRestored, ...]:\n"
        '    """The entry counts again. Raises: Refused where it was not marked as wrong."""\n'
        "    if not state.voided:\n"
        '        raise Refused("interaction_not_voided", "the entry is not marked as wrong")\n'
        "    return (InteractionRestored(),)\n",
    )
    copy.replace(
        "app/domain/interaction/aggregate.py",
        '        commands.VoidInteraction: Decision(decisions.void, "correct", authored=decisions.logged),\n',
        '        commands.VoidInteraction: Decision(decisions.void, "correct", authored=decisions.logged),\n'
        '        commands.RestoreInteraction: Decision(decisions.restore, "correct", authored=decisions.logged),\n',
    )
    copy.replace(
        "app/write_side/ingestion.py",
        '    "interaction.voided": ',
        '    "interaction.restored": Topic(interaction_commands.RestoreInteraction, "interaction", "interaction"),\n'
        '    "interaction.voided": ',
    )
    copy.replace(
        "app/demo/interactions.py",
        "\n\ndef log(",
        '    history.do_apart(add_days(day, 2), interaction_commands.RestoreInteraction(), interaction=again.new_id or "")\n\n\ndef log(',
    )
    copy.replace("docs/errors.toml", "interaction_voided = ",
                 'interaction_not_voided = "Nothing to restore: the entry is not marked as wrong."\ninteraction_voided = ')  # fmt: skip
    copy.python("tests.docs")
    copy.append(
        "tests/domain/interaction/test_interaction.py",
        "\n\ndef test_an_entry_that_was_marked_as_wrong_is_restored_once() -> None:\n"
        "    given(LOGGED, InteractionVoided()).when(RestoreInteraction()).then(InteractionRestored())\n"
        '    given(LOGGED).when(RestoreInteraction()).refused("interaction_not_voided")\n',
    )
    copy.replace(
        "tests/domain/interaction/test_interaction.py",
        "LogInteraction, VoidInteraction\n",
        "LogInteraction, RestoreInteraction, VoidInteraction\n",
    )
    copy.replace(
        "tests/domain/interaction/test_interaction.py",
        "import InteractionLogged, InteractionVoided\n",
        "import InteractionLogged, InteractionRestored, InteractionVoided\n",
    )


COMMAND: Final = Recipe(
    "a command",
    {
        "app/domain/<aggregate>/commands.py": "a frozen pydantic class; it is the body of the request",
        "app/domain/<aggregate>/decisions.py": "a pure function from state, command and context to events",
        "app/domain/<aggregate>/aggregate.py": "a line that joins the two, with the other aggregates that it reads",
        "app/write_side/ingestion.py": "a line, where its event may also come in as a CloudEvent",
        "app/demo/<story>.py": "the demo shows every kind of event",
        "docs/errors.toml": "what to do about each new code",
        "docs/errors.md": "`make pages`",
        "tests/domain/<aggregate>/test_<aggregate>.py": "what it does, and what it refuses",
    },
    {"aggregate": "interaction", "story": "interactions"},
    _add_command,
    (
        "tests/domain/interaction/test_interaction.py",
        "tests/docs/test_errors.py",
        "tests/demo/test_demo.py::test_the_demo_shows_every_kind_of_event_that_business_has",
    ),
    after=(EVENT,),
)

# --- an endpoint ---


def _add_endpoint(copy: Copy) -> None:
    copy.replace(
        "app/api/nouns/interactions.py",
        "LogInteraction, VoidInteraction\n",
        "LogInteraction, RestoreInteraction, VoidInteraction\n",
    )
    copy.replace(
        "app/api/nouns/interactions.py",
        '@router.get("/interactions", operation_id="interactions.list"',
        '@router.post(\n    "/interactions/{interaction}/restoration",\n    operation_id="interactions.restore",\n'
        "    status_code=201,\n    responses=WRITTEN | documented(404, 409, 412, 422),\n)\n"
        "async def restore(interaction: str, command: RestoreInteraction, to: Writing) -> Response:\n"
        '    """Take back that an entry was marked as wrong."""\n'
        "    return await to.write(command, interaction=interaction)\n\n\n"
        '@router.get("/interactions", operation_id="interactions.list"',
    )
    copy.replace(
        "app/api/http/examples.py",
        '    "interactions.void": ',
        '    "interactions.restore": {"reason": "It was right after all"},\n    "interactions.void": ',
    )
    copy.write_contract()


ENDPOINT: Final = Recipe(
    "an endpoint",
    {
        "app/api/nouns/<nouns>.py": "a function that hands the command to the write context; or, without a command, one that reads a view",
        "app/api/http/examples.py": "an example body, where it takes one; none where it reads",
        "docs/openapi.json": "`make openapi`",
    },
    {"nouns": "interactions"},
    _add_endpoint,
    ("tests/api/test_contract_file.py",),
    after=(EVENT, COMMAND),
)

# --- a view ---

_VIEW = '''"""Contacts: how often a client was spoken to, a row an account."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, account


class Contacts(NamedTuple):
    """How many interactions were logged for an account, and when the latest took effect, in microseconds."""

    account: str
    logged: int
    latest_at: int


def _logged(row: Contacts | None, recorded: Recorded, _where: ZoneInfo) -> Contacts:
    before = row or Contacts(str(recorded.account_id), 0, 0)
    return before._replace(logged=before.logged + 1, latest_at=max(before.latest_at, recorded.effective_at))


VIEW = View(
    name="contacts",
    version=1,
    row=Contacts,
    keys=("account",),
    on={"interaction.logged": _logged},
    group_of=account,
    history=True,
    noun="account",
)
'''

_VIEW_TEST = '''"""The view of contacts: caught up step by step, and rebuilt, it counts the same."""

from app.domain.account.commands import OpenAccount
from app.domain.interaction.commands import LogInteraction
from projections.views import contacts
from tests.support.application import Steward
from tests.support.views import rebuilt


def test_contacts_are_counted_and_a_rebuild_counts_the_same(steward: Steward) -> None:
    client = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    for hour in ("07", "08"):
        call = LogInteraction(channel="call", direction="inbound", occurred_at=f"2026-01-15T{hour}:00:00Z")
        steward.do(call, account=client)
        steward.catch_up()

    [row] = steward.rows("contacts")

    assert (row.account, row.logged) == (client, 2)
    assert rebuilt(steward, contacts.VIEW).equal
'''


def _add_view(copy: Copy) -> None:
    copy.write("projections/views/contacts.py", _VIEW)
    copy.replace("projections/__init__.py", "    budgets,\n", "    budgets,\n    contacts,\n")
    copy.replace("projections/__init__.py", "    contracts.VIEW,\n", "    contacts.VIEW,\n    contracts.VIEW,\n")
    copy.write("tests/projections/views/test_contacts.py", _VIEW_TEST)


VIEW: Final = Recipe(
    "a view",
    {
        "projections/views/<view>.py": "the row, the fold of each topic, and the `View`; no migration. "
        "Copy `accounts.py`, or `portfolios.py` for several rows a group; the members of a `View` are explained in `projections/view.py`",
        "projections/__init__.py": "an import and a line in `VIEWS`",
        "tests/projections/views/test_<view>.py": "caught up step by step, it is what a rebuild makes",
    },
    {"view": "contacts"},
    _add_view,
    ("tests/projections/views/test_contacts.py",),
)

# --- a provider ---

_PROVIDER = '''"""Shared token: a sender that signs nothing and sends a secret in the header `x-token`, over a private network."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

from app.domain.kernel.errors import Invalid
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound.provider import Delivery, Provider, unverified


def _check(command: RegisterWebhookEndpoint) -> None:
    if any((command.hash, command.encoding, command.header, command.style, command.signed_content_template)):
        raise Invalid("member_not_allowed", "a shared token is compared and signs nothing")


def _check_secret(_text: str) -> None:
    """Any text will do."""


def _check_public_key(_text: str) -> None:
    raise Invalid("member_not_allowed", "a shared token has no public key")


def _verify(_endpoint: WebhookEndpointState, secrets: Sequence[str], delivery: Delivery, _now: int) -> None:
    token = delivery.only("x-token", "signature_malformed").encode()
    good = [hmac.compare_digest(secret.encode(), token) for secret in secrets]
    if not any(good):
        raise unverified("signature_mismatch")


def _identify(delivery: Delivery, _body: Any) -> str:
    return hashlib.sha256(delivery.body).hexdigest()


PROVIDER: Final = Provider("shared_token", _check, _check_secret, _check_public_key, _verify, _identify)
'''

_PROVIDER_TEST = '''"""The provider of shared tokens: the right token passes, another one does not."""

import pytest

from app.domain.kernel.errors import Unauthenticated
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound.provider import Delivery
from app.webhooks.inbound.providers import provider_named

ENDPOINT = WebhookEndpointState(exists=True, provider="shared_token")


def test_only_the_right_token_passes() -> None:
    provider = provider_named("shared_token")
    right, wrong = (Delivery([(b"X-Token", token)], b"{}") for token in (b"open sesame", b"open barley"))

    provider.verify(ENDPOINT, ["open sesame"], right, 0)
    with pytest.raises(Unauthenticated, match="invalid_signature"):
        provider.verify(ENDPOINT, ["open sesame"], wrong, 0)
    assert provider.identify(right, {}) == provider.identify(wrong, {})
'''


def _add_provider(copy: Copy) -> None:
    copy.write("app/webhooks/inbound/providers/shared_token.py", _PROVIDER)
    copy.replace(
        "app/webhooks/inbound/providers/__init__.py",
        "import generic_hmac, standard_webhooks",
        "import generic_hmac, shared_token, standard_webhooks",
    )
    copy.replace(
        "app/webhooks/inbound/providers/__init__.py",
        "    generic_hmac.PROVIDER,\n",
        "    generic_hmac.PROVIDER,\n    shared_token.PROVIDER,\n",
    )
    copy.replace(
        "docs/webhooks.md",
        "\n\nA signed time may be off",
        "\n| `shared_token` | a sender on a private network | not at all: the secret is sent in the header `x-token` |"
        "\n\nA signed time may be off",
    )
    copy.write("tests/webhooks/test_shared_token.py", _PROVIDER_TEST)


PROVIDER: Final = Recipe(
    "a webhook provider",
    {
        "app/webhooks/inbound/providers/<provider>.py": "how a message is verified over its raw bytes, and what it is called",
        "app/webhooks/inbound/providers/__init__.py": "an import and a line in `PROVIDERS`",
        "docs/webhooks.md": "a row in the table of providers; a test holds the table to `PROVIDERS`",
        "tests/webhooks/test_<provider>.py": "good and bad messages",
    },
    {"provider": "shared_token"},
    _add_provider,
    ("tests/webhooks/test_shared_token.py", "tests/webhooks/test_providers.py", "tests/docs/test_pages.py"),
)

# --- a KPI ---

_KPI = """

def _contracted(row: AccountMovements) -> Share:
    return (row.total("contraction"), row.opening) if row.opening else (0, 0)


DOWNGRADE_RATE: Final = Kpi(
    name="downgrade_rate",
    title="Downgrade rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="contraction / start, movements of C only",
            share=_contracted,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=False, moved="total_contraction"), OPENING),
        )
    },
    source="docs/kpis.md#downgrade_rate",
)
"""

_KPI_PAGE = """### downgrade_rate

Of what paid at the start, the part that became less without the account leaving. Method `movement`: contraction of the accounts in C
over their MRR at the start. Null with `no_paying_accounts_at_start` where nobody paid.

Example: C became 500 less, of 4,500: **0.111111**.

"""


def _add_kpi(copy: Copy) -> None:
    copy.append("projections/kpis/retention.py", _KPI)
    copy.replace(
        "projections/kpis/__init__.py",
        "    retention.GROSS_REVENUE_RETENTION,\n",
        "    retention.GROSS_REVENUE_RETENTION,\n    retention.DOWNGRADE_RATE,\n",
    )
    copy.replace("docs/kpis.md", "### customer_churn_rate\n", f"{_KPI_PAGE}### customer_churn_rate\n")
    copy.replace(
        "tests/projections/kpis/test_catalogue.py",
        '        "mrr": ["point_in_time"],\n',
        '        "downgrade_rate": ["movement"],\n        "mrr": ["point_in_time"],\n',
    )
    copy.replace(
        "tests/kpi_queries/test_fixture_f1.py",
        '        ("quick_ratio", "movement",',
        '        ("downgrade_rate", "movement", "0.111111", "500.00", "4500.00"),\n        ("quick_ratio", "movement",',
    )
    copy.python("tests.golden")
    copy.write_contract()


KPI: Final = Recipe(
    "a KPI",
    {
        "projections/kpis/<theme>.py": "a `Kpi`: for each method the share, its scales and the reason for a null. "
        "`sql` is for speed. Leave `depends_on` out first; `rule_sets.py` says what each set of rules is for",
        "projections/kpis/__init__.py": "a line in `KPIS`",
        "docs/kpis.md": "its section: formula, edge rules, one worked example",
        "tests/projections/kpis/test_catalogue.py": "a line with its methods",
        "tests/kpi_queries/test_fixture_f1.py": "a line with its figure of the worked example, worked out by hand",
        "tests/golden/answers/<kpi>.v1.ndjson": "`make golden`: its answers by this calculation version",
        "docs/openapi.json": "`make openapi`: the contract names every KPI",
    },
    {"theme": "retention", "kpi": "downgrade_rate"},
    _add_kpi,
    (
        "tests/projections/kpis/test_catalogue.py",
        "tests/kpi_queries/test_fixture_f1.py",
        "tests/kpi_queries/test_every_kpi.py",
        "tests/kpi_queries/test_figures.py::test_a_zero_denominator_gives_null_and_says_why",
        "tests/architecture/test_docs.py",
    ),
)

RECIPES: Final = (EVENT, COMMAND, ENDPOINT, VIEW, KPI, PROVIDER)


def table() -> str:
    """The table of CONTRIBUTING."""
    rows = ["| To add | Touch | What is done there |", "| --- | --- | --- |"]
    for recipe in RECIPES:
        first = f"**{recipe.name}**" + (
            f" (after {' and '.join(one.name for one in recipe.after)})" if recipe.after else ""
        )
        for path, what in recipe.touches.items():
            rows.append(f"| {first} | `{path}` | {what} |")
            first = ""
        files = dict.fromkeys(test.partition("::")[0] for test in recipe.tests)
        for path in recipe.touches:
            example = recipe.example_of(path)
            files = {path if file == example else file: None for file in files}
        rows.append(
            f"| | prove it with | {', '.join(f'`{file}`' for file in files)}, `lint-imports`; and `make lint` |"
        )
    return "\n".join(rows) + "\n"


def page() -> str:
    """CONTRIBUTING, as it must be today."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]
