"""The same programs, respelt in ways that people choose and that change nothing."""

from dataclasses import replace

from .programs import PROGRAMS as _PLAIN

_ROWS = (
)  # fmt: skip

PROGRAMS = {
    f"{name}:{slug}": replace(_PLAIN[name], name=f"{name}:{slug}", style=style, edits=edits)
    for name, slug, style, edits in _ROWS
}
