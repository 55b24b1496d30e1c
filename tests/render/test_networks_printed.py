"""The lines of a network's page, computed as they are printed, give the slopes of its loss.

Every line is read from its text by the evaluator of pages, step by step in the direction that its section names; what a
page says of a step is looked up by the name that stands there. The truth is a difference quotient of the loss.
"""

import re
from dataclasses import replace

import numpy as np
import pytest

import symrnn
from symrnn.render import tree as t
from symrnn.render.names import Name
from symrnn.render.networks.document import build_network_document
from symrnn.render.printers import TextPrinter
from symrnn.sizes import Size

NETWORKS = {
    "two layers": """
def two(ids, targets) -> mean(T, N):
    e = embed(E, ids)
    h1 = scan(lstm, e)
    h2 = scan(lstm, h1, init=(a, b))
    return cross_entropy(V @ h2 + c, targets)
""",
    "both directions": """
def tagger(x, y) -> mean(T):
    hf, (last_f,) = scan(gru, x)
    hb, (last_b,) = scan(gru, x, reverse=True)
    z = V @ [hf, hb] + U @ last_f + Q @ last_b
    return sum((z - y) ** 2)
""",
    "attention": """
def translate(source: over(S, m), previous, target):
    e, (hS, cS) = scan(lstm, source)
    d = scan(lstm, previous, init=(hS, cS))
    H = rows(e)
    a = softmax(H @ (W_a @ d))
    s = tanh(W_c @ [H.T @ a, d])
    return sum((V @ s - target) ** 2)
""",
    "attention over what there is": """
def attend(source: over(S, m), ls: lengths(S), previous, target):
    e, (hS, cS) = scan(lstm, source)
    d = scan(rnn, previous, init=hS)
    H = rows(e)
    r = H.T @ (H @ (W_a @ d))
    return sum((V @ r - target) ** 2)
""",
    "wires": """
def wires(x, z: context(n), y: context) -> mean(N):
    g = tanh(U @ [x, x[t-1], x[t-2]] + W_z @ z)
    h = scan(gru, g, init=h0)
    k = scan(rnn, reverse(h))
    q = mean(h, over=time) + last(k) + first(h) + sum(k[t-1], over=time) + last(h[t-1])
    return sum((P @ q - y) ** 2)
""",
    "lengths": """
def lengths_of_my_own(x, y, ls: lengths) -> mean(T, N):
    h = scan(rnn, x)
    k = scan(rnn, reverse(h), params=h)
    s = last(k) + mean(h, over=time)
    return sum((V @ reverse(k) + s - y) ** 2)
""",
    "mask": """
def masked(x, y, m: mask) -> mean(T):
    h = scan(rnn, x)
    return sum((h - y) ** 2)
""",
}


