"""Docstrings, comments and names that a format would obey come out as text, read back by readers of that format."""

import ast
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.render import make_article, write_article

PIECES = [
    r"\end{verbatim}\input{/etc/hosts}", r"\end{verbatimx}", r"\write18{x}", "%", "~", "^^5c", "$x$", "$$", r"\(", "&amp;", "&", "#", "_", "{", "}",
    "`", "``", "```", "````", "`a`", "~~~", "*a*", "[x](http://y)", "![i](j)", "|", "---", "- a", "+ b", "1. c", "= d", "> e",
    "</script>", "<script>", "</pre>", "]]>", "<!--", "-->", '"', "'", '"""', "'''", "\\", "\\u{41}", "#import", "@ref", "//", "*/", "/*", "...",
    "\n", "\n\n", "\t", "\0", "\x1b[31m", "\x0c", "\u2028", "\u202e", "\u200b", "\ud800", "\ufffe", "é", "δ", "单元", "😀", "word", " ", "{label}",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
COMMENT = HOSTILE.map(lambda text: re.sub("[\0\n\r\ud800]", " ", text)[:70])
NAMES = st.sampled_from(["f", "alpha", "sum", "in_", "end", "verbatim", "constructor", "Δ_x", "ﬁ", "单元", "x" * 60])
BODY = "    alpha = W @ x + R @ h{comment}\n    h = tanh(alpha)\n    return h"


def written(name, doc, comment):
    body = BODY.format(comment=f"  #{comment}" if comment else "")
    return f"def {name}(x, h):\n    {doc!r}\n{body}\n" if doc else f"def {name}(x, h):\n{body}\n"


def shown(text):
    """A text with what no page can hold marked, as a page shows it."""
    marked = [
        c if c.isprintable() else " " if c.isspace() and c not in "\x0b\x0c\x1c\x1d\x1e\x1f" else "�" for c in text
    ]
    return "".join(marked)


def bare(text):
    """What is compared of words: backticks mark code, and spaces are the format's to set."""
    return re.sub(r"[\s`]", "", text)


def expected_words(doc):
    clean = (
        "\n".join(map(shown, ast.get_docstring(ast.parse(written("f", doc, "")).body[0]).split("\n"))) if doc else ""
    )
    first, *rest = clean.strip().split("\n\n")
    return [bare(words) for words in (first.split("\n")[0], *rest) if bare(words)]


def expected_listing(name, comment):
    return "\n".join(shown(line.expandtabs()) for line in written(name, "", comment).split("\n")).strip()


class Reader(HTMLParser):
    """The paragraphs before the first heading of the second rank, and the first listing; every tag that was met."""

    def __init__(self):
        super().__init__()
        self.tags, self.place, self.paragraphs, self.listing, self.over = set(), [], [], "", False

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.place.append(tag)
        self.over |= tag == "h2"
        if tag == "p" and not self.over:
            self.paragraphs.append("")

    def handle_endtag(self, tag):
        while self.place and self.place.pop() != tag:
            pass

    def handle_data(self, data):
        if self.over:
            return
        if "pre" in self.place:
            self.listing += data
        elif "p" in self.place:
            self.paragraphs[-1] += data


def read_fence(markdown):
    """The first fenced block, as CommonMark ends it; behind backquotes that open one there are no others on its line."""
    lines = markdown.split("\n")
    start = next(k for k, line in enumerate(lines) if re.fullmatch(r"`{3,}[^`]*|~{3,}.*", line))
    fence = re.match(r"`+|~+", lines[start])[0]
    assert lines[start] == f"{fence}python"
    end = next(
        k for k in range(start + 1, len(lines)) if re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}\s*", lines[k])
    )
    return "\n".join(lines[:start]), "\n".join(lines[start + 1 : end])


TEX_LETTERS = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
    "textbar": "|", "textasciigrave": "`", "texttt": "",
}  # fmt: skip


def read_tex(page):
    """The words and the listing of a TeX document; a command that sets no letter, or a live sign, is an error."""
    body = page.partition("\\maketitle")[2]
    opening = re.search(r"\\begin\{(verbatimx*)\}\n", body)
    listing = body[opening.end() :].partition(f"\\end{{{opening[1]}}}")[0].removesuffix("\n")
    words = body[: opening.start()].removesuffix("{\\footnotesize\n")
    found = []
    for command, sign, letter in re.findall(r"\\([a-zA-Z]+)|\\(.)|([^\\])", words):
        assert letter == "" or letter not in "&%$#_^~", words
        assert sign == "" or sign in "&%$#_{}", words
        found.append(TEX_LETTERS[command] if command else sign or letter.replace("{", "").replace("}", ""))
    return "".join(found).replace("''", '"'), listing


