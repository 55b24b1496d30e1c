"""The language of networks: cells and the wires between them, read and never run.

`arguments`  what a network is given: sequences, contexts, tokens, lengths
`find`       which definition of a text is its network
`read`       a function definition -> `Wiring`
`items`      its lines: computed, wired, scanned
`infer`      names, shapes and axes -> `Plan`; `known` what is known on the way, `scans` the lines that scan
"""

from ...contents import TYPE_CHECKING, contents

if TYPE_CHECKING:
    from .find import find_network as find_network
    from .find import is_network as is_network
    from .find import refuse_network as refuse_network
    from .infer import infer_network as infer_network
    from .items import EACH as EACH
    from .items import FIXED as FIXED
    from .items import STEPS as STEPS
    from .items import Argument as Argument
    from .items import Way as Way
    from .items import Wiring as Wiring
    from .items import has_steps as has_steps
    from .known import FindCell as FindCell
    from .plan import Computed as Computed
    from .plan import Plan as Plan
    from .plan import Scanned as Scanned
    from .plan import Step as Step
    from .plan import Wired as Wired
    from .read import read_wiring as read_wiring
else:
    __getattr__, __dir__ = contents()
