"""The right programs."""

from . import glue_cells as cells
from . import glue_layers as layers
from . import glue_losses as losses
from . import glue_networks as networks
from .program import Program


def _gates(gates, **shapes):
    return "; ".join(f"{p}{k}: {shape}" for k in gates for p, shape in shapes.items())


_ROWS = (
    ("char_script", "script with globals, one-hot columns, softmax inside", "U: H K; W: H H; V: K H; b: H 1; c: K 1; h_prev: H 1", losses.run_chars, losses.verify_chars, 7),
    ("word_model", "class, word indices, no biases, a walk back at each step", "U: H K; V: K H; W: H H", losses.run_words, losses.verify_words, 7),
    ("classify_batch", "batch first, mean loss on the last output, dict", "Wx: D H; Wh: H H; bh: H; Wy: H K; by: K; x: N T D", losses.run_classifier, losses.verify_classifier, 7),
    ("sentiment", "class, columns, loss on the last output, updates", "Whh: H H; Wxh: H D; Why: K H; bh: H 1; by: K 1; x: T D 1", losses.run_sentiment, losses.verify_sentiment_network, 7),
    ("adding_lstm", "one function, fused over [x, h], regression at the end", "W: D+H H+H+H+H; b: H+H+H+H; w_out: H; b_out: ; X: T N D", losses.run_adding, losses.verify_adding, 7),
    ("torch_step", "torch, the step is an autograd function, zeros at first", "W: H D; R: H H; b: H; x: T N D; g: T N H", layers.run_torch_step, layers.verify_torch_step, 4),
    ("torch_gates", "torch, batch first, own sigmoid, zeros at first", "w_ih: H+H+H+H D; w_hh: H+H+H+H H; bias: H+H+H+H; x: N T D; g: N T H", layers.run_torch_gates, layers.verify_torch_gates, 4),
    ("torch_by_hand", "torch tensors, lists of gates, backward by hand, zeros at first", _gates("zrn", w="H D", u="H H", b="H") + "; x: T N D; g: T N H", layers.run_torch_by_hand, layers.verify_torch_by_hand, 4),
    ("layer_attributes", "object, every gradient an attribute", "Wx: D H; Wh: H H; b: H; x: T N D; h0: N H; g: T N H", layers.run_layer, layers.verify_layer, 4),
    ("lstm_attributes", "object, attributes by setattr, arrays over time", _gates("ifgo", W="H D", U="H H", b="H") + "; x: T N D; g: T N H", layers.run_lstm_attributes, layers.verify_lstm_attributes, 4),
    ("rnn_trace", "functions, batch first, hands out the gradient of every state", "U: D H; W: H H; b: H; x: N T D; g: N T H", layers.run_trace, layers.verify_trace, 4),
    ("trainer_rnn", "object that updates itself and returns dx, dh0", "Wx: H D; Wh: H H; b: H; x: T N D; h0: N H; g: T N H", layers.run_trainer, layers.verify_trainer, 4),
    ("trainer_gru", "features first, updates a dict and returns a dict", _gates("zrc", W="H D", U="H H", b="H 1") + "; X: D N T; h0: H N; g: H N T", layers.run_trainer_gru, layers.verify_trainer_gru, 4),
    ("trainer_lstm", "object, fused over [x, h], updates and returns all", "W: H+H+H+H D+H; b: H+H+H+H; x: T N D; h0: N H; c0: N H; g: T N H", layers.run_trainer_lstm, layers.verify_trainer_lstm, 4),
    ("logistic_rnn", "functions, time first, derivative helpers, dict", "W_in: D H; W_rec: H H; b: H; x: T N D; h0: N H; g: T N H", cells.run_logistic, cells.verify_logistic, 4),
    ("gru_cached", "step functions with a cache, batch first, gates z and r fused", "Wg: D H+H; Ug: H H+H; bg: H+H; Wc: D H; Uc: H H; bc: H; x: N T D; h0: N H; g: N T H", cells.run_gru_cached, cells.verify_gru_cached, 4),
    ("gru_after", "class over a dict, lists over time, reset after the product", "W_ir: H D; W_hr: H H; b_r: H; W_iz: H D; W_hz: H H; b_z: H; W_hn: H H; b_hn: H; W_in: H D; b_in: H; x: T N D; h0: N H; g: T N H", cells.run_gru_after, cells.verify_gru_after, 4),
    ("rnn_slices", "deltas in an array, weight gradients after the loop", "W_xh: D H; W_hh: H H; b_h: H; X: T N D; h0: N H; g: T N H", cells.run_rnn_slices, cells.verify_rnn_slices, 4),
    ("lstm_slices", "batch first, arrays with slot 0, flattened products", "W: D H+H+H+H; U: H H+H+H+H; b: H+H+H+H; x: N T D; h0: N H; c0: N H; g: N T H", cells.run_lstm_slices, cells.verify_lstm_slices, 4),
    ("columns_lists", "lists of columns, dict with -1, deltas in a list", "U: H D; W: H H; b: H 1; xs: T D 1; s0: H 1; g: T H 1", cells.run_columns, cells.verify_columns, 4),
    ("softmax_tagger", "class with a dict, softmax at every step, mean of all", "Wxh: D H; Whh: H H; bh: H; Who: H K; bo: K; x: T N D", networks.run_tagger, networks.verify_tagger, 4),
    ("safe_lstm", "one sequence, fused over [h; x], an epsilon in the sigmoid", "W: H+H+H+H H+D; b: H+H+H+H; xs: T D; h: H; c: H; g: T H", cells.run_safe_lstm, cells.verify_safe_lstm, 4),
    ("safe_softmax", "one function, one-hot targets, an epsilon in the softmax", "U: D H; W: H H; V: H K; bh: H; by: K; X: N T D", networks.run_safe_softmax, networks.verify_safe_softmax, 4),
    ("safe_gru", "callable class, lists of gates, an epsilon in the division", _gates("zrn", W="D H", R="H H", b="H") + "; x: N T D; h0: N H; g: N T H", cells.run_safe_gru, cells.verify_safe_gru, 4),
    ("stacked", "class, parameters in lists per layer, squared error", "h1.W: H D; h1.R: H H; h1.b: H; h2.W: G H; h2.R: G G; h2.b: G; V: K G; c: K; x: T N D", networks.run_stacked, networks.verify_stacked, 4),
    ("two_layer_words", "one function, batch first ids, embedding, list of dicts", "E: K D; W1: D H; R1: H H; b1: H; W2: H G; R2: G G; b2: G; V: G K; c: K", networks.run_two_layers, networks.verify_two_layers, 5),
    ("next_value", "one sequence, targets are the next inputs, no bias", "Wx: H D; Wh: H H; b: H; Wo: D H; series: T D", networks.run_next_value, networks.verify_next_value, 5),
    ("binary_sum", "sizes are constants, updates with +=, eight steps", "W0: 2 H; Wh: H H; W1: H 1", networks.run_binary, networks.verify_binary, 8),
)  # fmt: skip

PROGRAMS = {name: Program(name, name, style, arrays, run, glue, T) for name, style, arrays, run, glue, T in _ROWS}
