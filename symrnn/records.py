"""JSON: how reports are written; and what may have been cut short, damaged or made up since it was written, read within
bounds or refused with a reason."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

LARGEST_RECORD = 1_000_000
"""Bytes of one record; what symrnn writes itself is far below."""
_MOST_DIGITS = 20


def to_json(record: dict[str, Any]) -> str:
    """A report as one JSON object: a dataclass in it is its fields, and a number that is not finite is null."""
    return json.dumps(_plain(record), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse_record(data: bytes, largest: int = LARGEST_RECORD) -> dict[str, Any]:
    """One JSON object with finite numbers of ordinary length. A `ValueError` says what else it is."""
    if len(data) > largest:
        raise ValueError(f"it has {len(data):,} bytes, and at most {largest:,} are read")
    try:
        found = json.loads(data.decode(), parse_constant=_not_finite, parse_float=_finite, parse_int=_short)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
    except (RecursionError, MemoryError):
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _finite(word: str) -> float:
    value = float(word)
    if value - value:
        raise ValueError(f"the number {word[:_MOST_DIGITS]} is too large")
    return value


def _short(word: str) -> int:
    if len(word) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(word)} digits")
    return int(word)
