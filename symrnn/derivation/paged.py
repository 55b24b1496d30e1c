"""Pages of a derivation, of a cell or of a network, in every format: doors to the room that writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..render import Notation


class Paged:
    """What a derivation looks like on paper; `render/` is imported only when it is asked for."""

    __slots__ = ()

    def text(self, *, steps: bool = False, notation: Notation | str = "standard", lang: str = "en") -> str:
        """All equations in readable Unicode; with `steps`, each line says by which rule it came."""
        return self._rendered("text", steps, notation, lang)

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
        return self._rendered("align" if labels else "latex", steps, notation, lang)

    def markdown(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes with $$ blocks, as GitHub, Obsidian, VS Code and Quarto render them."""
        return self._rendered("markdown", steps, notation, lang)

    def html(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as one self-contained page: MathML, no script, light and dark."""
        return self._rendered("html", steps, notation, lang)

    def typst(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as a Typst document."""
        return self._rendered("typst", steps, notation, lang)

    def tex(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> str:
        """Notes as a LaTeX document that compiles as it is."""
        return self._rendered("tex", steps, notation, lang)

    def pdf(self, *, steps: bool = True, notation: Notation | str = "standard", lang: str = "en") -> bytes:
        """Notes as a PDF, without TeX: the extra `pdf` brings the compiler."""
        from ..render import render_pdf

        this: Any = self
        return render_pdf(this, steps=steps, notation=notation, lang=lang)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}$$"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows: LaTeX where it is set, the text page elsewhere."""
        return {"text/plain": self.text(), "text/latex": self._repr_latex_()}

    def _rendered(self, form: str, steps: bool, notation: Notation | str, lang: str) -> str:
        from ..render import render

        this: Any = self  # one of those who inherit from this class
        return render(this, form, steps=steps, notation=notation, lang=lang)
