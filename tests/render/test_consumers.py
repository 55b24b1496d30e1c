"""Every page is taken by what will read it: KaTeX, Typst, an XML parser, a browser, a TeX engine. The best known cells
and the odd ones come in every notation and language, the rest of the zoo in the standard notation."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from operations.conformance import texts_of

import symrnn
from symrnn.render import LANGUAGES, PRESETS, make_article, render, write_article


@pytest.fixture(scope="module")
def articles(classics, odd, notations):
    """An article for every cell in every notation and language; for most of the zoo, and for every operation, in the
    standard notation."""
    found = []
    for cell in [*symrnn.zoo, *odd, *texts_of(20)]:
        derivation = symrnn.derive(cell)
        for notation in notations if cell in classics or cell in odd else ["standard"]:
            for lang in LANGUAGES if cell in classics or cell in odd else ["en"]:
                # the program is the same in every notation and takes longer to set than all formulas
                article = make_article(derivation, notation=notation, lang=lang, code=notation == "standard")
                found.append((derivation, notation, lang, article))
    return found


def test_katex_takes_all_markdown(articles, katex, formulas_of):
    formulas = set()
    for _, _, _, article in articles:
        blocks, inline = formulas_of(write_article(article, "markdown"))
        assert len(blocks) >= 2
        assert inline
        formulas.update(blocks, inline)
    assert katex(sorted(formulas)) == []


def test_katex_takes_all_aligned_blocks(articles, katex):
    blocks = {
        render(derivation, "latex", steps=steps, notation=notation, lang=lang)
        for derivation, notation, lang, _ in articles
        for steps in (False, True)
    }
    assert katex(sorted(blocks), "mathml") == []


def test_katex_refuses_what_is_wrong(katex):
    assert katex([r"\frac{a}{b}", r"\frac{a", r"\nosuch"]) != []


def test_typst_takes_everything(articles, classics, typst):
    """All are read; those of the best known cells in the presets are also laid out."""
    laid, read = [], []
    for derivation, notation, _, article in articles:
        to_lay = derivation.cell.name in classics and notation in PRESETS
        (laid if to_lay else read).append(write_article(article, "typst"))
    assert len(laid) == len(classics) * len(PRESETS) * len(LANGUAGES)
    assert read
    typst(laid, read)


def test_typst_refuses_what_is_wrong(typst):
    for wrong in ("$ frac(a $", "$ nosuch $", "#eqs([a])", "]"):
        with pytest.raises(typst.refusal):
            typst([], [wrong])


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
    if (grid.offsetWidth > grid.clientWidth) wrong.push(["has a scrollbar", grid.textContent.slice(0, 60)]);
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


def test_a_browser_shows_every_equation_inside_the_column(tmp_path, classics, families):
    """All pages one after the other, for the time that a browser takes to start."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium")
    pages = [
        symrnn.derive(cell).html(notation=notation, lang=lang)
        for cell in dict.fromkeys(families)
        for notation in (PRESETS if cell in classics else ["standard"])
        for lang in (LANGUAGES if cell in classics else ["en"])
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


def test_a_tex_engine_sets_the_documents(tmp_path, classics, notations):
    """English documents, their pages one after the other."""
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("needs pdflatex (texlive-latex-recommended)")
    set_in_one(engine, tmp_path, _in_tex(symrnn.zoo, classics, notations, "en"))


def _in_tex(cells, classics, notations, lang):
    return [
        symrnn.derive(cell).tex(notation=notation, lang=lang)
        for cell in dict.fromkeys(cells)
        for notation in (notations if cell in classics else ["standard"])
    ]


def test_a_tex_engine_sets_chinese_documents(tmp_path, classics, families):
    """With ctex, which pdfTeX has no fonts for."""
    engine = shutil.which("xelatex")
    finder = shutil.which("kpsewhich")
    if engine is None or finder is None or subprocess.run([finder, "ctex.sty"], capture_output=True).returncode:
        pytest.skip("needs xelatex and ctex (texlive-xetex, texlive-lang-chinese)")
    set_in_one(engine, tmp_path, _in_tex(families, classics, PRESETS, "zh"))


def set_in_one(engine, folder, pages):
    heads = [page.partition("\\begin{document}")[0] for page in pages]
    declared = sorted({line for head in heads for line in head.splitlines() if "DeclareUnicode" in line})
    bodies = [page.partition("\\begin{document}")[2].rpartition("\\end{document}")[0] for page in pages]
    source = folder / "pages.tex"
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
