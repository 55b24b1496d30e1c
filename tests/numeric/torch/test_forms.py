"""Every operation of the table has a torch form, and every form is met by a cell whose gradients are checked."""

import pytest

from symrnn.numeric.torch_source.forms import FORMS
from symrnn.operations.table import ALL


def test_every_operation_has_a_form_and_no_form_is_left_over():
    assert set(FORMS) == {row.head for row in ALL if row.head is not None}


@pytest.mark.parametrize("head", FORMS, ids=lambda head: head.__name__)
def test_a_form_is_a_template_or_a_writer_and_its_helper_is_a_function(head):
    form = FORMS[head]
    assert callable(form.code) or "{0." in form.code
    assert not form.helper or form.helper.startswith(f"def {form.code.split('(')[0]}(")
