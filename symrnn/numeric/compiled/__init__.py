"""Emitted C, compiled and called: the kernel for small sizes, where calls of NumPy cost more than what they compute.

`compiler`  finding a C compiler; source -> a shared library, kept in the user's private cache
`rows`      arrays one after the other in one buffer
`passes`    a library's functions with the arguments that emitted NumPy has
"""

from ...contents import TYPE_CHECKING, contents

if TYPE_CHECKING:
    from .compiler import find_compiler as find_compiler
    from .passes import compiled_passes as compiled_passes
else:
    __getattr__, __dir__ = contents()
