"""How far ours may be from the baseline: for the checks, the race and the tests alike.

docs/parity.md says why; a test holds it to these numbers.
"""

from dataclasses import dataclass

from nrms_tf_reference.parity.recording import Recording


@dataclass(frozen=True)
class Tolerance:
    """The largest difference allowed; some kinds of models have another.

    `with_dense_layers`: a ReLU may come to sit on a rounding edge, and its unit goes another way.
    `over_tokens`: BatchNorm's statistics over tokens amplify rounding, the recordings' too.
    """

    limit: float
    with_dense_layers: float | None = None
    over_tokens: float | None = None

    def of(self, recording: Recording) -> float:
        """Give what holds for a recording's model."""
        if not recording.has_dense_layers:
            return self.limit
        if self.over_tokens is not None and recording.config["model"] == "nrms":
            return self.over_tokens
        return self.limit if self.with_dense_layers is None else self.with_dense_layers


# Of a recording, or of the live reference, by the names that the checks have.
RECORDED = {
    "softmax": Tolerance(2e-6),
    "sigmoid": Tolerance(2e-6),
    "train_softmax": Tolerance(2e-6, over_tokens=1e-5),
    "news_vectors": Tolerance(2e-6),
    "user_vectors": Tolerance(2e-6),
    "data_loss": Tolerance(1e-5),
    "regularization_loss": Tolerance(1e-5),
    "gradient": Tolerance(1e-5),
    "trajectory_losses": Tolerance(5e-5),
    "final weights": Tolerance(5e-5, with_dense_layers=1e-3),
    "final_softmax": Tolerance(5e-5),
}
# The worst tensor of the gradient, which the report shows; the golden files' must be within it.
GRADIENT_TENSOR = Tolerance(1e-5, over_tokens=3e-5)
# The reference rounds as the original does: less is left of some than between it and us.
OF_REFERENCE = {"train_softmax": 2e-6, "data_loss": 1e-6, "regularization_loss": 1e-6}
METRIC = 1e-9

# Of the race. Float64 leaves so little of the losses and the weights if no rule is missing.
RACE_LOSS, RACE_LOSS_IN_FLOAT64, RACE_WEIGHT_IN_FLOAT64 = 1e-3, 1e-11, 1e-9
SMALL_GAP = 1e-5  # of scores, under which a pair may be ranked otherwise
