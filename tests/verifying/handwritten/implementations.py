"""Right implementations of seven cells in many styles, and the same ones respelt in ways that change nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from . import glue_custom, glue_gru, glue_lstm, glue_rnn
from .sheets import DELTA_RULE, GRU, GRU_RESET_AFTER, LSTM, PEEPHOLE_LSTM, RNN, TIED_MGU, Sheet

CODE = Path(__file__).with_name("code")

Glue = Callable[[ModuleType], tuple[Callable[..., tuple], Callable[..., tuple]]]


@dataclass(frozen=True, slots=True)
class Implementation:
    """A file of `code/`, perhaps respelt by `edits` (pairs of old and new text), and the glue to the canonical callables.

    `dtype` is the type in which the code computes. A backward pass that takes no `d_outputs` (only the final state is
    used) or no `d_final_state` has no such argument.
    """

    name: str
    path: Path
    sheet: Sheet
    style: str
    glue: Glue
    edits: tuple[tuple[str, str], ...] = ()
    dtype: str = "float64"

    @property
    def cell(self) -> str:
        return self.sheet.cell

    @property
    def source(self) -> str:
        return edited(self.path.read_text(encoding="utf-8"), self.edits, self.name)


def edited(source: str, edits: tuple[tuple[str, str], ...], name: str) -> str:
    """The source with each old text replaced by the new one; an old text occurs exactly once."""
    for old, new in edits:
        if source.count(old) != 1:
            raise AssertionError(f"{name}: {old!r} occurs {source.count(old)} times, not once")
        source = source.replace(old, new)
    return source


_WRITTEN = (
    ("rnn_plain", RNN, "plain", glue_rnn.plain),
    ("rnn_batch_first", RNN, "batch first, step with cache", glue_rnn.batch_first),
    ("rnn_fused", RNN, "one matrix over [h, x]", glue_rnn.fused),
    ("rnn_object", RNN, "object, accumulators, slot 0", glue_rnn.layer),
    ("rnn_char", RNN, "loss inside, columns, dicts over time", glue_rnn.char),
    ("rnn_columns", RNN, "features first, no batch", glue_rnn.over_columns),
    ("rnn_sgd", RNN, "updates in place", glue_rnn.sgd),
    ("rnn_last", RNN, "last step only", glue_rnn.last),
    ("lstm_plain", LSTM, "plain", glue_lstm.plain),
    ("lstm_batch_first", LSTM, "batch first, dict", glue_lstm.batch_first),
    ("lstm_fused", LSTM, "fused gates, cs231n", glue_lstm.fused),
    ("lstm_bias_row", LSTM, "fused over [1, x, h]", glue_lstm.bias_row),
    ("lstm_object", LSTM, "object, accumulators, slot 0", glue_lstm.layer),
    ("lstm_steps", LSTM, "steps, features first, [h; x]", glue_lstm.steps),
    ("lstm_column", LSTM, "columns, dicts over time, no batch", glue_lstm.column),
    ("lstm_last", LSTM, "last step only, features first", glue_lstm.last),
    ("peephole_plain", PEEPHOLE_LSTM, "plain", glue_lstm.peephole_plain),
    ("peephole_batch_first", PEEPHOLE_LSTM, "batch first, dicts", glue_lstm.peephole_batch_first),
    ("peephole_fused", PEEPHOLE_LSTM, "fused gates", glue_lstm.peephole_fused),
    ("peephole_object", PEEPHOLE_LSTM, "object, attributes", glue_lstm.peephole_layer),
    ("gru_plain", GRU, "plain", glue_gru.plain),
    ("gru_batch_first", GRU, "batch first, dict", glue_gru.batch_first),
    ("gru_fused", GRU, "fused gates over [x, h]", glue_gru.fused),
    ("gru_object", GRU, "object, step methods", glue_gru.layer),
    ("gru_sgd", GRU, "updates in place, columns", glue_gru.sgd),
    ("gru_steps", GRU, "steps, no batch", glue_gru.steps),
    ("reset_after_plain", GRU_RESET_AFTER, "plain", glue_gru.reset_after_plain),
    ("reset_after_batch_first", GRU_RESET_AFTER, "batch first, step with cache", glue_gru.reset_after_batch_first),
    ("reset_after_fused", GRU_RESET_AFTER, "fused gates, PyTorch's layout", glue_gru.reset_after_fused),
    ("reset_after_object", GRU_RESET_AFTER, "object, slot 0", glue_gru.reset_after_layer),
    ("delta_rule_plain", DELTA_RULE, "plain, einsum", glue_custom.memory_plain),
    ("delta_rule_batch_first", DELTA_RULE, "batch first", glue_custom.memory_batch_first),
    ("delta_rule_fused", DELTA_RULE, "fused projections, no batch", glue_custom.memory_fused),
    ("delta_rule_object", DELTA_RULE, "object, no batch", glue_custom.memory_object),
    ("tied_mgu_plain", TIED_MGU, "plain", glue_custom.mgu_plain),
    ("tied_mgu_batch_first", TIED_MGU, "batch first, step with cache", glue_custom.mgu_batch_first),
    ("tied_mgu_fused", TIED_MGU, "fused gates, einsum", glue_custom.mgu_fused),
    ("tied_mgu_object", TIED_MGU, "object, step methods, no batch", glue_custom.mgu_object),
)

WRITTEN = {name: Implementation(name, CODE / f"{name}.py", *rest) for name, *rest in _WRITTEN}
