"""All rules, in the order of docs/parity.md."""

from nrms_tf_reference.parity.rules.adam import ADAM
from nrms_tf_reference.parity.rules.attention import ATTENTION
from nrms_tf_reference.parity.rules.data import HISTORIES_AND_LOOKUP, TRAINING_ROWS
from nrms_tf_reference.parity.rules.dense_layers import DENSE_LAYERS
from nrms_tf_reference.parity.rules.dropout import DROPOUT
from nrms_tf_reference.parity.rules.initial_weights import INITIAL_WEIGHTS
from nrms_tf_reference.parity.rules.losses import L2, LOSS
from nrms_tf_reference.parity.rules.metrics import METRICS
from nrms_tf_reference.parity.rules.rule import Rule
from nrms_tf_reference.parity.rules.schedule import SCHEDULE
from nrms_tf_reference.parity.rules.titles import TITLES

SECTIONS: dict[str, tuple[Rule, ...]] = {
    "Attention and pooling": ATTENTION,
    "Dense layers and BatchNorm": DENSE_LAYERS,
    "Dropout": DROPOUT,
    "Losses": LOSS,
    "L2": L2,
    "Adam": ADAM,
    "Initial weights": INITIAL_WEIGHTS,
    "Learning rate, early stopping and the best checkpoint": SCHEDULE,
    "Histories, lookup and labels": HISTORIES_AND_LOOKUP,
    "Training rows": TRAINING_ROWS,
    "Titles": TITLES,
    "Ranks and metrics": METRICS,
}
