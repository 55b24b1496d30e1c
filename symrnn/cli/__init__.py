"""The command line: a thin shell that calls the library and prints what it answers.

`main`      from the arguments to an exit code
`parser`    the commands, their options and their help
`commands`  one function a command, which returns what to print
`apart`     a person's file, judged in a process of its own
`campaign`  checks over many seeds
`progress`  how far such a campaign is
`output`    standard output and files
"""

from .main import main

__all__ = ["main"]
