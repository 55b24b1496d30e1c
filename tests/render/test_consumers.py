"""Every page of every cell, in every notation and language, is taken by what will read it: KaTeX, Typst, an XML parser,
a browser, a TeX engine."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given

import symrnn
from symrnn.render import LANGUAGES, PRESETS, make_article, render, write_article
from symrnn.testing import cells

# What the presets do not try: every choice that is not the usual one, in few combinations.
MORE = (
    "vectors=row,layout=numerator,weights=joined",
    "adjoint=bar,time=superscript,times=every,derivative=net",
    "adjoint=prefix,lines=merged,carries=inline,product=circ",
)
NOTATIONS = (*PRESETS, *MORE)


@pytest.fixture(scope="module")
def articles(odd):
    """An article for every cell in every notation; the languages take turns, so that each meets every cell."""
    found = []
    for place, cell in enumerate([*symrnn.zoo, *odd]):
        derivation = symrnn.derive(cell)
        for turn, notation in enumerate(NOTATIONS):
            lang = list(LANGUAGES)[(place + turn) % len(LANGUAGES)]
            # the program is the same in every notation and takes longer to set than all formulas
            article = make_article(derivation, notation=notation, lang=lang, code=notation == "standard")
            found.append((derivation, notation, lang, article))
    return found


@pytest.fixture(scope="module")
def katex():
    """Ask the real KaTeX, in strict mode, for its verdict on formulas: KATEX_DIR is where `npm install katex` was run."""
    folder = os.environ.get("KATEX_DIR", "")
    node = shutil.which("node")
    if not folder or node is None:
        pytest.skip("set KATEX_DIR to a folder in which `npm install katex` was run")
    assert (Path(folder) / "node_modules" / "katex").is_dir(), f"KATEX_DIR={folder} holds no node_modules/katex"
    script = """
        const katex = require(process.argv[1] + "/node_modules/katex");
        const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const failures = [];
        for (const formula of formulas) {
          try { katex.renderToString(formula, {displayMode: true, strict: "error", throwOnError: true}); }
          catch (error) { failures.push([formula.slice(0, 200), String(error.message)]); }
        }
        console.log(JSON.stringify([formulas.length, failures]));
    """

    def ask(formulas):
        answer = subprocess.run(
            [node, "-e", script, str(Path(folder).resolve())],
            input=json.dumps(formulas),
            capture_output=True,
            text=True,
            check=True,
        )
        count, failures = json.loads(answer.stdout)
        assert count == len(formulas)
        return failures

    return ask


def formulas_of(markdown):
    """What stands between dollars, the program aside."""
    prose = re.sub(r"```.*?```", "", markdown, flags=re.S)
    blocks = re.findall(r"\$\$\n(.*?)\$\$", prose, flags=re.S)
    inline = re.findall(r"(?<!\\)\$([^$\n]+)\$", re.sub(r"\$\$\n.*?\$\$", "", prose, flags=re.S))
    return blocks, inline


def test_katex_takes_all_markdown(articles, katex):
    formulas = set()
    for _, _, _, article in articles:
        blocks, inline = formulas_of(write_article(article, "markdown"))
        assert len(blocks) >= 2
        assert inline
        formulas.update(blocks, inline)
    assert katex(sorted(formulas)) == []


def test_katex_takes_all_aligned_blocks(articles, katex):
    blocks = [
        render(derivation, "latex", steps=steps, notation=notation, lang=lang)
        for derivation, notation, lang, _ in articles
        for steps in (False, True)
    ]
    assert katex(blocks) == []


def test_katex_refuses_what_is_wrong(katex):
    assert katex([r"\frac{a}{b}", r"\frac{a", r"\nosuch"]) != []


def test_typst_takes_everything(articles):
    """All articles as one document, for the time it takes; a page break between them."""
    typst = pytest.importorskip("typst", reason="python -m pip install typst")
    pages = [write_article(article, "typst") for _, _, _, article in articles]
    made = typst.compile("\n#pagebreak()\n".join(pages).encode())
    assert made.startswith(b"%PDF")
    with pytest.raises(typst.TypstError):
        typst.compile(b"$ frac(a $")


def test_html_is_well_formed_and_needs_nothing_else(articles):
    for _, notation, lang, article in articles:
        page = write_article(article, "html")
        root = ET.fromstring(page.split("\n", 1)[1])
        assert root.get("lang") == lang
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert {"math", "semantics", "annotation"} <= tags, notation
        assert not tags & {"script", "link", "img", "iframe", "object", "embed"}
        assert not re.search(r"(?:src|href)=\"(?!#)", page)
        marks = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(marks) == len(set(marks))
        for element in root.iter("annotation"):
            assert element.text


def test_figures_are_xml_with_words(articles):
    seen = 0
    for derivation, _, _, article in articles:
        if article.drawing is None:
            continue
        root = ET.fromstring(article.drawing.svg)
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text == article.drawing.alternative
        rects = [box for box in root.iter("{http://www.w3.org/2000/svg}g") if box.get("class")]
        inputs = len(derivation.cell.inputs) + len(derivation.cell.states)
        assert len(rects) == len(article.document.derivation.forward) + inputs
        seen += 1
    assert seen


_MEASURE = """
<script>
  const wrong = [];
  const body = document.body.getBoundingClientRect();
  for (const math of document.querySelectorAll("math")) {
    const box = math.getBoundingClientRect();
    if (math.closest("details")) continue;
    if (box.width < 2 || box.height < 2) wrong.push(["no box", math.textContent.slice(0, 60)]);
    if (box.right > body.right + 1) wrong.push(["too wide", math.textContent.slice(0, 60), box.right - body.right]);
  }
  for (const grid of document.querySelectorAll(".eqs")) {
    if (grid.scrollWidth > grid.clientWidth + 1) wrong.push(["scrolls", grid.textContent.slice(0, 60)]);
    const rows = [...grid.querySelectorAll(":scope > .r > math")].map(math => math.getBoundingClientRect());
    for (let k = 1; k < rows.length; k++)
      if (rows[k].top < rows[k - 1].bottom - 1) wrong.push(["overlaps", grid.textContent.slice(0, 60), k]);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (node.data.includes("\\\\") && !parent.closest("pre, annotation, script, style")) wrong.push(["raw", node.data]);
  }
  document.title = JSON.stringify([document.querySelectorAll("math").length, wrong]);
