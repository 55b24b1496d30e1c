"""Derivatives that run forward in time, on paper: rates, products of the Hessian, RTRL, eligibility traces.

`leaf`       what the pages share: names of rates, total derivatives, factors of each row
`rates`      the rates of the forward equations, and of the backward ones
`influence`  the recurrence of the influence matrices, local Jacobians in closed form
`traces`     the recurrences of eligibility traces, and what they drop
`costs`      what each way keeps and takes, in symbols
`document`   whole documents, and the blocks of their pages
"""

from .document import Ahead, build_ahead_article, build_ahead_document

__all__ = ["Ahead", "build_ahead_article", "build_ahead_document"]
