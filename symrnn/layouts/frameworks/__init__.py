"""The rows of the table of layouts, a module for each group of frameworks.

Names of nested parameters are joined by dots, as in `ii.kernel`. A row is about arrays alone; where the data axes are
those of a single step, x and outputs are left as they are in the cell.
"""
