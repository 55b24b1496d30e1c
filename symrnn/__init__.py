"""symrnn: the gradient of a recurrent cell, derived, printed, computed and proved.

    import symrnn

    cell = symrnn.cell(text)          a cell from text or from a function (also as a decorator)
    cell = symrnn.load("lstm")        a cell of the zoo, or from a file
    net = symrnn.network(text)        cells and wires, from tokens to loss; stands where a cell stands
    d = symrnn.derive(cell)           its backward equations: d.text(), d.latex(), d.numpy()
    symrnn.tangent(cell)              forward mode: rates of every value; rtrl, traces and hessian_product besides
    symrnn.prove(cell)                exact proof in scalar components
    symrnn.check(cell)                numeric check against independent oracles
    symrnn.compare("lstm", "gru")     which equations of two cells differ
    symrnn.verify(cell, backward)     hand-written backprop: what is wrong, and why
    symrnn.flow("lstm", T=100)        where the gradient goes: norms, Jacobians, paths
    symrnn.single_unit((0.9, 1.1))    how long one unit feels an input; symrnn.error_surface(): its error, and the cliff

Names are imported when they are first used, so that `symrnn --help` needs neither SymPy nor NumPy.
"""

from __future__ import annotations

from .contents import TYPE_CHECKING, contents
from .version import __version__ as __version__

if TYPE_CHECKING:
    from .checking import CheckReport as CheckReport
    from .checking import Proof as Proof
    from .checking import check as check
    from .checking import prove as prove
    from .derivation import Derivation as Derivation
    from .derivation import HessianProduct as HessianProduct
    from .derivation import Influence as Influence
    from .derivation import NetworkDerivation as NetworkDerivation
    from .derivation import Tangent as Tangent
    from .derivation import Traces as Traces
    from .derivation import derive as derive
    from .derivation import hessian_product as hessian_product
    from .derivation import rtrl as rtrl
    from .derivation import tangent as tangent
    from .derivation import traces as traces
    from .equations import Cell as Cell
    from .equations import Equation as Equation
    from .equations import Network as Network
    from .equations import Term as Term
    from .equations import cell as cell
    from .equations.sample import Sample as Sample
    from .errors import CellError as CellError
    from .errors import CellWarning as CellWarning
    from .errors import CompilerError as CompilerError
    from .errors import InputError as InputError
    from .errors import KernelWarning as KernelWarning
    from .errors import OptionError as OptionError
    from .errors import SymrnnError as SymrnnError
    from .flowing import Flow as Flow
    from .flowing import cliff as cliff
    from .flowing import error_surface as error_surface
    from .flowing import flow as flow
    from .flowing import single_unit as single_unit
    from .layouts import Layout as Layout
    from .library import load as load
    from .library import network as network
    from .library import networks as networks
    from .library import zoo as zoo
    from .numeric import Gradients as Gradients
    from .numeric import Kernel as Kernel
    from .render import Difference as Difference
    from .render import compare as compare
    from .verifying import Finding as Finding
    from .verifying import VerifyReport as VerifyReport
    from .verifying import verify as verify
else:
    __getattr__, __dir__ = contents()
