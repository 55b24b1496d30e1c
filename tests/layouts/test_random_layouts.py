"""Random layouts of zoo and random cells, against a second reading of their text by NumPy; and `verify` through them."""

import ast
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.layouts.layout import Layout
from symrnn.testing.random_cells import cells

# A second reader: the text is Python, but for what a list and a share are ------------------------------------------


def beside(*parts):
    if all(part.ndim == 1 for part in parts):
        return np.concatenate(parts)
    return np.hstack([part[:, None] if part.ndim == 1 else part for part in parts])


def below(*parts):
    return np.vstack(parts)


class Lists(ast.NodeTransformer):
    """Lists as calls of NumPy; of the shares of a parameter the first is whole and the others are zero."""

    def __init__(self, *, whole):
        self.whole, self.seen = whole, set()

    def visit_List(self, node):
        rows = isinstance(node.elts[0], ast.List)
        parts = [self.visit(part) for part in node.elts]
        return ast.Call(ast.Name("below" if rows else "beside", ast.Load()), parts, [])

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "share" and not self.whole:
            names = [leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name) and leaf is not node.func]
            met = {leaf.id for leaf in names} & self.seen
            self.seen |= {leaf.id for leaf in names}
            for leaf in names:
                leaf.id = f"no_{leaf.id}" if leaf.id in met else leaf.id
        return self.generic_visit(node)


def lay_out(text, params, dims, *, whole=False):
    """The arrays that a layout's text describes; with `whole`, every share holds all of its parameter."""
    names = {"beside": beside, "below": below, "share": lambda a: a, **dims, **params}
    names |= {"zeros": lambda *sizes: np.zeros(sizes), "unused": lambda *sizes: np.zeros(sizes)}
    names |= {f"no_{name}": np.zeros_like(array) for name, array in params.items()}
    tree = ast.fix_missing_locations(Lists(whole=whole).visit(ast.parse(text.removesuffix("..."))))
    own = {}
    exec(compile(tree, "layout", "exec"), names, own)
    mentioned = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    return {**own, **{name: array for name, array in params.items() if name not in mentioned}}


# Random rows --------------------------------------------------------------------------------------------------------


@st.composite
def leaves(draw, name):
    return draw(st.sampled_from([name, name, f"-{name}", f"2 * {name}", f"({name} - 1)", f"({name} / 4)"]))


@st.composite
def vectors(draw, names, size):
    """Vectors of one size in one or two arrays, with gaps; the two have a vector as the sum of theirs."""
    parts = [draw(leaves(name)) for name in draw(st.permutations(names))]
    for word in draw(st.lists(st.sampled_from([f"zeros({size})", f"unused({size})"]), max_size=2)):
        parts.insert(draw(st.integers(0, len(parts))), word)
    whole = f"[{', '.join(parts)}]"
    shape = draw(st.sampled_from(["", "[:, None]", "[None, :]", f".reshape({len(parts)}, {size})"]))
    if draw(st.booleans()):
        bare = [f"[{', '.join(draw(st.permutations(names)))}]" for _ in range(2)]
        return [f"share({bare[0]}){shape if 'reshape' not in shape else ''}", f"[share({bare[1]}), zeros({size})]"]
    return [whole + shape]


@st.composite
def matrices(draw, names):
    """Matrices of one shape in one array or several: side by side, one below the other, turned, cut in two."""
    parts = [draw(leaves(name)) for name in draw(st.permutations(names))]
    turned = [f"({part}).T" for part in parts]
    way = draw(st.sampled_from(["beside", "below", "both", "cut", "folded"]))
    if way == "cut":
        return [
            f"[{', '.join(f'{name}[:1, :]' for name in names)}]",
            f"[{', '.join(f'{name}[1:, :]' for name in names)}].T",
        ]
    if way == "both":
        return [f"[[{', '.join(parts)}]]"] if len(parts) < 2 else [f"[[{parts[0]}], [{parts[1]}]]", *turned[2:]]
    chosen = draw(st.sampled_from([parts, turned]))
    rows = way == "below"
    text = f"[{', '.join(f'[{part}]' if rows else part for part in chosen)}]"
    return [f"{text}[None, :, :].transpose(1, 2, 0)" if way == "folded" else text + draw(st.sampled_from(["", ".T"]))]


