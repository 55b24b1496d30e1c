"""What the help of the commands says besides their options."""

from __future__ import annotations

from collections.abc import Mapping

ABOUT = "Backward equations of recurrent cells: derived symbolically, printed, computed and proved."

CELLS = """\
CELL is a name that `symrnn list` shows, a file with one cell in it (my_cell.py), one of several cells in a file
(my_cells.py:mgu), or - for text on standard input."""

EXIT_CODES = """\
exit codes:
  0  done, and everything that was checked held
  1  a check or a verdict failed
  2  the call or the input was wrong, or the answer cannot be written; standard error says why
  128 and the number of a signal, such as 130 after Ctrl-C
A reader that has seen enough, as in `symrnn list | head`, changes none of these."""

EXAMPLES: Mapping[str, str] = {
    "": f"""\
examples:
  symrnn list
  symrnn show lstm
  symrnn check lstm
  symrnn verify my_lstm.py
  symrnn code gru -o gru_numpy.py

{EXIT_CODES}

{CELLS}""",
    "list": """\
examples:
  symrnn list
  symrnn list --family
  symrnn list --family lstm""",
    "show": f"""\
examples:
  symrnn show peephole_lstm
  symrnn show peephole_lstm --steps
  symrnn show my_cell.py --format latex -o my_cell.tex
  symrnn show lstm --format html --notation greff --lang zh -o lstm.html
  symrnn show lstm --notation vectors=row,time=superscript
  symrnn show my_cells.py:mgu
  symrnn show char_rnn
  symrnn show --diff lstm peephole_lstm
  symrnn show gru --mode forward
  symrnn show indrnn --mode traces
  cat my_cell.py | symrnn show -

{CELLS}""",
    "check": f"""\
examples:
  symrnn check lstm
  symrnn check my_cell.py --seed 7
  symrnn check my_cell.py --json
  symrnn check my_cell.py --proof-limit 600
  symrnn check my_cell.py --no-proof
  symrnn check --all
  symrnn check lstm gru --seeds 20
  symrnn check --all --seeds 1000 --jobs 2 --journal night.jsonl
  symrnn check --random 10000 --jobs 2 --journal cells.jsonl

Numbers come first, then the proof in a process of its own, within 60 seconds and 2 GB. A proof that gives up says what
was proved until then, and is no failure.

With --seeds it is a campaign: every cell at many samples (sizes, seeds, zeros, tiny, saturating and huge weights, both
types), on several processors. The same call with the same journal goes on where an earlier one ended, however it
ended. With --random it is one over symrnn itself: cells that nobody wrote, run by every backend and held against an
interpreter of their text; each disagreement is shown by the smallest text that has it.

{EXIT_CODES}

{CELLS}""",
    "export": f"""\
examples:
  symrnn export -o derivations
  symrnn export lstm gru -o notes --format md,html,pdf
  symrnn export my_cell.py -o notes --format tex --notation colah
  symrnn export char_rnn -o notes --format md,html,pdf
  symrnn export -o derivations --check

Formats: md, tex, html, typ, pdf, py (the NumPy module), svg (the figure). Files that symrnn did not write, or that
were changed since, are left alone unless --force is given.

{CELLS}""",
    "verify": f"""\
examples:
  symrnn verify my_lstm.py
  symrnn verify my_lstm.py --cell peephole_lstm
  symrnn verify my_lstm.py --json

FILE.py has forward(params, x, state) -> (outputs, final_state) and backward(params, x, state, d_outputs, d_final_state)
-> (d_params, d_x, d_state), and says which cell they are, cell = "lstm"; without that the zoo is searched. A `layout`
says how your arrays hold the cell's, and a `code` how your functions are called. The file is run, as it is your own,
in a process of its own; what it prints is shown on standard error.

Of a network FILE.py has the whole training loop, loss_and_grads(params, …) -> loss, grads, with the network's inputs by
name and gradients by the names of its parameters (h1.W), and network = "char_rnn" or its text.

{EXIT_CODES}""",
    "code": f"""\
examples:
  symrnn code lstm
  symrnn code my_cell.py -o my_cell_numpy.py
  symrnn code lstm --plan
  symrnn code my_cell.py --target torch -o my_cell_torch.py
  symrnn code my_cell.py --target c -o my_cell.c

{CELLS}""",
    "demo": f"""\
examples:
  symrnn demo char-rnn text.txt
  symrnn demo char-rnn text.txt --cell gru --layers 3 --minutes 10
  symrnn demo char-rnn text.txt --window 25 --back 100 --steps 2000

A network of characters learns a text: an embedding, layers of a cell, cross-entropy; by truncated backpropagation, the
gradient of every --window steps going back through --back. The last tenth of the text is held out. What is learnt is
kept in a checkpoint; the same call goes on from there, and the same seed gives the same curve.

{EXIT_CODES}""",
    "flow": f"""\
examples:
  symrnn flow lstm
  symrnn flow rnn lstm gru --T 100
  symrnn flow lstm --set b_f=0,1,5
  symrnn flow rnn --set "R=radius 0.5,radius 1.5,orthogonal" --set b=0
  symrnn flow my_cell.py --dims n=64 --format svg -o flow.svg
  symrnn flow lstm --format json -o flow.json

A trajectory of random parameters, inputs and states is run, and the gradient of L = uᵀ y_T is followed back: its norm
at every step, the singular values of ∂h_T/∂h_t beside their bounds, what goes by which path, Lyapunov exponents, what
truncation loses. docs/flow.md says what each number is.

{CELLS}""",
}


MODES = ("reverse", "forward", "rtrl", "traces", "hessian")
MODES_HELP = """backpropagation (the default), Jacobian–vector products, real-time recurrent learning, eligibility
traces, products of the Hessian"""
FORMATS_HELP = """text, latex (aligned), align (with labels), macros (to restyle), or a whole page: markdown, html,
typst, tex (text)"""
NOTATION_HELP = "standard, greff, graves, colah, cs231n, pytorch; options as in greff,vectors=row (standard)"
FLOW_FORMATS = ("text", "svg", "png", "json", "csv")
