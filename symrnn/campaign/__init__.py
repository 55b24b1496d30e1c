"""Campaigns: many checks of many cells, over sizes, kinds of values and seeds, on many processors, to be resumed.

`task`       one check: small, picklable, and run the same way everywhere
`plan`       which checks a campaign is made of
`random_cells`  a campaign over cells that are drawn
`journal`    what is done, in a file that survives being killed
`executors`  who does the work: processes of this machine, or a Dask cluster
`work`       tasks through an executor, with workers that may die
`run`        all of these together
`summary`    what came of it
"""

from .plan import Campaign, plan
from .random_cells import RandomCells, plan_random
from .run import Progress, run
from .summary import Failure, Summary
from .task import Outcome, Task, perform

__all__ = [
    "Campaign",
    "Failure",
    "Outcome",
    "Progress",
    "RandomCells",
    "Summary",
    "Task",
    "perform",
    "plan",
    "plan_random",
    "run",
]
