"""Words that are out: a private vocabulary, and "he" for a person. One word has one meaning; prose is plain English.

Names are checked wherever they stand in code, prose in docstrings, comments and documents. `LEFT` says how many such words each
package still has; a number only ever falls, and a package without a number has none.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
OUT: Final = (
    "house", "room", "rooms", "door", "doors", "cellar", "corridor", "garden", "gardens", "grower", "growers", "told", "twin",
    "twins", "wish", "wishes", "he", "him", "his", "himself",
)  # fmt: skip
_WORD: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(OUT)})(?![a-z])")
LEFT: Final[dict[str, int]] = {
    "app/api": 5,
    "app/domain": 3,
    "app/read_side": 1,
    "docs/errors.md": 2,
    "docs/examples.md": 8,
    "docs/operations.md": 1,
    "docs/tour.md": 4,
    "projections/views": 8,
}


def prose_and_names(source: str) -> Iterator[str]:
    """The names of a file, in words, its docstrings and its comments."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", token.string)
        elif token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield token.string


def words_of(text: str) -> list[str]:
    """The words of a text that are out."""
    return _WORD.findall(text.lower().replace("_", " "))


def left() -> Counter[str]:
    """How many words that are out each package and document still has."""
    found: Counter[str] = Counter()
    for root in ("app", "projections", "migrations", "bench"):
        for path in (ROOT / root).rglob("*.py"):
            package = "/".join(path.relative_to(ROOT).parts[:2]) if root in ("app", "projections") else root
            found[package] += sum(len(words_of(text)) for text in prose_and_names(path.read_text()))
    for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        found[str(path.relative_to(ROOT))] += len(words_of(path.read_text()))
    return +found


def test_no_package_says_a_word_that_is_out_more_often_than_it_did() -> None:
    more = {package: count for package, count in left().items() if count > LEFT.get(package, 0)}

    assert more == {}


def test_names_are_read_in_words_and_prose_as_it_stands() -> None:
    assert words_of("TheHouse") == []
    assert [word for text in prose_and_names("def asked_twin(houseRoom): pass  # he said\n") for word in words_of(text)] == [
        "twin", "house", "room", "he",
    ]  # fmt: skip
