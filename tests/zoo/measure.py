"""How far the zoo is from each of its references: `python tests/zoo/measure.py [CELL …]` prints a line for each."""

import importlib.util
import pathlib
import sys
import warnings

import numpy as np

_spec = importlib.util.spec_from_file_location("zoo_comparison", pathlib.Path(__file__).with_name("test_references.py"))
comparison = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(comparison)


def worst(reference):
    """The largest difference, as the test measures it, in values and in gradients (None where there are none)."""
    found = {"values": 0.0, "gradients": None}
    for seed in (0, 1):
        for what, ours, theirs in comparison.compared(reference, seed):
            kind = "gradients" if what.startswith("∂") else "values"
            difference = np.abs(ours - theirs).max(initial=0.0) / max(1.0, np.abs(theirs).max(initial=0.0))
            found[kind] = max(found[kind] or 0.0, float(difference))
    return found


def main(names):
    warnings.simplefilter("ignore")
    rows = [r for r in comparison.references.REFERENCES if not names or r.cell in names]
    cells, third, close = set(), set(), set()
    for reference in rows:
        if reference.lacking:
            print(f"{reference}: {reference.lacking} is not installed")
            continue
        found = worst(reference)
        gradients = "    –   " if found["gradients"] is None else f"{found['gradients']:.1e}"
        print(f"values {found['values']:.1e}  gradients {gradients}  {reference}", flush=True)
        cells.add(reference.cell)
        if reference.third_party:
            third.add(reference.cell)
            if found["gradients"] is not None and max(found["values"], found["gradients"]) <= 1e-12:
                close.add(reference.cell)
    print(f"{len(rows)} references of {len(cells)} cells; {len(third)} cells against a third party, {len(close)} of")
    print("them in values and gradients to 1e-12")


if __name__ == "__main__":
    main(sys.argv[1:])
