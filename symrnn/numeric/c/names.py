"""Identifiers that C accepts: transliterated, and kept clear of keywords and of the standard headers' names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ..names import Names

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
_Bool _Complex _Imaginary alignas alignof asm bool complex constexpr false imaginary nullptr static_assert
thread_local true typeof
"""
_MATH = """
acos asin atan atan2 cos sin tan acosh asinh atanh cosh sinh tanh exp exp2 expm1 frexp ilogb ldexp log log10 log1p
log2 logb modf scalbn scalbln cbrt fabs hypot pow sqrt erf erfc lgamma tgamma ceil floor nearbyint rint lrint llrint
round lround llround trunc fmod remainder remquo copysign nan nextafter nexttoward fdim fmax fmin fma
j0 j1 jn y0 y1 yn gamma drem significand finite scalb exp10 pow10 sincos
"""
_OTHERS = """
signgam isnan isinf isfinite isnormal signbit fpclassify isgreater isless isunordered HUGE_VAL HUGE_VALF
HUGE_VALL INFINITY NAN FP_NAN FP_INFINITE FP_ZERO FP_SUBNORMAL FP_NORMAL FP_ILOGB0 FP_ILOGBNAN FP_FAST_FMA
DOMAIN SING OVERFLOW UNDERFLOW PLOSS TLOSS HUGE NULL offsetof size_t ptrdiff_t wchar_t float_t double_t errno
M_E M_PI M_PI_2 M_PI_4 M_LN2 M_LN10 M_SQRT2 linux unix i386 index rindex near far huge
memcpy memmove memset memcmp abs labs div main EOF FILE stdin stdout stderr
"""
KEYWORDS = frozenset(_KEYWORDS.split())
HEADERS = frozenset([name + suffix for name in _MATH.split() for suffix in ("", "f", "l")] + _OTHERS.split())
"""What math.h, stddef.h and common systems call their own, as names or as macros."""


def identifier(name: str) -> str:
    """A name in letters that C has: `α` is alpha, `h̃` is h; what cannot be spelt is numbered by its code point."""
    letters: list[str] = []
    for letter in name:
        if letter.isascii():
            letters.append(letter)
            continue
        spelt = unicodedata.name(letter, "")
        greek = re.match(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)", spelt)
        if greek:
            word = greek[2].lower().replace("lamda", "lambda")
            letters.append(word if greek[1] == "SMALL" else word.capitalize())
            continue
        plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        letters.append(plain or ("" if unicodedata.combining(letter) else f"u{ord(letter):04x}"))
    text = re.sub(r"\W", "_", "".join(letters), flags=re.ASCII)
    # Leading underscores and digits are not ours to use.
    return text if text[:1].isalpha() else f"v{text}"


def c_names(reserved: Iterable[str]) -> Names:
    """An allocator of identifiers."""
    return Names(KEYWORDS, HEADERS, reserved, spell=identifier)
