"""Compiles emitted C files with sanitizers into one program, runs it on arrays, and reads what it computed."""

import pathlib
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

import symrnn
from symrnn.checking.oracles import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.equations.sample import default_dims
from symrnn.numeric.c import emit_c
from symrnn.numeric.c.names import identifier

COMPILER = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
FLAGS = """
-std=c99 -O0 -Wall -Wextra -Werror -pedantic -Wshadow -Wconversion -Wdouble-promotion -Wvla
-fsanitize=address,undefined -fno-sanitize-recover=all
"""
FLAGS = FLAGS.split()
DTYPES = {"double": ("float64", []), "float": ("float32", ["-DREAL_FLOAT"])}

# Every array has exactly its size, so that the sanitizer sees a step beyond it, and is full of NaN before it is
# written, so that what is read too early shows.
SUPPORT = """\
#include <stdio.h>
#include <stdlib.h>

static inline size_t number(FILE *in)
{
    unsigned long long value = 0;
    if (fread(&value, sizeof value, 1, in) != 1) exit(2);
    return (size_t)value;
}

static inline real *blank(size_t count)
{
    real *array = malloc(count ? count * sizeof(real) : 1);
    if (array == NULL) exit(3);
    for (size_t i = 0; i < count; i++) array[i] = (real)NOT_A_NUMBER;
    return array;
}

static inline real *given(FILE *in, size_t count)
{
    real *array = blank(count);
    if (fread(array, sizeof(real), count, in) != count) exit(4);
    return array;
}

static inline void done(FILE *out, real *array, size_t count)
{
    if (fwrite(array, sizeof(real), count, out) != count) exit(5);
    free(array);
}
"""


def unable():
    """Why nothing can be compiled here; empty when it can."""
    if COMPILER is None:
        return "there is no C compiler here (gcc, cc or clang)"
    program = "#include <math.h>\nint main(void) { return 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [COMPILER, *FLAGS, "-x", "c", "-", "-o", f"{folder}/program", "-lm"]
        result = subprocess.run(arguments, input=program, capture_output=True, text=True, timeout=60)
    return "" if result.returncode == 0 else f"{COMPILER} cannot build with sanitizers: {result.stderr[:200]}"


@dataclass
class Case:
    """A cell at a point, with gradients from above and the truth about everything."""

    cell: object
    source: str
    point: object
    upstream: object
    truth: dict
    outputs: dict
    final: dict
    kinked: bool


def case(cell, T=3, N=2, sizes=(4, 3), seed=5, dims=None):
    cell = symrnn.cell(cell) if isinstance(cell, str) else cell
    point, base, _ = find_point(cell, T, N, dims or default_dims(cell, sizes), seed)
    upstream = draw_upstreams(point, seed)[0]
    (truth,) = complex_step(point, (upstream,), base)
    kinked = any(found.any() for found in truth.kinked.values())

    def steps(name, shape):
        full = (N, *(size.value(point.dims) for size in shape))
        return np.stack([np.broadcast_to(values[name].real, (1, *full))[0] for values in base.run.steps])

    outputs = {name: steps(name, shape) for name, shape in cell.outputs.items()}
    final = {state.name: steps(state.new, cell.states[state.name])[-1] for state in cell.program.states}
    return Case(cell, emit_c(symrnn.derive(cell)), point, upstream, truth.values, outputs, final, kinked)


def arrays_in(case):
    """What the program reads, in order."""
    point, upstream = case.point, case.upstream
    named = [("params", point.params), ("x", point.x), ("state", point.state)]
    named += [("upstream", upstream.outputs), ("d_final", upstream.final)]
    orders = [case.cell.params, case.cell.inputs, case.cell.states, case.cell.outputs, case.cell.states]
    return [
        ((group, name), arrays[name]) for (group, arrays), order in zip(named, orders, strict=True) for name in order
    ]


def arrays_out(case):
    """What it writes, in order: outputs, final states, gradients; and then what it read, as it is afterwards."""
    result = [(("outputs", name), array) for name, array in case.outputs.items()]
    result += [(("final", name), case.final[name]) for name in case.cell.states]
    for group, order in (("params", case.cell.params), ("x", case.cell.inputs), ("state", case.cell.states)):
        result += [((group, name), case.truth[group, name]) for name in order]
    return result


