"""`symrnn code CELL --plan`: the table says of every equation what the emitted source does."""

import re

import pytest

import symrnn
from symrnn.cli.main import main
from symrnn.numeric import emit_fast
from symrnn.numeric.fast import plan_table

CELLS = ["lstm", "gru", "gru_reset_after", "mlstm", "deltanet", "linear_attention", "mingru", "layer_norm_lstm"]


def numbers(text):
    return {int(number) for number in re.findall(r"\((\d+)\)", text)}


def in_source(source):
    """The numbers in the comments of each region."""
    found = {}
    parts = re.split(r"^def (forward|backward|loss)\(", source, flags=re.MULTILINE)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        region = "before"
        for line in text.split("\n"):
            if line.startswith("    for "):
                region = "in"
            elif region == "in" and re.match(r"    [^ )]", line):
                region = "after"
            comment = line.partition("  # ")[2]
            found.setdefault((name, region), set()).update(numbers(comment))
    return found


def in_table(table):
    found = {}
    for section in table.split("\n\n"):
        head = re.match(r"(FORWARD|BACKWARD), (before|in|after)", section)
        if head:
            rows = "\n".join(line[:8] for line in section.split("\n")[1:])
            found[head[1].lower(), head[2]] = numbers(rows)
    return found


@pytest.mark.parametrize("name", CELLS)
def test_every_number_is_where_the_source_has_it(name):
    derivation = symrnn.derive(name)
    told, table = in_source(emit_fast(derivation)), in_table(plan_table(derivation))
    roles = {e.number: derivation.variables[derivation.variables[e.name].written].role for e in derivation.gradients}
    by_inputs = {number for number, role in roles.items() if role == "input"}  # `d_x = ` has no comment
    table["backward", "after"] -= by_inputs
    for region, found in table.items():
        assert found == told.get(region, set()), region


def test_the_lstm_has_one_product_of_four_gates_in_each_loop():
    sections = {part.split("\n")[0]: part for part in plan_table(symrnn.derive("lstm")).split("\n\n")}
    loop = sections["FORWARD, in the loop over t"]
    assert loop.count("one product of 4 net inputs: weight_h_prev with h_prev") == 1
    assert "one tanh, in the place of the net inputs; o, i, f by tanh(a/2)" in loop
    assert re.search(r"\(7\)  c  +n +c_prev \* f \+ i \* g", loop)
    assert sections["BACKWARD, in the loop, from the last step to the first"].count("one product of 4 adjoints") == 1


@pytest.mark.parametrize("name", CELLS)
def test_the_table_fits_a_terminal(name):
    assert max(map(len, plan_table(symrnn.derive(name)).split("\n"))) <= 100


def test_the_command_prints_it(capsys):
    assert main(["code", "gru", "--plan"]) == 0
    assert capsys.readouterr().out == plan_table(symrnn.derive("gru"))


def test_another_target_has_no_such_plan(capsys):
    assert main(["code", "gru", "--plan", "--target", "c"]) == 2
    assert "--plan shows the fast NumPy kernel; it does not go with --target c" in capsys.readouterr().err
