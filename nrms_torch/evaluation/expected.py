"""What AUCs others and we have seen on public data, to say whether a number is good."""

from typing import NamedTuple


class Expected(NamedTuple):
    """From `low` to `high` is usual for a data format and at least so many impressions of train."""

    format: str
    impressions: int
    low: float
    high: float
    source: str


# Of each format the row with the most impressions comes first.
EXPECTED = (
    Expected("mind", 1_000_000, 0.665, 0.685, "NRMS on MIND's large test set has .6776 (Wu, 2020)"),
    Expected("mind", 100_000, 0.63, 0.67, "NRMS in PyTorch on MIND-small's validation has .6661"),
    Expected(
        "mind",
        0,
        0.51,
        0.66,
        "on 3,000 impressions of MIND-small ours has .51 to .54, and an untrained cosine of MiniLM "
        "title vectors .619, centred .640",
    ),
    Expected(
        "ebnerd",
        1_000_000,
        0.58,
        0.62,
        "NRMS on EB-NeRD's test set has .6103 (EB-NeRD's own paper)",
    ),
    Expected(
        "ebnerd",
        100_000,
        0.56,
        0.61,
        "on ebnerd_small's validation NRMS has .5613 and NRMSDocVec .58 to .604",
    ),
)


def expected_auc(data_format: str, impressions: int) -> Expected | None:
    """Find what is usual for data of a format with so many impressions of train; None if unknown.

    Formats name how files look, so that own data in EB-NeRD's format is compared with EB-NeRD.
    """
    for row in EXPECTED:
        if row.format == data_format and impressions >= row.impressions:
            return row
    return None
