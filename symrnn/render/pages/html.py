"""One HTML file that holds everything: MathML Core and a little CSS, no script and nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .. import tree as t
from ..document import Row
from ..printers.latex import LatexPrinter
from ..printers.mathml import MathMLPrinter
from ..prose import Setting
from .article import Article, Block, Drawing, Explanation, Formulas, Heading, Listing, Paragraph, Table
from .latex import align

WIDTH = 60
"""Where right sides break, in letters: with operators apart as a browser sets them they fit into the column."""

_STYLE = """\
:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--paper:#fff;--line:#d1d9e0;--tint:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--line:#3d444d;--tint:#151b23}}
body{max-width:760px;margin:2.5rem auto;padding:0 1.2rem;font:17px/1.55 Georgia,'Noto Serif','Noto Serif CJK SC',serif;color:var(--ink);background:var(--paper)}
h1,h2,h3{font-weight:600;line-height:1.25}h2{margin-top:2.2em;font-size:1.25em;border-bottom:1px solid var(--line);padding-bottom:.2em}h3{margin-top:1.6em;font-size:1.05em}
math{font-family:'STIX Two Math','Latin Modern Math','Cambria Math',math;font-size:1.05em}
.eqs{display:grid;grid-template-columns:auto 1fr auto;gap:.55em .35em;align-items:center;margin:1.2em 0;padding:.15em 0;overflow:auto hidden}
.eqs>.l{text-align:right}.eqs>.n{color:var(--soft);font-variant-numeric:tabular-nums;padding-left:1em}
.eqs>.more{padding-left:2em}.eqs>.inner{padding-left:4em}.eqs>.w{grid-column:2/4}.eqs>.all{grid-column:1/4}
.eqs>.l:target,.eqs>.l:target+.r{background:var(--tint)}
table{border-collapse:collapse;width:100%;font-size:.95em}th,td{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid var(--line)}
code,pre{font:13px/1.45 ui-monospace,'DejaVu Sans Mono',Consolas,monospace}pre{background:var(--tint);padding:.9em 1em;overflow-x:auto;border-radius:6px}
td:nth-child(2):nth-last-child(3){white-space:nowrap}td code{font-size:.85em;overflow-wrap:anywhere}
figure{margin:1.5em 0}figure svg{max-width:100%;height:auto;display:block;margin:auto}figcaption{color:var(--soft);font-size:.9em;text-align:center}
details{color:var(--soft);font-size:.9em}.step{margin:1.1em 0 0}.step+ul{margin:.2em 0 0;font-size:.95em}.made{color:var(--soft);font-size:.9em;margin-top:3em}
"""  # noqa: E501


def write_html(article: Article) -> str:
    """The article as a page of its own, light or dark as the reader's system is."""
    page = _Page(article)
    body = "\n".join(part for block in article.blocks for part in page.block(block))
    title = escape(article.document.name)
    summary = escape(article.document.summary, quote=True)
    return (
        f'<!DOCTYPE html>\n<html lang="{article.document.language.code}">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f'<meta name="description" content="{summary}"/>\n<meta name="generator" content="symrnn"/>\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


class _Page:
    def __init__(self, article: Article) -> None:
        self.article = article
        self.math = MathMLPrinter(article.document.notation.product)
        self.latex = LatexPrinter(article.document.notation.product)
        self.inline = Setting(escape, self.formula, _code, _link)

    def block(self, block: Block) -> Iterator[str]:
        match block:
            case Heading(text=text, level=level):
                yield f"<h{level}>{escape(text)}</h{level}>"
            case Paragraph(prose=prose):
                yield f"<p>{self.inline(prose)}</p>"
            case Table(head=head, rows=rows):
                names = "".join(f"<th>{escape(word)}</th>" for word in head)
                lines = "\n".join(
                    "<tr>" + "".join(f"<td>{self.inline(cell)}</td>" for cell in row) + "</tr>" for row in rows
                )
                yield f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
            case Formulas(rows=rows):
                yield '<div class="eqs">\n' + "".join(self.row(row) for row in rows) + "</div>"
                words = escape(self.article.document.language.phrases["copy"])
                yield f"<details><summary>{words}</summary><pre>{escape(align(rows, self.latex))}</pre></details>"
            case Explanation(row=row, formula=formula, sentences=sentences):
                items = "".join(f"<li>{self.inline(sentence)}</li>" for sentence in sentences)
                link = f'<a href="#eq:{escape(row.label)}">({row.number})</a>'
                yield f'<p class="step">{link} {self.formula(formula)}</p><ul>{items}</ul>'
            case Drawing(title=title, figure=figure, caption=caption):
                yield f"<h2>{escape(title)}</h2>"
                yield f"<figure>\n{figure.svg}<figcaption>{escape(caption)}</figcaption>\n</figure>"
            case Listing(code=code):
                yield f"<pre><code>{escape(code)}</code></pre>"

    def row(self, row: Row) -> str:
        mark = f' id="eq:{escape(row.label)}"' if row.label else ""
        left = f'<span class="l"{mark}>{self.formula(row.left)}</span>' if row.left is not None else ""
        if row.right is None:
            words = self.inline(row.words)
            if row.left is None:
                return f'<span class="all">{words}</span>\n'
            return f'{left}<span class="w"><math><mo>=</mo></math> {words}</span>\n'
        assert row.left is not None
        first, *more = self.math.lines(row.right, WIDTH)
        source = f"{self.latex.flat(row.left)} = {self.latex.flat(row.right)}"
        shown = [f'{left}<span class="r">{_math(f"<mo>=</mo>{first.text}", source)}</span>']
        for line in more:
            indent = "inner" if line.inner else "more"
            shown.append(f'<span class="l"></span><span class="r {indent}">{_math(line.text)}</span>')
        number = f"({row.number})" if row.number else ""
        return '<span class="n"></span>\n'.join(shown) + f'<span class="n">{number}</span>\n'

    def formula(self, tree: t.Tree) -> str:
        return _math(self.math.flat(tree), self.latex.flat(tree))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _link(page: str) -> str:
    return f'<a href="{escape(page)}.html">{_code(page)}</a>'


def _math(mathml: str, latex: str = "") -> str:
    """One formula; its LaTeX goes along for whoever copies it."""
    if not latex:
        return f'<math displaystyle="true"><mrow>{mathml}</mrow></math>'
    return (
        f'<math displaystyle="true"><semantics><mrow>{mathml}</mrow>'
        f'<annotation encoding="application/x-tex">{escape(latex)}</annotation></semantics></math>'
    )
