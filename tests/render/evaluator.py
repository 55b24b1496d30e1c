"""Formulas as they are printed, computed with NumPy: a reader of the text page that shares no code with symrnn.

Vectors are columns (k, 1) or rows (1, k), and every product is taken as its signs say, so a transpose that is missing or
a factor on the wrong side shows as a wrong shape or a wrong number.
"""

import math
import re

import numpy as np

RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))


def sigma(a):
    return 1 / (1 + np.exp(-a))


normal = np.vectorize(lambda a: (1 + math.erf(a / math.sqrt(2))) / 2, otypes=[float])

FUNCTIONS = {
    "σ": sigma,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "relu": lambda a: np.maximum(a, 0),
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "sum": np.sum,
    "mean": np.mean,
    # A matrix row by row.
    "softmax": lambda a: np.exp(a) / np.exp(a).sum(axis=None if 1 in a.shape else 1, keepdims=True),
    "diag": lambda a: np.diag(a.ravel()),
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "floor": np.floor,
    "mod": np.mod,
    "max": np.maximum,
    "min": np.minimum,
    "softplus": lambda a: np.log1p(np.exp(a)),
    "silu": lambda a: a * sigma(a),
    "gelu": lambda a: a * normal(a),
    "gelu_tanh": lambda a: a / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))),
    "Φ": lambda a: normal(a),
    "φ": lambda a: np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi),
    "leaky_relu": lambda a, slope: np.where(a > 0, a, slope * a),
    "clip": np.clip,
    "sg": lambda a: a,
    "elu": lambda a, alpha: np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0))),
    "logsumexp": lambda a: np.log(np.exp(a).sum()),
    "cross_entropy": lambda z, y: np.log(np.exp(z).sum()) - (y * z).sum(),
    "binary_cross_entropy": lambda z, y: (np.log1p(np.exp(z)) - y * z).sum(),
    "squared_error": lambda z, y: ((z - y) ** 2).sum() / 2,
    "where": lambda condition, a, b: np.where(condition > 0, a, b),
}
COMPARISONS = {">": np.greater, "≥": np.greater_equal, "<": np.less, "≤": np.less_equal}
SLOPES = {
    "σ": lambda a: sigma(a) * (1 - sigma(a)),
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
    "relu": lambda a: 1.0 * (a > 0),
    "hard_sigmoid": lambda a: (np.abs(a) < 3) / 6,
    "softplus": sigma,
    "silu": lambda a: sigma(a) * (1 + a * (1 - sigma(a))),
}


SLOPES |= {
    "gelu": lambda a: FUNCTIONS["Φ"](a) + a * FUNCTIONS["φ"](a),
    "gelu_tanh": lambda a: np.imag(FUNCTIONS["gelu_tanh"](a + 1e-20j)) / 1e-20,
    "leaky_relu": lambda a, slope: np.where(a > 0, 1, slope),
    "elu": lambda a, alpha: np.where(a > 0, 1, alpha * np.exp(np.minimum(a, 0))),
    "clip": lambda a, low, high: 1.0 * ((a >= low) & (a <= high)),
    "exp": np.exp, "log": lambda a: 1 / a, "sin": np.cos, "cos": lambda a: -np.sin(a),
    "erf": lambda a: 2 / np.sqrt(np.pi) * np.exp(-(a**2)),
}  # fmt: skip


class Page:
    """The numbered equations of a text page, and how to compute them."""

    def __init__(self, text, names, sizes, rows):
        """`names` are those that formulas may use, `sizes` the dimensions; `rows` says that vectors are rows."""
        self.lines = equations(text)
        self.names = sorted(names, key=len, reverse=True)
        self.sizes = sizes
        self.rows = rows
        self.ties = False
        """Whether two sides of a comparison were equal: the legend says what holds at kinks, formulas do not."""

    def compute(self, values, shapes):
        """All left sides in turn, from the values of what is given; `shapes` are those of the left sides as arrays."""
        values = dict(values)
        for left, right in self.lines:
            shape = shapes[left]
            value = Reader(self, values, right, shape).whole()
            assert np.shape(value) in ((), shape), f"{left} = {right}: {np.shape(value)}, not {shape}"
            values[left] = np.broadcast_to(value, shape) if shape else np.asarray(value)
        return values