@settings(max_examples=25)
@given(NAMES, HOSTILE, COMMENT)
@example("f", "One.\n\n" + " ".join(PIECES[:51]), "".join(PIECES[:6]))
@example("sum", "``` a `` b ```` c", "```")
@example("f", '"""; import os; """', "\\end{verbatim}\\end{verbatimx}")
def test_what_a_format_would_obey_is_text(name, doc, comment):
    cell = symrnn.cell(written(name, doc, comment))
    article = make_article(symrnn.derive(cell), steps=False, code=False)
    listing, words = expected_listing(name, comment), expected_words(doc)

    html = write_article(article, "html")
    ET.fromstring(html.split("\n", 1)[1])
    reader = Reader()
    reader.feed(html)
    assert not reader.tags & {"script", "b", "img", "a", "iframe"}
    assert reader.listing == listing
    assert [bare(words) for words in reader.paragraphs if bare(words)] == words
    assert ET.fromstring(article.drawing.svg).tag == "{http://www.w3.org/2000/svg}svg"

    markdown = write_article(article, "markdown")
    before, read = read_fence(markdown)
    assert read == listing
    plain = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", before).split("\n\n")[1:]
    assert [bare(words) for words in plain if bare(words)] == words

    tex_words, tex_listing = read_tex(write_article(article, "tex"))
    assert tex_listing == listing
    assert bare(tex_words) == "".join(words).replace("''", '"')

    typst = write_article(article, "typst")
    assert f"\n{listing}\n```" in typst
    json.dumps(symrnn.derive(cell).text(), ensure_ascii=False).encode()


@settings(max_examples=8)
@given(HOSTILE, COMMENT)
@example("One.\n\n" + " ".join(PIECES[:51]), "`````")
def test_markdown_and_typst_read_it_as_text(doc, comment):
    """Two real readers: what they take for markup, and what they take for text."""
    markdown_it = pytest.importorskip("markdown_it", reason="python -m pip install markdown-it-py")
    typst = pytest.importorskip("typst", reason="python -m pip install typst")
    article = make_article(symrnn.derive(written("f", doc, comment)), steps=False, code=False)
    listing, words = expected_listing("f", comment), expected_words(doc)
    blocks = []
    for token in markdown_it.MarkdownIt("commonmark").parse(write_article(article, "markdown"))[3:]:
        if token.type == "fence":
            assert token.content == listing + "\n"
            break
        assert token.type in ("paragraph_open", "inline", "paragraph_close")
        if token.type == "inline":
            assert {child.type for child in token.children} <= {"text", "text_special", "code_inline"}
            blocks.append(bare("".join(child.content for child in token.children)))
    assert [block for block in blocks if block] == words
    page = write_article(article, "typst").encode()
    (raw,) = json.loads(typst.query(page, "raw.where(block: true)", field="text"))
    assert raw == listing
    live = "selector(link).or(list).or(enum).or(terms).or(cite).or(ref)"
    assert json.loads(typst.query(page, live)) == []


def test_a_docstring_does_not_write_the_program():
    """What stands between the quotes of the emitted NumPy module is data."""
    cell = symrnn.cell("def f(x, h):\n    '''a\"\"\"\nLIVE = 1 \"\"\"'''\n    h = tanh(h + W @ x)\n    return h\n")
    ended = symrnn.cell("def f(x, h):\n    '''a\"\"\" + LIVE + \"\"\"\\\\'''\n    h = tanh(h + W @ x)\n    return h\n")
    for each in (cell, ended):
        for target in ("numpy", "torch"):
            tree = ast.parse(symrnn.derive(each).code(target))
            assert not any(isinstance(node, ast.Name) and node.id == "LIVE" for node in ast.walk(tree))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (texlive-latex-recommended)")
def test_a_tex_engine_sets_it(tmp_path):
    doc = "One.\n\n" + " ".join(PIECES)
    article = make_article(symrnn.derive(written("f", doc, r"\end{verbatim}\input{nosuchfile}")), code=False)
    (tmp_path / "page.tex").write_text(write_article(article, "tex"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