@st.composite
def layouts(draw, cell):
    """A text over a cell's parameters: some of them in groups of their shape, the others as they are in the cell."""
    groups = {}
    for name, shape in cell.params.items():
        if draw(st.integers(0, 5)):
            groups.setdefault(tuple(map(str, shape)), []).append(name)
    arrays = []
    for shape, names in groups.items():
        if len(shape) == 1:
            arrays += draw(vectors(names, shape[0]))
        elif len(shape) == 2:
            arrays += draw(matrices(names))
    return "".join(f"array_{k} = {text}\n" for k, text in enumerate(arrays)) + "..."


ZOO = [name for name in symrnn.zoo if len(name) % 3 == 0]


@st.composite
def cases(draw):
    cell = draw(st.one_of(st.sampled_from(ZOO).map(symrnn.load), cells().map(symrnn.cell)))
    dims = {name: draw(st.integers(2, 5)) for name in cell.dims}
    return cell, dims, draw(layouts(cell)), draw(st.integers(0, 9))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_weights_go_there_and_back_as_a_second_reader_has_it(case):
    cell, dims, text, seed = case
    params = dict(cell.sample(seed=seed, dims=dims).params)
    packed = cell.pack(params, Layout(text))
    meant = lay_out(text, params, dims)
    assert set(packed) == set(meant)
    for name, array in meant.items():
        assert np.array_equal(packed[name], array), name
    for name, array in cell.unpack(packed, Layout(text)).items():
        assert np.allclose(array, params[name], rtol=0, atol=1e-14), name


# Verifying through them ---------------------------------------------------------------------------------------------


@functools.cache
def kernel_of(name):
    return symrnn.derive(name).numpy(plain=True)


class Code:
    """Somebody's code for a cell, whose arrays are those of a layout's text. Which entry of which array holds which
    entry of a parameter is found by trial: u = A w + k, in NumPy alone."""

    def __init__(self, name, text, wrong=""):
        self.cell, self.kernel, self.text, self.wrong = symrnn.load(name), kernel_of(name), text, wrong
        self.places = functools.cache(lambda m, n: [*self.find_places({"m": m, "n": n})])

    def find_places(self, dims):
        shapes = {name: tuple(size.value(dims) for size in shape) for name, shape in self.cell.params.items()}
        zero = {name: np.zeros(shape) for name, shape in shapes.items()}
        shift = lay_out(self.text, zero, dims, whole=True)
        for name, shape in shapes.items():
            for index in np.ndindex(shape):
                one = {**zero, name: zero[name].copy()}
                one[name][index] = 1.0
                for array, value in lay_out(self.text, one, dims, whole=True).items():
                    for place in np.argwhere(value != shift[array]):
                        at = tuple(place)
                        yield name, index, array, at, value[at] - shift[array][at], shift[array][at]

    def read(self, arrays, m, n):
        dims = {"m": m, "n": n}
        params = {name: np.zeros([size.value(dims) for size in shape]) for name, shape in self.cell.params.items()}
        for name, index, array, at, scale, shift in self.places(m, n):
            params[name][index] += (arrays[array][at] - shift) / scale
        return params

    def forward(self, params, x, state, m, n):
        return self.kernel.forward(self.read(params, m, n), x, state)[:2]

    def backward(self, params, x, state, d_outputs, d_final_state, m, n):
        tape = self.kernel.forward(self.read(params, m, n), x, state)[2]
        found = self.kernel.backward(tape, d_outputs, d_final_state)
        back = {name: np.zeros_like(array) for name, array in params.items()}
        for name, index, array, at, scale, _ in self.places(m, n):
            back[array][at] += found.params[name][index] / scale
        if self.wrong:
            back[self.wrong] *= -1
        return back, found.x, found.state


@given(st.data())
@settings(max_examples=3, deadline=None)
@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_verify_through_a_random_layout(name, data):
    cell = symrnn.load(name)
    text = data.draw(layouts(cell).filter(lambda text: "array_" in text))
    sizes = {"m": 2, "n": 3}
    code = Code(name, text)
    report = symrnn.verify(cell, code.backward, code.forward, layout=Layout(text), dims=sizes)
    assert report, report.text()
    arrays = sorted(
        lay_out(text, {u: np.ones((9, 9)[: len(shape)]) for u, shape in cell.params.items()}, {"m": 9, "n": 9})
    )
    code = Code(name, text, data.draw(st.sampled_from(arrays)))
    report = symrnn.verify(cell, code.backward, code.forward, layout=Layout(text), dims=sizes)
    assert not report, code.wrong
