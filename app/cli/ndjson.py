"""Lines of a file of events: read one after another, never the whole file, never a line without an end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from app.domain.kernel.errors import DomainError, Invalid
from app.domain.kernel.strict_json import decode

LONGEST: Final = 262_144
"""The longest line: what the body of a single event may have."""
MOST_BYTES: Final = 8 * 2**20
"""How many bytes of a file are held at a time, about."""
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """A line that is not blank: its number from 1, its event or why there is none, and where in the file it ends."""

    number: int
    event: object
    end: int


def lines(file: BinaryIO) -> Iterator[Line]:
    """The lines of a file. What cannot be read stays in its place as a refusal."""
    number = end = 0
    while raw := file.readline(LONGEST + 1):
        number += 1
        end += len(raw)
        too_long = len(raw) > LONGEST and not raw.endswith(b"\n")
        while too_long and (rest := file.readline(LONGEST)):
            end += len(rest)
            if rest.endswith(b"\n"):
                break
        text = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
        if too_long:
            yield Line(number, Invalid("line_too_long", f"a line has {LONGEST} bytes at the most"), end)
        elif text:
            yield Line(number, _event(text), end)


def batches(source: Iterator[Line], size: int) -> Iterator[list[Line]]:
    """Lines in lists of a size; shorter at the end, and where the lines are long."""
    batch: list[Line] = []
    begun = 0
    for line in source:
        batch.append(line)
        if len(batch) == size or line.end - begun >= MOST_BYTES:
            yield batch
            batch, begun = [], line.end
    if batch:
        yield batch


def _event(text: bytes) -> object:
    try:
        return decode(text)
    except DomainError as refusal:
        return refusal
