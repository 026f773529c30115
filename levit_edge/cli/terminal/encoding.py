"""Output in an encoding that lacks some characters, as Latin-1 or ASCII: they are replaced, and nothing fails."""

import codecs
import io
from typing import TextIO

__all__ = ["can_write", "never_fail"]

PLAIN = {"…": "...", "–": "-", "−": "-", "→": "->", "±": "+/-", "×": "x", "µ": "u"}
"""How our own signs are written without Unicode; all else becomes `\\xe5`, `\\u2713` or, of a name that is no text,
`\\udcff`."""
HANDLER = "levit_edge.plain"


def never_fail(*streams: TextIO) -> None:
    """Make streams replace what their encoding lacks; those of other programs that only look like files stay."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def can_write(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has all of `text`."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = "".join(PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in signs)
    return plain, error.end


codecs.register_error(HANDLER, _replaced)
