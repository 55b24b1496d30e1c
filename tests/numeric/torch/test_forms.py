"""The torch form of every operation: its text fits its helper."""

import pytest

from symrnn.operations.table import ALL

ROWS = [row for row in ALL if row.head is not None]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_form_is_a_template_or_a_writer_and_its_helper_is_a_function(row):
    form = row.torch
    assert callable(form.code) or "{0." in form.code
    assert not form.helper or form.helper.startswith(f"def {form.code.split('(')[0]}(")