class Lines:
    """What was computed, by name and step, and the evaluator of lines."""

    def __init__(self, document, evaluator, sizes, lengths, shapes):
        self.document, self.evaluator, self.sizes, self.shapes = document, evaluator, sizes, shapes
        self.printer = TextPrinter()
        self.values = {}
        self.letters = {"T": sizes["T"], "N": 1, "S": sizes.get("S", 0), **lengths}
        self.counters = {}
        for axis, (step, last) in document.names.steps.items():
            self.counters[step] = self.letters[last] = sizes[axis]

    def step(self, time, now):
        """The number of the step that a name bears, or that of now."""
        total = 0
        for sign, piece in re.findall(r"([+-]?)(\d+|[A-Za-z]+)", time):
            value = int(piece) if piece.isdigit() else {**self.letters, **now}[piece]
            total += -value if sign == "-" else value
        return total if time else next(iter(now.values()), 0)

    def look_up(self, name, now):
        plain = replace(name, time="")
        found = self.values.get(plain)
        if isinstance(found, np.ndarray | float):
            return found
        step = self.step(name.time, now)
        if name.time and found is not None and 0 in found and np.ndim(found[0]) == 2 and found[0].shape[1] > 1:
            return found[0][step - 1][:, None]  # a row of the gradient of all steps as a matrix
        if found is not None and (step in found or not name.time):
            return found.get(step, found.get(0))
        return np.zeros(self.shapes[replace(name.of, layer=name.layer) if name.of else plain])

    def read(self, row, now, shape):
        """The value of a right side at a step, from its text."""
        text = self.printer.flat(row.right)
        names = {self.printer.name(node.name): node.name for node in t.walk(row.right) if isinstance(node, t.Symbol)}
        if "…" in text:  # [h_1; …; h_S]: every step in its place
            begin = text[1 : text.index("; …")]
            (first,) = [name for name in names.values() if name.time == "1"]
            every = [replace(first, time=str(k)) for k in range(1, self.letters["S"] + 1)]
            names |= {self.printer.name(name): name for name in every}
            parts = [
                begin.replace(self.printer.name(first), self.printer.name(name)).replace("[1 ", f"[{k} ")
                for k, name in enumerate(every, 1)
            ]
            text = f"[{'; '.join(parts)}]"
        size = re.compile(r"(\d*)([a-zA-Z](?:⁽\w+⁾)?)(?![\w⁽])")

        def numbers(part):
            return size.sub(lambda found: str(int(found[1] or 1) * self.size_of(found[2])), part[0])

        text = re.sub(r"\[[^\];]*:[^\];]*\]", numbers, text)
        page = type(
            "Page", (), {"names": sorted(names, key=len, reverse=True), "sizes": {}, "rows": False, "ties": False}
        )
        lines = self

        class Now(dict):
            def __missing__(self, written):
                name = names[written]
                letters = {**lines.letters, **now}
                if name == Name(name.base) and name.base in letters and name not in lines.values:
                    return float(letters[name.base])
                return lines.look_up(name, now)

        class Reader(self.evaluator.Reader):
            def sum(self):
                summed = re.match(r"Σ_(?:(\w)|{(\w)≤(\w+)}) ", self.rest())
                if summed is None:
                    return super().sum()
                self.place += summed.end()
                place, total, letter = self.place, 0.0, summed[1] or summed[2]
                last = lines.letters[summed[3]] if summed[3] else lines.counters.get(letter, 1)
                for k in range(1, last + 1):
                    self.place = place
                    before = dict(now)
                    now.update({letter: k} if letter in lines.counters else {})
                    total = total + (self.sum() if self.rest().startswith("Σ") else self.product())
                    now.clear()
                    now.update(before)
                return total

        return Reader(page, Now(), text, shape).whole()

    def size_of(self, written):
        names = {self.printer.size(self.document.names.size(Size.of(dim))): dim for dim in self.sizes}
        return self.sizes[names[written]]

    def compute(self):
        for section in self.document.sections:
            rows = [row for row in section.rows if row.left is not None]
            if section.course is not None:
                letter, first, _ = section.course
                steps = range(1, self.counters[letter] + 1)
                for k in steps if first == "1" else reversed(steps):
                    for row in rows:
                        self.keep(row, {letter: k})
                continue
            for row in rows:
                time = row.left.name.of.time if row.left.name.prefixed else row.left.name.time
                letter = next((letter for letter in self.counters if re.search(rf"\b{letter}\b", time)), None)
                for k in range(1, self.counters[letter] + 1) if letter else [None]:
                    self.keep(row, {letter: k} if letter else {})

    def keep(self, row, now):
        name = row.left.name
        value = name.of if name.prefixed else replace(name.of, layer=name.layer) if name.of else name
        shape = self.shapes.get(replace(value, time=""))
        found = self.read(row, dict(now), shape or ())
        found = np.broadcast_to(found, shape) if shape else np.asarray(found, float)
        key = replace(name, time="") if not name.prefixed else replace(name, of=replace(name.of, time=""))
        time = name.of.time if name.prefixed else name.time
        self.values.setdefault(key, {})[self.step(time, now)] = found
        if not time:  # what has no step is that of this step, or the same at all of them
            self.values[key][0] = found
        if name.of is None and shape is None:
            self.shapes[key] = np.shape(found)


def column(array):
    return array[:, None] if array.ndim == 1 else array


@pytest.mark.parametrize("name", NETWORKS)
def test_the_lines_as_printed_are_the_slopes_of_the_loss(name, evaluator):
    evaluator.COMPARISONS["="] = np.equal
    derivation = symrnn.derive(symrnn.network(NETWORKS[name]))
    network, document = derivation.network, build_network_document(derivation)
    sample = network.sample(T=4, N=1, seed=3, dims={"S": 3} if "S" in network.axes.values() else None)
    kernel = derivation.numpy()
    assert isinstance(sample.x, dict)
    x = {key: value.copy() for key, value in sample.x.items()}
    lengths = {}
    for key in network.lengths.values():
        x[key][0] = lengths[key] = sample.x[key][0] - 1  # the last step is behind the end
    _, tape = kernel.forward(sample.params, x)
    names, sizes = document.names, dict(tape.sizes)
    code = {written: own for group in document.symbols for own, written in zip(group.names, group.code, strict=True)}
    shapes = {}
    for block in network.blocks:
        for state in block.cell.program.states:
            own = code[block.outputs.get(state.new) or f"{block.name}.{state.new}"]
            shape = [size.substituted(block.dims).value(sizes) for size in block.cell.variables[state.new].shape]
            shapes[replace(own, time="")] = (*shape, 1)
    lines = Lines(document, evaluator, sizes, lengths, shapes)
    for param, array in sample.params.items():
        lines.values[names.params[param]] = column(array)
        shapes[names.params[param]] = column(array).shape
    for key, argument in network.arguments.items():
        own = replace(names.at(key), time="")
        if argument.given == "lengths":
            continue
        array = x[key]
        if argument.given == "integer":
            own = replace(names.reached(names.units[key]), time="")
            array = np.eye(network.classes[key].value(sizes))[array]
        steps = array[None] if argument.axis == "N" else array
        entries = {k + 1: column(step[0]) if np.ndim(step[0]) else float(step[0]) for k, step in enumerate(steps)}
        lines.values[own] = entries if argument.axis != "N" else entries[1]
        shapes[own] = np.shape(entries[1])
    lines.compute()
    generator = np.random.default_rng(0)
    for param, array in sample.params.items():
        direction, step = generator.standard_normal(array.shape), 1e-6
        up, down = (kernel.forward({**sample.params, param: array + sign * step * direction}, x)[0] for sign in (1, -1))
        printed = next(
            own for own in lines.values if own.prefixed and own.base == "∂" and own.of == names.params[param]
        )
        found = float(np.sum(lines.values[printed][0] * column(direction)))
        assert np.isclose(found, (up - down) / (2 * step), rtol=1e-6, atol=1e-7), param
