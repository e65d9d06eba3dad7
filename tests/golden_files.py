"""The golden files of the tests: what the TensorFlow baseline computed for six models."""

from pathlib import Path

from nrms_tf_reference.parity.recording import Recording

FOLDER = Path(__file__).parent / "golden"
RECORDINGS = (
    "nrms",
    "nrms_dense_layers",
    "nrms_docvec",
    "nrms_docvec_tied_init",
    "nrms_log_loss",
    "nrms_tied_init",
)


def load_recording(name: str) -> Recording:
    """Read one of RECORDINGS."""
    return Recording.read(FOLDER / f"{name}.npz")
