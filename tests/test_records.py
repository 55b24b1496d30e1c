"""Records on disk are read within bounds, or refused with a reason."""

import pytest

from symrnn.records import LARGEST_RECORD, parse_record


def test_a_record_is_what_json_says():
    assert parse_record('{"a": [1, 2.5, null, "δ"]}'.encode()) == {"a": [1, 2.5, None, "δ"]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is not JSON: Expecting value at character 1"),
        (b"[1]", "it is not a JSON object"),
        (b'{"a": NaN}', "NaN is not a number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is not a number of JSON"),
        (b'{"a": 1e400}', "the number 1e400 is too large"),
        (b'{"a": ' + b"1" * 400 + b"}", "a number has 400 digits"),
        (b'{"a": ' + b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
        (b'{"\xff": 1}', "byte 3 is not UTF-8"),
        (b'{"a": "\0"}', "it is not JSON: Invalid control character at at character 8"),
        (b" " * (LARGEST_RECORD + 1), "it has 1,000,001 bytes, and at most 1,000,000 are read"),
    ],
)
def test_everything_else_is_refused(data, reason):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_record(data)
    assert str(caught.value) == reason
