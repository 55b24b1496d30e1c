"""Numbers of many digits, mpmath's, as a kind of number; in object arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath

from .kit import Kit, lifted


def numbers_of(digits: int) -> Kit:
    """Numbers with so many digits, in a context of their own."""
    mp: Any = mpmath.MPContext()
    mp.dps = digits

    def constant(value: Fraction | int) -> Any:
        return mp.mpf(value.numerator) / value.denominator

    def power(a: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1:
            return lifted(lambda entry: entry**exponent.numerator)(a)
        return lifted(lambda entry: mp.power(entry, constant(exponent)) if entry >= 0 else mp.nan)(a)

    return Kit(
        constant=constant,
        pi=+mp.pi,
        exp=lifted(mp.exp),
        expm1=lifted(mp.expm1),
        log=lifted(lambda a: mp.log(a) if a > 0 else mp.ninf if a == 0 else mp.nan),
        sin=lifted(mp.sin),
        cos=lifted(mp.cos),
        tanh=lifted(mp.tanh),
        logistic=lifted(lambda a: 1 / (1 + mp.exp(-a))),
        softplus=lifted(lambda a: mp.log1p(mp.exp(a))),
        normal_cdf=lifted(mp.ncdf),
        power=power,
        positive=lifted(lambda a: mp.one if a > 0 else mp.zero),
        choose=lifted(lambda condition, a, b: a if condition != 0 else b, 3),
        floor=lifted(mp.floor),
        top=lambda a: mp.zero,
    )
