"""Pages of networks: one numbering, nothing undefined, every gradient, in every format and language."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

import symrnn
from symrnn.library import networks
from symrnn.render import ARTICLES, FORMATS, PRESETS, make_article, render, write_article
from symrnn.render import tree as t
from symrnn.render.names import Name
from symrnn.render.networks.document import build_network_document
from symrnn.render.networks.figure import draw_network
from symrnn.render.networks.moments import Moment
from symrnn.render.notation import read_notation
from symrnn.render.pages.article import Drawing, Explanation, Heading, Paragraph, Table

# Layers, directions, axes, wires, shared and learned parameters.
NETWORKS = {
    "char_rnn": """
def char_rnn(ids, targets) -> mean(T, N):
    e = embed(E, ids)
    h1 = scan(lstm, e)
    h2 = scan(lstm, h1)
    return cross_entropy(V @ h2 + c, targets)
""",
    "tagger": """
def tagger(x, y: "scalar") -> mean(T):
    hf = scan(gru, x)
    hb = scan(gru, x, reverse=True)
    h = [hf, hb]
    z = V @ h + c
    return logsumexp(z) - y * sum(z)
""",
    "translate": """
def translate(source: over(S, m), previous, target) -> mean(T, N):
    e, (hS, cS) = scan(lstm, source)
    d = scan(lstm, previous, init=(hS, cS))
    H = rows(e)
    a = softmax(H @ (W_a @ d))
    s = tanh(W_c @ [H.T @ a, d])
    return sum((V @ s + c - target) ** 2)
""",
    "mixed": """
def mixed(x, z: context(n), y: context, ls: lengths) -> mean(N):
    g = tanh(U @ [x, x[t-1]] + W_z @ z)
    h = scan(gru, g, init=h0)
    k = scan(rnn, reverse(h))
    q = mean(h, over=time) + last(k) + first(h)
    return sum((P @ q - y) ** 2)
""",
    "shared": """
def shared(x):
    h1 = scan(rnn, x)
    h2 = scan(rnn, h1, params=h1)
    return h1, h2
""",
    "single": """
def single(x, c: context):
    h, (hT, cT) = scan(lstm, x)
    s = sum(h, over=time)
    return V @ hT + U @ cT + s + c, h
""",
    "masked": """
def masked(x, y, m: mask) -> mean(T):
    h = scan(rnn, x)
    k = scan(rnn, reverse(h))
    return sum((k + reverse(h) - y) ** 2)