</script>
"""


def test_a_browser_shows_every_equation_inside_the_column(tmp_path):
    """All pages of two cells one after the other, for the time that a browser takes to start."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium")
    pages = [
        symrnn.derive("peephole_lstm" if turn % 2 else "gru").html(notation=notation, lang=lang)
        for turn, notation in enumerate(NOTATIONS)
        for lang in LANGUAGES
    ]
    head, _, _ = pages[0].partition("<body>")
    bodies = [page.partition("<body>")[2].rpartition("</body>")[0] for page in pages]
    file = tmp_path / "pages.html"
    file.write_text(f"{head}<body>{''.join(bodies)}{_MEASURE}</body></html>", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=900,1200", "--dump-dom"]
    done = subprocess.run([browser, *options, file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(\[.*?\])</title>", done.stdout)
    assert title, done.stderr[-500:]
    count, wrong = json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert count > 60 * len(pages)
    assert wrong == []


def test_a_tex_engine_sets_the_documents(tmp_path):
    """English documents of two cells in every notation, their pages one after the other."""
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("needs pdflatex (texlive-latex-recommended)")
    pages = [symrnn.derive(cell).tex(notation=n) for cell in ("peephole_lstm", "gru_reset_after") for n in NOTATIONS]
    heads = [page.partition("\\begin{document}")[0] for page in pages]
    declared = sorted({line for head in heads for line in head.splitlines() if "DeclareUnicode" in line})
    bodies = [page.partition("\\begin{document}")[2].rpartition("\\end{document}")[0] for page in pages]
    source = tmp_path / "pages.tex"
    text = "\n".join([heads[0], *declared, "\\begin{document}", *bodies, "\\end{document}"])
    source.write_text(text, encoding="utf-8")
    log = set_by(engine, source)
    wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert all(width < 3 for width in wide), wide


def test_a_tex_engine_sets_equations_that_are_input(tmp_path, odd):
    """`align` environments need amsmath, amssymb and bm alone, and their labels can be referred to."""
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("needs pdflatex (texlive-latex-recommended)")
    parts = []
    for cell in [*symrnn.zoo, *odd]:
        parts.append(symrnn.derive(cell).latex(labels=True))
    (tmp_path / "formulas.tex").write_text("\n".join(parts), encoding="utf-8")
    source = tmp_path / "main.tex"
    source.write_text(
        "\\documentclass{article}\\usepackage{amsmath,amssymb,bm}\\allowdisplaybreaks\n\\begin{document}\n"
        "\\input{formulas}\nSee \\eqref{eq:lstm-delta-c} and \\eqref{eq:gru-grad-W-z}.\n\\end{document}\n",
        encoding="utf-8",
    )
    set_by(engine, source)
    log = set_by(engine, source)
    assert "undefined" not in log
    assert "multiply defined" not in log


def test_a_tex_engine_sets_formulas_that_an_author_restyles(tmp_path):
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("needs pdflatex (texlive-latex-recommended)")
    formulas = render(symrnn.derive("gru"), "macros", notation="vectors=row")
    body = formulas[formulas.index("\\begin{align}") :]
    assert not re.search(r"\\odot|\\top|partial L", body)
    restyled = formulas.replace(r"{\symrnnproduct}{\odot}", r"{\symrnnproduct}{\circledast}")
    assert restyled != formulas
    source = tmp_path / "restyled.tex"
    source.write_text(
        "\\documentclass{article}\\usepackage{amsmath,amssymb,bm}\\allowdisplaybreaks\n\\begin{document}\n"
        f"{restyled}\\end{{document}}\n",
        encoding="utf-8",
    )
    set_by(engine, source)


def set_by(engine, source):
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=source.parent,
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = done.stdout.decode("utf-8", errors="replace")
    assert done.returncode == 0, log[-1500:]
    return log


@given(cells())
def test_random_cells_are_well_formed_in_every_format(text):
    """What a parser can say at once; the other readers are asked in batches below."""
    derivation = symrnn.derive(text)
    notation = NOTATIONS[len(text) % len(NOTATIONS)]
    article = make_article(derivation, notation=notation, lang="zh" if len(text) % 2 else "en", code=False)
    ET.fromstring(write_article(article, "html").split("\n", 1)[1])
    blocks, _ = formulas_of(write_article(article, "markdown"))
    for block in blocks:
        marks = re.findall(r"\\.|[{}]", block)
        assert marks.count("{") == marks.count("}")


@pytest.fixture(scope="module")
def random_articles():
    """The same 200 random cells every time (fewer away from CI), in notations that take turns."""
    from hypothesis import HealthCheck, Phase, settings

    found = []

    @settings(
        max_examples=200 if os.environ.get("CI") else 40,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cells())
    def collect(text):
        turn = len(found)
        notation = NOTATIONS[turn % len(NOTATIONS)]
        lang = list(LANGUAGES)[turn // len(NOTATIONS) % 2]
        found.append(make_article(symrnn.derive(text), notation=notation, lang=lang, code=False))

    collect()
    return found


def test_katex_takes_random_cells(random_articles, katex):
    formulas = set()
    for article in random_articles:
        blocks, inline = formulas_of(write_article(article, "markdown"))
        formulas.update(blocks, inline)
    assert katex(sorted(formulas)) == []


def test_typst_takes_random_cells(random_articles):
    typst = pytest.importorskip("typst", reason="python -m pip install typst")
    pages = [write_article(article, "typst") for article in random_articles]
    assert typst.compile("\n#pagebreak()\n".join(pages).encode()).startswith(b"%PDF")
