"""The result of deriving: forward equations, adjoints in order of computation, gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..equations import Cell, Equation
from ..equations.shapes import names_in
from ..language import Variable

if TYPE_CHECKING:
    from ..numeric import Kernel
    from ..render import Notation


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """A cell and its backward pass.

    `adjoints` run in the order in which a step is computed backwards, the carries to the step before last;
    `gradients` hold the parameters (to be summed over t), the inputs, and the initial states. `upstream` names the
    incoming gradient of each output, `carries` what is handed from step to step for each state, and `adjoint_of` the
    adjoint of each value that reaches the loss.
    """

    cell: Cell
    adjoints: tuple[Equation, ...]
    gradients: tuple[Equation, ...]
    variables: Mapping[str, Variable] = field(repr=False)
    upstream: Mapping[str, str] = field(repr=False)
    carries: Mapping[str, str] = field(repr=False)
    adjoint_of: Mapping[str, str] = field(repr=False)

    @property
    def forward(self) -> tuple[Equation, ...]:
        """The forward equations of one step."""
        return self.cell.equations

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Everything, in the order of the numbers."""
        return self.forward + self.adjoints + self.gradients

    @property
    def batched(self) -> frozenset[str]:
        """The names whose values differ from sequence to sequence: what rests on inputs and states, and what leaves the
        cell; a parameter, and what is made of parameters alone, is one array for all."""
        program = self.cell.program
        found = {v.name for v in self.variables.values() if v.role in ("input", "previous", "upstream", "carry")}
        found |= {state.new for state in program.states} | set(program.outputs)
        for equation in self.forward:
            if names_in(equation.expr) & found:
                found.add(equation.name)
        return frozenset(found | {name for value, name in self.adjoint_of.items() if value in found})

    # The rooms to the right are imported only when they are asked for: what follows are doors, not dependencies.

    def text(self, *, steps: bool = False, notation: Notation | str = "standard", lang: str = "en") -> str:
        """All equations in readable Unicode; with `steps`, each line says by which rule it came."""
        from ..render import render

        return render(self, "text", steps=steps, notation=notation, lang=lang)

    def latex(
        self,
        *,
        steps: bool = False,
        notation: Notation | str = "standard",
        lang: str = "en",
        labels: bool = False,
    ) -> str:
        """An `aligned` block for KaTeX, MathJax and amsmath; with `labels`, `align` environments for a document that
        inputs them."""
        from ..render import render

        return render(self, "align" if labels else "latex", steps=steps, notation=notation, lang=lang)

    def markdown(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes with $$ blocks, as GitHub, Obsidian, VS Code and Quarto render them."""
        from ..render import render

        return render(self, "markdown", steps=steps, notation=notation, lang=lang)

    def html(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as one self-contained page: MathML, no script, light and dark."""
        from ..render import render

        return render(self, "html", steps=steps, notation=notation, lang=lang)

    def typst(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as a Typst document."""
        from ..render import render

        return render(self, "typst", steps=steps, notation=notation, lang=lang)

    def tex(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as a LaTeX document that compiles as it is."""
        from ..render import render

        return render(self, "tex", steps=steps, notation=notation, lang=lang)

    def pdf(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> bytes:
        """Notes as a PDF, without TeX: the extra `pdf` brings the compiler."""
        from ..render import render_pdf

        return render_pdf(self, steps=steps, notation=notation, lang=lang)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}$$"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows: LaTeX where it is set, the text page elsewhere."""
        return {"text/plain": self.text(), "text/latex": self._repr_latex_()}

    def numpy(self, dtype: str = "float64", *, plain: bool = False, backend: str = "numpy") -> Kernel:
        """The forward and backward pass over whole batches of sequences, as NumPy source that runs; `plain` has one
        equation a line, for reading and for comparing. `backend="c"` compiles C, which is faster at small sizes."""
        from ..numeric import build_kernel

        return build_kernel(self, dtype, plain=plain, backend=backend)

    def code(self, target: str = "numpy") -> str:
        """A program of its own that computes both passes: `numpy`, `torch` or `c`."""
        from ..numeric import emit_source

        return emit_source(self, target)

    def __repr__(self) -> str:
        return f"<Derivation of {self.cell.name}: {len(self.equations)} equations>"
