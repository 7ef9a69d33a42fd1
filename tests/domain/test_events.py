"""Events: every member is classified, and every version that was ever stored is read for ever."""

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Classification, Personal, Public, Sealed, classification, nested
from tests.golden import FOLDER, add, broken, digest, file_of, manifest, sample, topic_of

FILES = sorted(path.name for path in FOLDER.glob("*.json"))


# --- classification ---


def unclassified(kind: type[BaseModel]) -> list[str]:
    """The members that nobody classified, or somebody twice, in a model and in what it holds."""
    found = []
    for name, field in kind.model_fields.items():
        if classification(field) is None:
            found.append(f"{kind.__name__}.{name}")
        found += [problem for model in nested(field) for problem in unclassified(model)]
    return found


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_member_of_every_event_is_classified_exactly_once(kind: type[Event]) -> None:
    assert unclassified(kind) == []


def test_a_member_that_somebody_forgot_or_classified_twice_is_found() -> None:
    class Inner(BaseModel):
        good: Public[str]
        forgotten: str

    class Careless(Event):
        TOPIC: ClassVar[str] = "careless.made"
        plain: str
        twice: Public[Business[str]]
        listed: Business[tuple[Inner, ...]]
        chosen: Business[Inner | None] = None
        fine: Personal[str | None] = None

    assert unclassified(Careless) == ["Careless.plain", "Careless.twice", "Inner.forgotten", "Inner.forgotten"]


def test_what_is_sealed_may_be_stored_sealed_and_nothing_else_may() -> None:
    def members(kind: type[BaseModel]) -> list[Any]:
        own = list(kind.model_fields.values())
        return own + [field for outer in own for model in nested(outer) for field in members(model)]

    for kind in CATALOGUE.values():
        for field in members(kind):
            sealed = classification(field) in (Classification.PERSONAL, Classification.FREE_TEXT)
            assert sealed == (Sealed in getattr(field.annotation, "__args__", ())), (kind, field)


def test_personal_members_stand_beside_the_person_whom_they_belong_to() -> None:
    def persons(kind: type[BaseModel]) -> list[type[BaseModel]]:
        own = (
            [kind]
            if any(classification(field) is Classification.PERSONAL for field in kind.model_fields.values())
            else []
        )
        return own + [
            person for field in kind.model_fields.values() for model in nested(field) for person in persons(model)
        ]

    holders = {holder for kind in CATALOGUE.values() for holder in persons(kind)}
    assert holders
    assert all({"stakeholder", "user"} & holder.model_fields.keys() for holder in holders)


# --- topics ---


@pytest.mark.parametrize("topic", CATALOGUE)
def test_a_topic_is_a_noun_and_what_happened_to_it(topic: str) -> None:
    noun, _, past = topic.partition(".")
    assert noun.replace("_", "").isalpha()
    assert past.replace("_", "").isalpha()
    assert topic == topic.lower()
    assert topic == CATALOGUE[topic].TOPIC
    assert CATALOGUE[topic].__doc__


def test_no_topic_is_told_by_two_classes() -> None:
    from app.domain import catalogue as events

    told = [kind.TOPIC for noun in vars(events).values() if hasattr(noun, "EVENTS") for kind in noun.EVENTS]
    assert sorted(told) == sorted(CATALOGUE)


# --- golden events ---


def test_no_golden_event_has_changed_and_none_is_missing() -> None:
    """If this fails: `python -m tests.golden` adds what is new; what has changed needs a new version and an upcaster."""
    assert broken() == []
    assert {file_of(kind) for kind in CATALOGUE.values()} <= set(FILES)


def test_no_golden_event_is_of_a_topic_or_version_that_is_unknown() -> None:
    for file in FILES:
        topic, version = topic_of(file)
        assert 1 <= version <= CATALOGUE[topic].VERSION, file
    wanted = {f"{kind.TOPIC}.v{version}.json" for kind in CATALOGUE.values() for version in range(1, kind.VERSION + 1)}
    assert wanted == set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_golden_event_is_read_and_written_as_it_stands(file: str) -> None:
    topic, version = topic_of(file)
    kind, data = CATALOGUE[topic], json.loads((FOLDER / file).read_text())

    event = kind.read(data, version)

    written = event.model_dump(mode="json", exclude_none=True)
    assert kind.read(written, kind.VERSION) == event
    if version == kind.VERSION:
        assert written == data
        assert set(data) == set(kind.model_fields), "the sample must be full"


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_an_event_takes_no_member_that_it_does_not_know(kind: type[Event]) -> None:
    with pytest.raises(ValueError, match="extra_forbidden"):
        kind.read({**sample(kind), "unheard_of": 1}, kind.VERSION)


# --- the command that adds golden events ---


class Thing(Event):
    """A thing happened."""

    TOPIC = "thing.happened"
    what: Public[str]


def test_adding_writes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    assert add(tmp_path, {"thing.happened": Thing}) == ["thing.happened.v1.json"]
    assert add(tmp_path, {"thing.happened": Thing}) == []
    assert json.loads((tmp_path / "thing.happened.v1.json").read_text()) == {"what": "what"}
    assert manifest(tmp_path) == {"thing.happened.v1.json": digest(tmp_path / "thing.happened.v1.json")}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda file: file.write_text("{}\n"), "thing.happened.v1.json has changed"),
        (lambda file: file.unlink(), "thing.happened.v1.json is gone"),
        (
            lambda file: shutil.copy(file, file.with_name("other.happened.v1.json")),
            "other.happened.v1.json is not in the MANIFEST",
        ),
    ],
)
def test_adding_refuses_as_soon_as_something_has_changed(tmp_path: Path, damage: Any, told: str) -> None:
    add(tmp_path, {"thing.happened": Thing})
    damage(tmp_path / "thing.happened.v1.json")

    with pytest.raises(ValueError, match=told):
        add(tmp_path, {"thing.happened": Thing})


def test_a_newer_version_gets_a_file_of_its_own_and_the_old_one_is_still_read(tmp_path: Path) -> None:
    class Newer(Event):
        TOPIC: ClassVar[str] = "thing.happened"
        VERSION: ClassVar[int] = 3
        which: Public[str]
        loud: Public[bool]

        @staticmethod
        def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
            return {"which": data["what"]}

        @staticmethod
        def upcast_v2(data: dict[str, Any]) -> dict[str, Any]:
            return {**data, "loud": False}

    add(tmp_path, {"thing.happened": Thing})
    assert add(tmp_path, {"thing.happened": Newer}) == ["thing.happened.v3.json"]
    old = json.loads((tmp_path / "thing.happened.v1.json").read_text())
    assert Newer.read(old, 1) == Newer(which="what", loud=False) == Newer.read({"which": "what"}, 2)
    assert old == {"what": "what"}