def driver(case, k, null_states=False):
    """A function that runs one emitted file between two files of arrays."""
    cell, p = case.cell, identifier(case.cell.name)
    # Cells of the same name are in one program here.
    lines = [f"#define {p}_{word} {p}_{word}_{k}" for word in ("tape_size", "work_size", "forward", "backward")]
    lines += [f'#include "cell_{k}.c"', '#include "support.h"', f"void run_{k}(FILE *in, FILE *out);"]
    lines += [f"void run_{k}(FILE *in, FILE *out)", "{", "    const size_t T = number(in), N = number(in);"]
    sizes = ["T", "N"]
    for d, _ in enumerate(cell.dims):
        lines.append(f"    const size_t dim{d} = number(in);")
        sizes.append(f"dim{d}")
    counts, names = [], []
    for (group, _), array in arrays_in(case):
        counts.append(array.size)
        names.append(f"{group}{len(names)}")
        lines.append(f"    real *{names[-1]} = given(in, {array.size});")
    ins = {
        group: [n for n in names if n.rstrip("0123456789") == group]
        for group in ("params", "x", "state", "upstream", "d_final")
    }
    outs, made = {}, []
    for (group, _), array in arrays_out(case):
        made.append((f"made_{group}{len(made)}", array.size))
        outs.setdefault(group, []).append(made[-1][0])
        lines.append(f"    real *{made[-1][0]} = blank({array.size});")

    def struct(kind, variable, members):
        if not members:
            return []
        lines.append(f"    const {p}_{kind} {variable} = {{{', '.join(members)}}};")
        return [f"&{variable}"]

    initial, d_final = struct("states_in", "initial", ins["state"]), struct("states_in", "d_final", ins["d_final"])
    if null_states:
        lines.append("    (void)initial; (void)d_final;")
        initial = d_final = ["NULL"]
    params = struct("params", "params", ins["params"])
    final = struct("states_out", "final", outs.get("final", []))
    grads = struct("grads", "grads", outs.get("params", []))
    start = struct("states_out", "start", outs.get("state", []))
    lines.append(f"    real *tape = blank({p}_tape_size({', '.join(sizes)}));")
    work = f"{p}_work_size({', '.join(sizes[2:])})"
    lines.append(f"    real *work = blank({work});")
    forward = [*sizes, *params, *ins["x"], *initial, *outs["outputs"], *final, "tape", "work"]
    backward = [*sizes, *params, *ins["x"], "tape", *ins["upstream"], *d_final, *grads, *outs["x"], *start, "work"]
    lines += [f"    {p}_forward({', '.join(forward)});", "    free(work);", f"    work = blank({work});"]
    lines += [f"    {p}_backward({', '.join(backward)});", "    free(work);", "    free(tape);"]
    lines += [f"    done(out, {name}, {count});" for name, count in made]
    lines += [f"    done(out, {name}, {count});" for name, count in zip(names, counts, strict=True)]
    return "\n".join([*lines, "}", ""])


def main(count):
    declared = "\n".join(f"void run_{k}(FILE *in, FILE *out);" for k in range(count))
    calls = "\n".join(
        f'    in = fopen("{k}.in", "rb"); out = fopen("{k}.out", "wb");\n'
        f"    if (in == NULL || out == NULL) return 1;\n    run_{k}(in, out); fclose(in); fclose(out);"
        for k in range(count)
    )
    return f"#include <stdio.h>\n{declared}\nint main(void)\n{{\n    FILE *in, *out;\n{calls}\n    return 0;\n}}\n"


def command(arguments, folder):
    result = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{' '.join(map(str, arguments))}\n{result.stderr[:4000]}"


def run(cases, kind, folder, null_states=False):
    """Everything that each case computes in one type, by group and name, and what its inputs are afterwards."""
    dtype, defines = DTYPES[kind]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    quiet_nan = "#include <math.h>\n#define NOT_A_NUMBER NAN\n"
    (folder / "support.h").write_text(quiet_nan + SUPPORT)
    (folder / "main.c").write_text(main(len(cases)))
    for k, each in enumerate(cases):
        (folder / f"cell_{k}.c").write_text(each.source, encoding="utf-8")
        (folder / f"unit_{k}.c").write_text(driver(each, k, null_states))
        numbers = np.array([each.point.T, each.point.N, *(each.point.dims[d] for d in each.cell.dims)], np.uint64)
        data = b"".join(np.ascontiguousarray(array, dtype=dtype).tobytes() for _, array in arrays_in(each))
        (folder / f"{k}.in").write_bytes(numbers.tobytes() + data)
    units = ["main", *(f"unit_{k}" for k in range(len(cases)))]
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda unit: command([COMPILER, *FLAGS, *defines, "-c", f"{unit}.c", "-o", f"{unit}.o"], folder), units
            )
        )
    command([COMPILER, *FLAGS, *(f"{unit}.o" for unit in units), "-o", "program", "-lm"], folder)
    command([str(folder / "program")], folder)
    results = []
    for k, each in enumerate(cases):
        data, start, computed = np.fromfile(folder / f"{k}.out", dtype), 0, {}
        after = [(("after", *key), array) for key, array in arrays_in(each)]
        for key, array in [*arrays_out(each), *after]:
            computed[key] = data[start : start + array.size].reshape(array.shape)
            start += array.size
        assert start == data.size
        results.append(computed)
    return results


# An array that is this small beside the whole gradient is a difference of large terms: its entries are held to the
# rounding of those.
SMALL = 1e-2


def worst(case, computed):
    """The largest error of any entry, in parts of what its array is measured by."""
    overall = max(np.abs(value).max() for value in case.truth.values())
    result = 0.0
    for key, expected in arrays_out(case):
        scale = np.abs(expected).max()
        if key[0] not in ("outputs", "final"):
            scale = max(scale, SMALL * overall)
        difference = computed[key].astype(np.float64) - expected
        assert np.isfinite(difference).all(), f"{case.cell.name} {key}\n{case.cell.text}"
        error = np.abs(difference).max()
        result = max(result, error / scale if scale else error)
    for key, array in arrays_in(case):
        assert (computed["after", *key] == array.astype(computed["after", *key].dtype)).all(), f"{key} was changed"
    return result
