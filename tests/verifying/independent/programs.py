"""The right programs."""

from . import glue_layers as layers
from . import glue_losses as losses
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
)  # fmt: skip

PROGRAMS = {
    name: Program(name, name, style, arrays, run, glue, T) for name, style, arrays, run, glue, T in _ROWS
}
