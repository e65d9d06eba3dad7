"""Late features by themselves, a row for each choice: the table of docs/late.md."""

import json
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from benchmarks.late.table import as_markdown, measured_rows
from nrms_torch.commands.main import command
from nrms_torch.data.source import made_data
from nrms_torch.files import replacing


@command("late_table")
def main(config: DictConfig) -> None:
    """Measure all rows, print each as it comes, and write the table."""
    folder = Path(str(config.output))
    folder.mkdir(parents=True, exist_ok=True)
    rows = OmegaConf.to_container(config.rows, resolve=True)
    assert isinstance(rows, list)
    measured = []
    for row in measured_rows(made_data(config.data), config.split, rows):
        measured.append(row)
        chosen = f"{row['kind']} {row['rule']} {', '.join(row['features'])}"
        print(f"{row['auc']:.4f} {row['ndcg@10']:.4f} {chosen}")
    with replacing(folder / "late.json") as temporary:
        temporary.write_text(json.dumps(measured, indent=2) + "\n")
    with replacing(folder / "late.md") as temporary:
        temporary.write_text(as_markdown(measured))
    print(f"written to {folder / 'late.md'}")


if __name__ == "__main__":
    main()
