"""Code as symrnn runs it, without a look at its forward pass."""

from symrnn.checking.points import draw_point
from symrnn.equations.sample import default_dims
from symrnn.layouts.layout import Layout
from symrnn.verifying.styles import Code, functions
from symrnn.verifying.subject import build_subject


def subject_of(cell, code, layout=None, *, seconds=30.0):
    code = code if isinstance(code, Code) else functions(code)
    return build_subject(draw_point(cell, 1, 1, default_dims(cell), 0), code, layout or Layout(), seconds=seconds)
