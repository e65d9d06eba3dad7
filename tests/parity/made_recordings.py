"""Recordings made up for the live reference: models of any shape with random weights and inputs.

They hold what a golden file holds of its inputs; what is expected of them, the reference says.
"""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from nrms_tf_reference.parity.recording import Recording

ROWS, STEPS = 9, 3  # of the article table, row 0 unknown; and training steps
SIZE = st.integers(1, 4)
_NORM = "batch_norm"


@st.composite
def recordings(draw):
    """Both models, with and without dense layers, with both losses."""
    heads = {"head_num": draw(SIZE), "head_dim": draw(SIZE), "attention_hidden_dim": draw(SIZE)}
    units = draw(st.lists(st.integers(2, 6), max_size=2))
    if draw(st.booleans()):
        own = {"model": "docvec", "title_size": draw(st.integers(1, 9))}
    else:
        own = {"model": "nrms", "title_size": draw(st.integers(1, 6))}
        own |= {"vocab_size": draw(st.integers(2, 12)), "word_emb_dim": draw(SIZE)}
        units = [*units, heads["head_num"] * heads["head_dim"]] if units else []
    config = own | heads
    config |= {
        "history_size": draw(SIZE),
        "dropout": 0.0,
        "newsencoder_units_per_layer": units,
        "newsencoder_l2_regularization": draw(st.sampled_from([0.0, 1e-4, 1e-2])),
        "loss": draw(st.sampled_from(["cross_entropy_loss", "log_loss"])),
        # A gradient that cancels to nothing is rounding alone, of which Adam makes a whole step.
        "learning_rate": 1e-4,
    }
    batch, candidates = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return make_recording(config, batch, candidates, seed=draw(st.integers(0, 2**32 - 1)))


def make_recording(config, batch, candidates, *, seed):
    """Draw weights far from a start, an article table, and batches of rows of it."""
    rng = np.random.default_rng(seed)
    shape = (ROWS, config["title_size"])
    if config["model"] == "nrms":
        table = rng.integers(config["vocab_size"], size=shape, dtype=np.int32)
    else:
        table = rng.normal(size=shape).astype(np.float32)
    table[0] = 0
    arrays = {"inputs/table": table}
    for group, steps in (("inputs", ()), ("trajectory", (STEPS,))):
        arrays |= {
            f"{group}/history": _rows(rng, *steps, batch, config["history_size"]),
            f"{group}/candidates": _rows(rng, *steps, batch, candidates),
            f"{group}/labels": _labels(rng, *steps, batch, candidates),
        }
    made = Recording(Path("made.npz"), config, arrays)
    state = made.unweighted_model().state_dict()
    for name, tensor in state.items():
        noise = rng.normal(size=tensor.shape).astype(np.float32)
        # Variances and scales stay away from 0, where any rounding would be magnified.
        if name.endswith("running_var") or (_NORM in name and name.endswith("weight")):
            tensor.copy_(tensor.new_tensor(1 + 0.5 * np.tanh(noise)))
        else:
            fan_in = max(1, tensor.shape[-1] if name.endswith("weight") else tensor.shape[0])
            tensor.copy_(tensor.new_tensor(noise / fan_in**0.5))
    return made.with_weights(state)


def _rows(rng, *shape):
    return rng.integers(ROWS, size=shape, dtype=np.int32)


def _labels(rng, *shape):
    return np.eye(shape[-1], dtype=np.float32)[rng.integers(shape[-1], size=shape[:-1])]
