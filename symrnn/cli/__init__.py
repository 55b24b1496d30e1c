"""The command line: a thin shell that calls the library and prints what it answers.

`main`      from the arguments to an exit code
`process`   signals, streams and the end of a process that is the command
`parser`    the commands, their options and their help
`commands`  one function a command, which returns what to print
`export`    folders of pages
`apart`     a person's file, judged in a process of its own
`campaign`  checks over many seeds
`progress`  how far such a campaign is
`output`    standard output, standard error and files
"""

from .main import main

__all__ = ["main"]
