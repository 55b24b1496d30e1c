"""Trust in whole networks: what they mean, where they are checked, what may be off, and the proof.

`meaning`      what a network's text computes: an interpreter of its plan, over any kit
`points`       where a network is checked, and its loss there as a problem for the oracles
`passes`       the plain programs of its blocks, for arrays of any class
`subject`      a network at a point, as a check asks for it
`interpreter`  a network's derivation over any kit, for one sequence
`steps`        a few steps in components, for the proof
"""