""",
    "own_cell": '''
def plain(x, h):
    """A cell of my own."""
    h = tanh(W @ x + R @ h)
    return h

def own_cell(x, y):
    for k in range(2):
        x = scan(plain, x)
    return sum((x - y) ** 2)
''',
}

SVG = "{http://www.w3.org/2000/svg}"
NOTATIONS = (
    *PRESETS,
    "vectors=row,layout=numerator,weights=joined",
    "adjoint=bar,time=superscript,times=every,derivative=net",
    "adjoint=prefix,lines=merged,carries=inline,product=circ",
)


@pytest.fixture(scope="module")
def derivations():
    return {name: symrnn.derive(symrnn.network(text)) for name, text in NETWORKS.items()}


@pytest.fixture(scope="module", params=networks)
def ready(request):
    """The networks that come with symrnn."""
    return build_network_document(symrnn.derive(symrnn.load(request.param)))


@pytest.fixture(scope="module")
def documents(derivations):
    return {name: build_network_document(own) for name, own in derivations.items()}


def rows_of(document):
    return [row for section in document.sections for row in section.rows if row.left is not None]


def lines(text):
    """left -> right, of the numbered lines of a page."""
    found = {}
    for row in re.findall(r"^ +\(\d+\) +(.+(?:\n {12,}\S.*)*)", text, re.MULTILINE):
        left, _, right = " ".join(row.split()).partition(" = ")
        assert left not in found, left
        found[left] = right
    return found


def plain(name):
    """A name without its step."""
    return replace(name, time="", raised=False)


def mentioned(tree):
    """What a formula speaks of; of a name in front of another (∂L/∂W) the other."""
    for node in t.walk(tree):
        if isinstance(node, t.Symbol):
            yield plain(node.name.of if node.name.prefixed else node.name)


# Structure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_one_numbering_through_the_page_and_unique_labels(documents, name):
    rows = rows_of(documents[name])
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    labels = [row.label for row in rows]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NETWORKS)
def test_everything_that_is_printed_is_defined(documents, name):
    document = documents[name]
    known = {plain(own) for group in document.symbols for own in group.names}
    known |= {plain(row.left.name) for row in rows_of(document)}
    said = [words for section in document.sections for words in section.words]
    said += [row.words for section in document.sections for row in section.rows]
    for words in said:  # κ = 0 where nothing reads a final state
        known |= {own for piece in words if isinstance(piece, t.Tree) for own in mentioned(piece)}
    steps = {letter for pair in document.names.steps.values() for letter in pair}
    known |= {Name(letter) for letter in (*steps, "N", "L")}
    known |= {plain(node.name) for item in document.legend for node in t.walk(item.sign) if isinstance(node, t.Symbol)}
    outside = document.names.outside
    for row in rows_of(document):
        undefined = {own for own in mentioned(row.right) if own.base != outside} - known
        assert not undefined, (row.number, undefined)


def test_ready_networks_say_what_they_print(ready):
    test_one_numbering_through_the_page_and_unique_labels({"it": ready}, "it")
    test_everything_that_is_printed_is_defined({"it": ready}, "it")
    test_no_two_values_have_one_name({"it": ready}, "it")
    test_every_parameter_has_its_gradient({"it": ready}, "it")


def test_boxes_of_figures_keep_apart_and_every_block_has_three(ready):
    network = ready.derivation.network
    figure = draw_network(network, ready.names, ready.language)
    assert figure is not None
    root = ET.fromstring(figure.svg)
    frames = [frame for group in root.iter(f"{SVG}g") for frame in group.findall(f"{SVG}rect")[:1]]
    boxes = [[float(frame.attrib[key]) for key in ("x", "y", "width", "height")] for frame in frames]
    assert all(
        abs(x - u) >= width or abs(y - v) >= height
        for k, (x, y, width, height) in enumerate(boxes)
        for u, v, _, _ in boxes[:k]
    )
    running = [block for block in network.blocks if block.axis != "N"]
    assert len(boxes) >= 3 * len(running) + len(network.blocks) - len(running)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_values_have_one_name(documents, name):
    document = documents[name]
    lefts = [row.left.name for row in rows_of(document)]
    assert len(set(lefts)) == len(lefts)
    code = {}
    for group in document.symbols:
        for own, written in zip(group.names, group.code, strict=True):
            assert code.setdefault(own, written) == written


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_has_its_gradient(documents, name):
    document = documents[name]
    network = document.derivation.network
    gradients = [row.left.name.of for row in rows_of(document) if row.left.name.base == "∂"]
    wanted = [document.names.params[param] for param in network.params]
    wanted += [document.names.at(x) for x, argument in network.arguments.items() if argument.given == "value"]
    assert [plain(own) for own in gradients] == [plain(own) for own in wanted]


def test_the_char_rnn_has_few_equations(documents):
    """Two layers with embedding and loss: no more than 120, and nothing of it depends on the number of steps."""
    assert len(rows_of(documents["char_rnn"])) <= 120


def test_a_cell_that_two_layers_run_is_explained_once(derivations):
    document = build_network_document(derivations["char_rnn"], steps=True)
    told = [row for row in rows_of(document) if row.steps]
    layers = {node.name.layer for row in told for node in t.walk(row.left) if isinstance(node, t.Symbol)}
    assert "2" not in layers
    numbers = {row.number for row in rows_of(document)}
    assert {step.number for row in told for step in row.steps if step.line is not None} <= numbers
    by_number = {row.number: row for row in rows_of(document)}
    for row in told:
        for step in row.steps:
            if step.line is not None:
                assert step.line.left == by_number[step.number].left


# Lines, as a person would write them -------------------------------------------------------------------------------


def test_lines_of_the_char_rnn(derivations):
    found = lines(derivations["char_rnn"].text())
    assert found["e_t"] == "Eᵀ ids_{hot,t}"
    assert found["a_i⁽²⁾"] == "W_i⁽²⁾ h_t⁽¹⁾ + R_i⁽²⁾ h_{t−1}⁽²⁾ + b_i⁽²⁾"
    assert found["L"] == "(Σ_n Σ_t loss_t) / (T N)"
    assert found["ε_{loss,t}"] == "1 / (T N)"
    assert found["ε_{h,t}⁽¹⁾"] == "W_i⁽²⁾ᵀ δ_a_i⁽²⁾ + W_f⁽²⁾ᵀ δ_a_f⁽²⁾ + W_g⁽²⁾ᵀ δ_a_g⁽²⁾ + W_o⁽²⁾ᵀ δ_a_o⁽²⁾"
    assert found["δ_h⁽¹⁾"] == "ε_{h,t}⁽¹⁾ + κ_{h,t+1}⁽¹⁾"
    assert found["∂L/∂E"] == "Σ_t ids_{hot,t} ε_{e,t}ᵀ"
    assert found["∂L/∂R_f⁽²⁾"] == "Σ_t δ_a_f⁽²⁾ h_{t−1}⁽²⁾ᵀ"


def test_a_layer_from_the_end_has_its_steps_the_other_way_round(derivations):
    page = derivations["tagger"].text()
    found = lines(page)
    assert found["u_n⁽ᵇ⁾"] == "r⁽ᵇ⁾ ⊙ h_{t+1}⁽ᵇ⁾"
    assert found["δ_h⁽ᵇ⁾"] == "ε_{h,t}⁽ᵇ⁾ + κ_{h,t−1}⁽ᵇ⁾"
    assert found["ε_{h,t}⁽ᵇ⁾"] == "δ_h[n⁽ᶠ⁾:]"
    assert "Forward: hb (gru), t = T … 1\n" in page
    assert "Backward: hb (gru), t = 1 … T\n" in page
    assert "h_{T+1}⁽ᵇ⁾ = 0" in page
    assert found["∂L/∂x_t"].count("W_z") == 2  # both directions read x


def test_an_encoder_hands_its_states_over_and_gets_back_by_two_ways(derivations):
    found = lines(derivations["translate"].text())
    assert found["h_0⁽ᵈ⁾"] == "h_S⁽ᵉ⁾"
    assert found["κ_{c,S+1}⁽ᵉ⁾"] == "κ_{c,1}⁽ᵈ⁾" or found["κ_{c,S+1}⁽ᵉ⁾"] == "δ_c⁽ᵈ⁾"
    assert re.fullmatch(r"\[h_1⁽ᵉ⁾ᵀ; …; h_S⁽ᵉ⁾ᵀ\]", found["H"])
    step = next(left for left in found if left.startswith("ε_{h,") and "⁽ᵉ⁾" in left)[5]
    assert found[f"ε_{{h,{step}}}⁽ᵉ⁾"] == f"ε_{{H,{step}}}"
    assert found["∂L/∂W_i⁽ᵉ⁾"].startswith(f"Σ_{step} ")


def test_wires_with_lengths_say_what_they_divide_by(derivations):
    found = lines(derivations["mixed"].text())
    assert found["keep_t"] == "[t ≤ ls]"
    assert found["h̄⁽ʰ⁾"] == "(Σ_{t≤ls} h_t⁽ʰ⁾) / ls"
    assert found["h_last⁽ᵏ⁾"] == "h_{ls}⁽ᵏ⁾"
    assert found["ε_{h,t}⁽ᵏ⁾"] == "[t = ls] ε_h_last⁽ᵏ⁾"
    assert "[t ≤ ls] · (ε_h̄⁽ʰ⁾ / ls)" in found["ε_{h,t}⁽ʰ⁾"]
    assert found["∂L/∂h_0"].startswith("κ_{")
    assert found["∂L/∂z"] == "Σ_t W_zᵀ δ_a_g"
    assert found["∂L/∂x_t"].endswith("[:m] + δ_{u_g,t+1}[m:]")  # x is read again one step later


def test_masks_are_the_divisor_of_a_mean(derivations):
    found = lines(derivations["masked"].text())
    assert found["L"] == "Σ_n (Σ_t m_t loss_t) / (Σ_t m_t)"
    assert found["ε_{loss,t}"] == "m_t / (Σ_t m_t)"
    assert "h_{T+1−t}" in found["a_h⁽ᵏ⁾"]  # a wire within a line needs no line of its own


def test_shared_parameters_add_up_and_outputs_get_something_from_outside(derivations):
    page = derivations["shared"].text()
    found = lines(page)
    assert found["a_h⁽²⁾"] == "W⁽¹⁾ h_t⁽¹⁾ + R⁽¹⁾ h_{t−1}⁽²⁾ + b⁽¹⁾"
    assert found["∂L/∂W⁽¹⁾"] == "(Σ_t δ_a_h⁽¹⁾ x_tᵀ) + (Σ_t δ_a_h⁽²⁾ h_t⁽¹⁾ᵀ)"
    assert found["ε_{h,t}⁽¹⁾"] == "γ_{h,t}⁽¹⁾ + W⁽¹⁾ᵀ δ_a_h⁽²⁾"
    assert found["ε_{h,t}⁽²⁾"] == "γ_{h,t}⁽²⁾"
    assert "with the parameters of h1" in " ".join(page.split())


@pytest.mark.parametrize(
    ("words", "step", "turned", "behind"),
    [("t", "s", "S+1-s", "s"), ("t-1", "s-1", "S+2-s", "s+1"), ("0", "0", "S+1", "S+1"), ("T+1", "S+1", "0", "0")],
)
def test_moments(words, step, turned, behind):
    moment = Moment.of(words)
    assert moment.written("s", "S") == step
    assert moment.turned().written("s", "S") == turned
    assert moment.from_the_end().written("s", "S") == behind


# Formats, notations, languages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_in_every_language(derivations, name):
    article = make_article(derivations[name], lang="zh")
    assert all(write_article(article, form) for form in ARTICLES)
    assert all(render(derivations[name], form) for form in FORMATS if form not in ARTICLES)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation(derivations, notation):
    for name in ("tagger", "mixed"):
        document = build_network_document(derivations[name], steps=True, notation=read_notation(notation))
        rows = rows_of(document)
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        assert len({row.left for row in rows}) == len(rows)


def test_katex_reads_every_formula(derivations, katex, formulas_of):
    formulas = [render(own, "latex") for own in derivations.values()]
    for name in ("translate", "mixed"):
        blocks, inline = formulas_of(derivations[name].markdown())
        formulas += [*blocks, *inline]
    assert not katex(formulas)


def test_typst_sets_every_page(derivations, typst):
    pages = {name: write_article(make_article(own, code=False), "typst") for name, own in derivations.items()}
    typst([pages["mixed"], pages["translate"]], list(pages.values()))


def test_no_english_words_in_chinese_pages(derivations):
    for name, own in derivations.items():
        article = make_article(own, lang="zh", code=False)
        said = []
        for block in article.blocks:
            match block:
                case Heading(text=text):
                    said.append(text)
                case Drawing(title=title, caption=caption):
                    said += [title, caption]
                case Table(head=head, rows=rows):
                    said += head
                    said += [piece for row in rows for cell in row for piece in cell]
                case Explanation(sentences=sentences):
                    said += [piece for sentence in sentences for piece in sentence]
                case Paragraph(prose=prose):
                    said += prose
        cells = {block.cell.name: block.cell.doc for block in own.network.blocks}
        names = {*cells, *(block.name for block in own.network.blocks)}
        for words in said:
            # names, code, and docstrings, which are quoted
            if type(words) is not str or any(words.strip() in " ".join(doc.split()) for doc in cells.values()):
                continue
            rest = re.sub(rf"\b({'|'.join(names)})\b", "", words)
            rest = re.sub("log-sum-exp|sigmoid|tanh|exp|log|softmax|symrnn|NumPy", "", rest)
            assert not re.search(r"[A-Za-z]{3,}", rest), (name, words)


def test_a_notebook_shows_it(derivations):
    shown = derivations["shared"]._repr_mimebundle_()
    assert shown["text/plain"] == derivations["shared"].text()
    assert r"W^{(1)}" in shown["text/latex"]


def test_sizes_bear_the_sign_of_their_layer(derivations):
    assert "(n⁽²⁾ × n⁽¹⁾)" in derivations["char_rnn"].text()
    assert "n^{(2)}" in derivations["char_rnn"].markdown()


def test_a_cell_of_ones_own_stands_on_the_page_of_its_network(derivations):
    page = derivations["own_cell"].markdown()
    assert page.count("def plain(x, h):") == 1
    assert "A cell of my own." in page
    assert "x1 = scan" not in page  # the lines are those of the text
    assert "`x = scan(plain, x)`" in page


def test_a_lone_scan_needs_no_sign_unless_names_meet():
    bare = symrnn.derive(symrnn.network("def f(x, y):\n    h = scan(rnn, x)\n    return sum((V @ h - y) ** 2)\n"))
    assert lines(bare.text())["a_h"] == "W x_t + R h_{t−1} + b"
    meets = symrnn.derive(symrnn.network("def f(x, y):\n    h = scan(rnn, x)\n    return sum((W @ h - y) ** 2)\n"))
    assert lines(meets.text())["a_h⁽¹⁾"] == "W⁽¹⁾ x_t + R⁽¹⁾ h_{t−1}⁽¹⁾ + b⁽¹⁾"
