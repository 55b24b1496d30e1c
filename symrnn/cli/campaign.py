"""`symrnn check --seeds N` and `--random N`: a campaign, with its progress on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import say
from .parser import Call
from .progress import Bar

if TYPE_CHECKING:
    from ..campaign import Summary
    from ..equations import Cell


def run_campaign(cells: Sequence[Cell], call: Call) -> Summary:
    """Run the campaign that a call describes."""
    from .. import campaign
    from ..campaign.executors import dask_executor

    if call.random is not None:
        plan = campaign.plan_random(call.random, first_seed=call.seed)
    else:
        plan = campaign.plan(cells, seeds=call.seeds or 1, first_seed=call.seed)
    bar = Bar(sys.stderr)
    try:
        if call.dask is None:
            return campaign.run(plan, jobs=call.jobs, journal=call.journal, progress=bar.show)
        logging.disable()  # Dask logs what the one message at the end says
        with dask_executor(call.dask) as executor:
            return campaign.run(plan, executor=executor, journal=call.journal, progress=bar.show)
    except KeyboardInterrupt:
        bar.end()
        say(f"symrnn: interrupted {_what_remains(bar, call)}")
        raise
    finally:
        logging.disable(logging.NOTSET)
        bar.end()


def _what_remains(bar: Bar, call: Call) -> str:
    done = bar.seen
    far = f"after {done.done:,} of {done.total:,} checks" if done else "before the first check"
    if call.journal is None:
        return f"{far}; with --journal FILE the same call could go on from there"
    return f"{far}; the same call goes on from there, by the journal {call.journal}"
