"""The pages in docs/: their Python runs, their networks are read, and what they promise of ready ones is so."""

import re
from pathlib import Path

import pytest

import symrnn

DOCS = Path(__file__).parents[1] / "docs"
BLOCKS = [
    (file.name, block)
    for file in sorted(DOCS.glob("*.md"))
    for block in re.findall(r"^```python\n(.*?)^```$", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{page}-{k}" for k, (page, _) in enumerate(BLOCKS)])
def test_python_runs_and_networks_are_read(page: str, block: str) -> None:
    if "import symrnn" in block:
        exec(compile(block, page, "exec"), {})
        return
    network = symrnn.network(block)
    sample = network.sample()
    kernel = symrnn.derive(network).numpy(plain=True)
    kernel.forward(sample.params, sample.x)


def test_every_annotation_of_the_table_is_read() -> None:
    text = (DOCS / "networks.md").read_text(encoding="utf-8")
    table = text[text.index("| annotation |") : text.index("An argument without annotation")]
    said = [
        word
        for line in table.split("\n")[2:]
        for word in re.findall(r"`([^`]+)`", line.split("|")[1] if "|" in line else "")
    ]
    assert len(said) > 12
    arguments = ", ".join(f"a{k}: {annotation}" for k, annotation in enumerate(said) if "lengths" not in annotation)
    with pytest.warns(symrnn.CellWarning, match="nothing reads"):
        symrnn.network(
            f"def net(x, z: over(S), n: lengths, m: lengths(S), {arguments}):\n    h = scan(rnn, x)\n    return h\n"
        )
