"""A language model of characters and its training: one curve for one seed, and on from where a kill left it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ..checking import check_case
from ..equations import Network
from ..equations.network_sample import complete_network_dims
from ..equations.sample import Arrays
from ..errors import OptionError, shorten
from ..files import told, write_whole
from ..library import network as read_network
from ..sizes import shape_at
from .characters import Characters, bits, streams
from .trainer import Trainer
from .updates import RULES, write_update
from .windows import Window, Windows, plan_windows

Array = np.ndarray[Any, Any]

_SAVE, _LOOK = 20.0, 0.25
"""Seconds between checkpoints, and between looks at how far it is."""
_FADE = 0.98
"""How much of the mean of the training loss is of earlier steps."""
_MOST_READ = 65_536
"""So many characters of the held-out part are read at once in every stream."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained, on which text, and how; `steps` or `seconds` say when it ends."""

    text: str = field(repr=False)
    cell: str = "lstm"
    layers: int = 2
    size: int = 128
    streams: int = 32
    window: int = 50
    back: int | None = None
    rule: str = "adam"
    rate: float | None = None
    clip: float = 5.0
    decay: float = 0.0
    seed: int = 0
    dtype: str = "float32"
    backend: str = "numpy"
    steps: int | None = None
    seconds: float | None = 180.0

    @property
    def mark(self) -> str:
        """What a checkpoint must have been made with to be gone on from."""
        said = {name: value for name, value in asdict(self).items() if name not in ("text", "steps", "seconds")}
        digest = sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
        return json.dumps({**said, "text": digest}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: the training loss, smoothed, in bits a character; now and then a sample. At the end also what the
    held-out part needs, by this model and by counted pairs. `checked` says how the gradients were found right."""

    checked: str
    step: int
    steps: int | None
    seconds: float
    limit: float | None
    bits: float
    held: float | None = None
    bigram: float | None = None
    sample: str | None = None


def write_model(cell: str, layers: int) -> str:
    """The network: characters in, layers of a cell, a read-out of the last."""
    lines = [f"    h{k} = scan({cell}, {f'h{k - 1}' if k > 1 else 'embed(E, ids)'})" for k in range(1, layers + 1)]
    return "\n".join([
        "def char_rnn(ids: integer(K), targets: integer(K)) -> mean(T, N):",
        f'    """A model of characters: {layers} layer{"s" * (layers > 1)} of {cell} (Karpathy 2015)."""',
        *lines,
        f"    z = V @ h{layers} + c",
        "    return cross_entropy(z, targets), (z,)",
        "",
    ])  # fmt: skip


def train(order: Order, checkpoint: Path | None = None) -> Iterator[Progress]:
    """Train, telling now and then how far it is; with a `checkpoint` what is done is kept there, and gone on from."""
    run = _Run.begin(order)
    checked = _check_gradients(write_model(order.cell, order.layers))
    if checkpoint is not None:
        run.read(checkpoint)
    start = saved = time.monotonic()
    told_at = 0.0
    while (order.steps is None or run.step < order.steps) and (
        order.seconds is None or run.seconds + time.monotonic() - start < order.seconds
    ):
        run.advance()
        now = time.monotonic()
        sample = None
        if now - saved >= _SAVE:
            if checkpoint is not None:
                run.write(checkpoint, now - start)
            saved, sample = now, run.sample(100)
        if sample or now - told_at >= _LOOK:
            told_at = now
            yield Progress(
                checked, run.step, order.steps, run.seconds + now - start, order.seconds, run.bits, sample=sample
            )
    spent = time.monotonic() - start
    if checkpoint is not None:
        run.write(checkpoint, spent)
    yield Progress(
        checked, run.step, order.steps, run.seconds + spent, order.seconds, run.bits,
        run.held_bits(), run.characters.bigram_bits(), run.sample(300),
    )  # fmt: skip


@cache
def _check_gradients(text: str) -> str:
    """Every gradient of the network beside complex step, at small sizes; once in a process."""
    report = check_case(text, T=3, N=2)
    if not report:
        raise OptionError(f"the gradients of this network are not right\n{report.text()}")
    return report.headline


@dataclass(slots=True)
class _Run:
    """Where training stands."""

    order: Order
    network: Network
    characters: Characters
    windows: Windows
    trainer: Trainer
    ids: Array
    plan: list[Window]
    step: int = 0
    seconds: float = 0.0
    mean: float = 0.0
    weight: float = 0.0
    curve: list[float] = field(default_factory=list[float])
    carried: Arrays = field(default_factory=dict[str, Array])

    @staticmethod
    def begin(order: Order) -> _Run:
        characters = Characters.of(order.text, order.streams * (order.window + 1))
        network = read_network(write_model(order.cell, order.layers))
        windows = Windows.of(network, order.window, order.back, dtype=order.dtype, backend=order.backend)
        sizes = {dim: order.size for dim in network.dims if dim == "h1.m" or dim.endswith(".n")}
        sizes["K"] = len(characters.alphabet)
        params = _draw(network, complete_network_dims(network, sizes), order.seed, order.dtype)
        update = write_update(order.rule, clip_norm=order.clip, decay=order.decay)
        scalars = {**RULES[order.rule], **({"eta": order.rate} if order.rate else {})}
        ids = streams(characters.train, order.streams)
        plan = list(plan_windows(len(ids) - 1, windows.k1, windows.k2))
        return _Run(order, network, characters, windows, Trainer(params, update, scalars), ids, plan)

    @property
    def bits(self) -> float:
        return bits(self.mean / self.weight) if self.weight else float("nan")

    def advance(self) -> None:
        """One window, and the update by its gradients; behind the last window the text begins again."""
        x, targets = self.ids[:-1], self.ids[1:]
        window = self.plan[self.step % len(self.plan)]
        if window is self.plan[0]:
            self.carried = self.windows.first(self.trainer.params, self.order.streams)
        gone = self.windows.run(self.trainer.params, {"ids": x, "targets": targets}, self.carried, window)
        if not np.isfinite(gone.loss):
            raise OptionError(
                f"the loss is {gone.loss} at step {self.step:,}\n  mend: a smaller --rate than "
                f"{self.order.rate or RULES[self.order.rule]['eta']}, or a smaller --clip"
            )
        self.trainer.step(gone.gradients)
        self.carried = gone.carried
        self.mean, self.weight = _FADE * self.mean + gone.loss, _FADE * self.weight + 1
        self.curve.append(bits(gone.loss))
        self.step += 1

    def held_bits(self) -> float:
        """Bits a character of the held-out part, read from its beginning to its end."""
        ids = self.characters.held[:, None]
        carried, total = self.windows.first(self.trainer.params, 1), 0.0
        for begin in range(0, len(ids) - 1, _MOST_READ):
            piece = {"ids": ids[:-1][begin : begin + _MOST_READ], "targets": ids[1:][begin : begin + _MOST_READ]}
            outputs, carried = self.windows.go_on(self.trainer.params, piece, carried)
            total += float(outputs["loss"].sum(dtype="float64"))
        return bits(total / (len(ids) - 1))

    def sample(self, count: int) -> str:
        """What the model writes when each character is drawn as it says, after the first of the text."""
        draw = np.random.default_rng([self.order.seed, self.step])
        carried = self.windows.first(self.trainer.params, 1)
        written = [int(self.characters.train[0])]
        for _ in range(count - 1):
            last = np.array([[written[-1]]])
            outputs, carried = self.windows.go_on(self.trainer.params, {"ids": last, "targets": last}, carried)
            z = outputs["z"][0, 0].astype("float64")
            p = np.exp(z - z.max())
            written.append(int(draw.choice(len(p), p=p / p.sum())))
        return self.characters.text(np.array(written))

    # Checkpoints --------------------------------------------------------------------------------------------

    def write(self, path: Path, spent: float) -> None:
        """Keep where it stands, whole or not at all."""
        held = {
            "mark": np.array(self.order.mark), "step": np.array(self.step),
            "seconds": np.array(self.seconds + spent), "mean": np.array([self.mean, self.weight]),
            "curve": np.array(self.curve), **self.trainer.held(),
            **{f"carried.{name}": value for name, value in self.carried.items()},
        }  # fmt: skip
        into = io.BytesIO()
        np.savez(into, allow_pickle=False, **held)
        with told(str(path)):
            write_whole(path, into.getvalue())

    def read(self, path: Path) -> None:
        """Stand where a checkpoint stands, if there is one; a file that is something else is left alone."""
        if not path.exists():
            return
        shown = shorten(str(path), 200)
        try:
            with np.load(path, allow_pickle=False) as file:
                held = {name: file[name] for name in file.files}
            mark = json.loads(str(held["mark"]))
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise OptionError(f"{shown} is no checkpoint of a training: {error}\n  mend: another name") from None
        own = json.loads(self.order.mark)
        other = [name for name in own if own[name] != mark.get(name)]
        if other:
            what = ", ".join("another text" if name == "text" else f"{name} = {mark.get(name)}" for name in other)
            raise OptionError(f"{shown} is of a training with {what}\n  mend: another name, or remove the file")
        self.trainer.restore(held)
        self.step, self.seconds = int(held["step"]), float(held["seconds"])
        self.mean, self.weight = map(float, held["mean"])
        self.curve = [float(value) for value in held["curve"]]
        self.carried = {name.removeprefix("carried."): held[name] for name in held if name.startswith("carried.")}


def _draw(network: Network, sizes: dict[str, int], seed: int, dtype: str) -> Arrays:
    """Matrices uniform within ± one over the root of their columns; vectors and numbers zero."""
    draw = np.random.default_rng(seed)
    params: Arrays = {}
    for name, shape in network.params.items():
        whole = shape_at(shape, sizes)
        values = draw.uniform(-1, 1, whole) * whole[-1] ** -0.5 if len(whole) == 2 else np.zeros(whole)
        params[name] = values.astype(dtype)
    return params
