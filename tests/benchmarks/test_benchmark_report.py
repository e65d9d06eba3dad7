"""The figure of a benchmark's rows."""

import pytest
from matplotlib.figure import Figure

from benchmarks.speed.report import draw
from benchmarks.speed.rows import Row


def row_of(case, batch, reference_peak):
    return Row(
        case=case,
        model="nrms",
        batch=batch,
        ours=2.0,
        reference=1.0,
        ratio=2.0,
        unit="rows/s",
        peak_mib=20.0,
        reference_peak_mib=reference_peak,
        ours_range=(2.0, 2.0),
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("case", "other", "peak"),
    [
        ("train", "TensorFlow", 10.0),
        ("evaluate", "TensorFlow", 10.0),
        ("ddp", "one process", 10.0),
        ("encoder", "sgemm", None),  # a product of matrices has no memory to compare
    ],
)
def test_the_other_curve_is_named_after_what_was_measured(tmp_path, monkeypatch, case, other, peak):
    drawn = []
    save = Figure.savefig

    def keep(figure, *arguments, **options):
        drawn.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    draw([row_of(case, batch, peak) for batch in (8, 16)], tmp_path / "figure.png")
    labels = [axes.get_legend_handles_labels()[1] for axes in drawn[0].axes]
    assert labels == [["ours", other], ["ours", other] if peak else ["ours"]]
