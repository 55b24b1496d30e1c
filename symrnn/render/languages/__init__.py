"""The words of documents, as data: one file a language.

`language`  what each must say
`english`   English
`chinese`   Chinese
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...arguments import instance
from ...errors import OptionError, nearest
from .chinese import CHINESE
from .english import ENGLISH
from .language import Language, Rule

LANGUAGES: Mapping[str, Language] = MappingProxyType({language.code: language for language in (ENGLISH, CHINESE)})


def read_language(code: str | Language) -> Language:
    """A language by its code."""
    if isinstance(code, Language):
        return code
    instance("lang", code, str, "the code of a language, such as 'en'")
    if code not in LANGUAGES:
        meant = nearest(code, list(LANGUAGES)) or f"there are: {', '.join(LANGUAGES)}"
        raise OptionError(f"there is no language {code!r}; {meant}")
    return LANGUAGES[code]


__all__ = ["CHINESE", "ENGLISH", "LANGUAGES", "Language", "Rule", "read_language"]