def equations(text):
    """The numbered lines of a page as pairs of left and right sides, broken lines put together."""
    pairs = []
    for line in text[text.index("Forward,") :].splitlines():
        numbered = re.match(r"  \((\d+)\) +(.*?) += (.*)", line)
        if numbered:
            pairs.append([numbered[2].strip(), numbered[3]])
        elif pairs and line.startswith("          ") and " = " not in line:
            pairs[-1][1] += " " + line.strip()
    return [tuple(pair) for pair in pairs]


class Reader:
    """Recursive descent over one right side."""

    def __init__(self, page, values, text, shape):
        self.shape = shape
        self.page = page
        self.values = values
        self.text = text
        self.place = 0

    def whole(self):
        value = self.sum()
        assert not self.rest(), f"not read: {self.rest()!r} of {self.text!r}"
        return value

    def rest(self):
        self.place += len(self.text[self.place :]) - len(self.text[self.place :].lstrip())
        return self.text[self.place :]

    def takes(self, sign):
        if self.rest().startswith(sign):
            self.place += len(sign)
            return True
        return False

    def sum(self):
        if self.takes("Σ_t"):
            return self.sum()
        value = -self.product() if self.takes("−") else self.product()
        while True:
            if self.takes("+"):
                value = value + self.product()
            elif self.takes("−"):
                value = value - self.product()
            else:
                return value

    def product(self):
        value = self.beside()
        while True:
            if self.takes("⊙") or self.takes("∘") or self.takes("∗"):
                other = self.beside()
                assert np.shape(value) == np.shape(other) or () in (np.shape(value), np.shape(other)), self.text
                value = value * other
            elif self.takes("·"):
                value = value * self.beside()
            elif self.takes("/"):
                value = value / self.beside()
            else:
                return value

    def beside(self):
        value = self.postfix()
        while self.rest() and (self.rest()[0] not in "+−⊙∘∗·/)];,>≥≤<⟩|‖=←" or self.opens()):
            other = self.postfix()
            if () in (np.shape(value), np.shape(other)):
                value = value * other
            else:
                value = value @ other
                value = value.item() if value.shape == (1, 1) else value
        return value

    def opens(self):
        """Whether a bar begins something: one that ends it has no space before it."""
        return self.rest()[0] in "|‖" and self.text[self.place - 1] == " "

    def postfix(self):
        value = self.atom()
        while True:
            following = self.text[self.place : self.place + 1]  # an index follows without a space
            if self.takes("ᵀ"):
                value = value.T
            elif self.text[self.place : self.place + 1] in RAISED:
                value = value ** self.raised()
            elif self.takes("^⊙") or self.takes("^∘") or self.takes("^∗"):
                power = self.match(r"(\d+)|\((\d+)/(\d+)\)")
                value = value ** (int(power[1]) if power[1] else int(power[2]) / int(power[3]))
            elif self.takes("^("):
                fraction = self.match(r"(\d+)/(\d+)\)")
                value = value ** (int(fraction[1]) / int(fraction[2]))
            elif following == "[":
                value = self.part(value)
            else:
                return value

    def raised(self):
        digits = ""
        while self.text[self.place : self.place + 1] in RAISED and self.place < len(self.text):
            digits += RAISED[self.text[self.place]]
            self.place += 1
        return int(digits)

    def match(self, pattern):
        found = re.compile(pattern).match(self.text, self.place)
        assert found, f"{pattern} at {self.text[self.place :]!r}"
        self.place = found.end()
        return found

    def atom(self):
        rest = self.rest()
        for name in self.page.names:
            after = rest[len(name) : len(name) + 1]
            if rest.startswith(name) and not (
                (after.isalnum() and after not in "ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹") or after == "_" or (after == "(" and name in FUNCTIONS)
            ):
                self.place += len(name)
                return self.values[name]
        function = re.match(r"([A-Za-zσΦφ_]+)(′?)([⁰¹²³⁴⁵⁶⁷⁸⁹]*)\(", rest)
        if function:
            self.place += function.end()
            inner = [self.comparison()]
            while self.takes(",") or self.takes(";"):
                inner.append(self.sum())
            if function[1] == "diagonal":
                value = np.diagonal(inner[0]).reshape((1, -1) if self.page.rows else (-1, 1))
            else:
                value = (SLOPES if function[2] else FUNCTIONS)[function[1]](*inner)
            assert self.takes(")")
            return value ** int("".join(RAISED[d] for d in function[3])) if function[3] else value
        if self.takes("("):
            value = self.sum()
            assert self.takes(")"), self.text
            return value
        if self.takes("⟨"):
            left = self.sum()
            assert self.takes(",")
            value = np.sum(left * self.sum())
            assert self.takes("⟩")
            return value
        if self.takes("‖"):
            value = np.sqrt(np.sum(self.sum() ** 2))
            assert self.takes("‖")
            self.takes("_F")
            return value
        if self.takes("|"):
            value = np.abs(self.sum())
            assert self.takes("|")
            return value
        if self.takes("√("):
            value = np.sqrt(self.sum())
            assert self.takes(")")
            return value
        if self.takes("√"):
            return np.sqrt(self.atom())
        if self.takes("π"):
            return np.pi
        if self.takes("𝟏"):
            return 1.0
        if self.takes("𝟎["):
            return self.placed()
        if self.takes("["):
            return self.bracket()
        if self.takes("𝟎_{") or self.takes("𝟎_"):
            size = self.size(self.match(r"[^};\],]+")[0])
            self.takes("}")
            return np.zeros((1, size) if self.page.rows else (size, 1))
        number = re.match(r"\d+(\.\d+)?(e−?\d+)?", rest)
        if number:
            self.place += number.end()
            return float(number[0].replace("−", "-"))
        if rest[:1] in self.page.sizes:
            self.place += 1
            return float(self.page.sizes[rest[0]])
        raise AssertionError(f"cannot read {rest!r} in {self.text!r}; names: {self.page.names}")

    def comparison(self):
        """a > b or a < b < c as 1 or 0, or a sum alone."""
        value, holds = self.sum(), []
        while sign := next((sign for sign in COMPARISONS if self.takes(sign)), None):
            left, value = value, self.sum()
            self.page.ties |= bool(np.any(left == value))
            holds.append(COMPARISONS[sign](left, value))
        return 1.0 * np.logical_and.reduce(holds) if holds else value

    def bracket(self):
        """[a; b] of columns, [a, b] of rows, or [a > b]."""
        parts = [self.comparison()]
        if self.takes("]"):
            return parts[0]
        separator = "," if self.page.rows else ";"
        while self.takes(separator):
            parts.append(self.sum())
        assert self.takes("]"), self.text
        return np.concatenate(parts, axis=1 if self.page.rows else 0)

    def placed(self):
        """𝟎[i, : ← v]: zeros of the shape of the left side with v in its place."""
        axes = self.axes(self.match(r"([^←]*)←")[1])
        value = self.sum()
        assert self.takes("]"), self.text
        whole = np.zeros(self.shape)
        if 1 in self.shape:
            whole.ravel()[axes[0]] = np.ravel(value) if isinstance(axes[0], slice) else np.sum(value)
        else:
            place = whole[tuple(axes)]
            whole[tuple(axes)] = np.reshape(value, place.shape)
        return whole

    def axes(self, text):
        axes = []
        for axis in text.split(","):
            bounds = [self.size(bound) if bound.strip() else None for bound in axis.split(":")]
            axes.append(bounds[0] if len(bounds) == 1 else slice(*bounds))
        return axes

    def part(self, value):
        """v[i:j], S[i, :]: what is one-dimensional comes out as a column or a row."""
        self.place += 1
        axes = self.axes(self.match(r"([^\]]*)\]")[1])
        vector = 1 in value.shape
        picked = value.ravel()[axes[0]] if vector else value[tuple(axes)]
        if np.ndim(picked) == 1:
            return picked.reshape((1, -1) if self.page.rows else (-1, 1))
        return picked

    def size(self, text):
        total = 0
        for sign, number, name in re.findall(r"([+−]?)\s*(\d*)([a-z]?)", text):
            if number or name:
                term = int(number or 1) * (self.page.sizes[name] if name else 1)
                total += -term if sign == "−" else term
        return total
