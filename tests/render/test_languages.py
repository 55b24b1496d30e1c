"""Languages are complete: the same rules and phrases in each, with the same places to fill, and none left in English."""

import re
import string

import pytest

import symrnn
from symrnn.render import LANGUAGES, make_article
from symrnn.render.languages import CHINESE, ENGLISH
from symrnn.render.pages.article import Drawing, Explanation, Heading, Paragraph, Table


def places(sentence):
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}


@pytest.mark.parametrize(
    "language", [one for one in LANGUAGES.values() if one is not ENGLISH], ids=lambda one: one.code
)
def test_every_language_says_all(language):
    assert set(language.rules) == set(ENGLISH.rules)
    assert set(language.phrases) == set(ENGLISH.phrases)
    for key, rule in ENGLISH.rules.items():
        assert places(language.rules[key].sentence) == places(rule.sentence), key
        assert language.rules[key].label
    for key, phrase in ENGLISH.phrases.items():
        assert places(language.phrases[key]) == places(phrase), key
        assert language.phrases[key].strip(), key


def test_every_phrase_is_used():
    """A phrase that nothing asks for is one that a translator wrote for nothing."""
    from pathlib import Path

    import symrnn.render

    folder = Path(symrnn.render.__file__).parent
    source = "".join(
        file.read_text(encoding="utf-8") for file in folder.rglob("*.py") if "languages" not in file.parent.name
    )
    for room in ("publishing", "flowing"):
        source += "".join(file.read_text(encoding="utf-8") for file in (folder.parent / room).glob("*.py"))
    # The heads of the table of contents are asked for by their column.
    columns = ("cell", "states", "parameters", "operations", "equations", "proof", "checks", "tested", "layouts")
    columns += ("network", "blocks")
    ways = ("last", "first", "reverse", "shift", "sum", "mean", "rows", "embed", "steps", "places")
    panels = ("norms", "singular", "contributions", "lyapunov", "truncation", "clipping", "shares", "connectivity")
    derived = (
        {f"index_{column}" for column in columns}
        | {"values", "inputs", "states", "outputs", "parameters"}
        | {f"{key}{end}" for key in ("rows", "joined", "numerator", "merged") for end in ("", "_sign")}
        | {f"wire_{way}" for way in ways}
        | {f"network_{key}" for key in ("forward", "backward")}
        | {f"flow_{panel}{end}" for panel in panels for end in ("", "_x", "_y", "_reading")}
        | {f"gave_up_{why}" for why in ("time", "memory", "depth", "process")}
    )
    unused = {key for key in ENGLISH.phrases if f'"{key}"' not in source and f"'{key}'" not in source} - derived
    assert unused == set()


@pytest.mark.parametrize("notation", ["standard", "greff", "cs231n"])
def test_no_english_words_in_chinese_sentences(any_cell, notation):
    article = make_article(symrnn.derive(any_cell), notation=notation, lang="zh", code=False)
    said = []
    for block in article.blocks:
        match block:
            case Heading(text=text):
                said.append(text)
            case Drawing(title=title, caption=caption):
                said += [title, caption]
            case Table(head=head):
                said += head
            case Explanation(sentences=sentences):
                said += [piece for sentence in sentences for piece in sentence]
            case Paragraph(prose=prose):
                said += prose
    own = {" ".join(part.split()) for part in article.document.derivation.cell.doc.replace("`", "\n").split("\n\n")}
    for words in said:
        if not isinstance(words, str) or any(words in part or part in words for part in own if part):
            continue
        rest = re.sub(
            r"sigmoid|tanh|relu|leaky|elu|softplus|silu|gelu|hard|exp|log-sum-exp|log|sin|cos|clip|softmax", "", words
        )
        rest = re.sub(
            r"symrnn|NumPy|diag|diagonal|[A-Za-z]|at a time", lambda found: "" if len(found[0]) != 2 else found[0], rest
        )
        assert not re.search(r"[A-Za-z]{3,}", rest), words


def test_chinese_pages_are_chinese():
    assert "伴随" in symrnn.derive("lstm").text(steps=True, lang="zh")
    assert CHINESE.code == "zh"
