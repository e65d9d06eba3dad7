"""Rank a split's candidates: `python scripts/predict.py run=RUN split=test output=FILE.zip`."""

from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.progress import track

from nrms_torch.cli import command
from nrms_torch.data.loading import EvaluationChunks
from nrms_torch.evaluation.ranking import ranks
from nrms_torch.evaluation.scoring import encode_articles, score_split
from nrms_torch.evaluation.submission import write_submission
from nrms_torch.files import require_writable
from nrms_torch.training.assemble import for_evaluation
from nrms_torch.training.run_folder import RunFolder


@command("predict")
def main(config: DictConfig) -> None:
    """Score a split with the run's best checkpoint and write the challenge's submission file."""
    output = Path(str(config.output))
    require_writable(output)
    datamodule, module = for_evaluation(RunFolder.open(str(config.run)), config.data)
    impressions = datamodule.impressions(config.split)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = module.model.eval().to(device)
    news = encode_articles(model, module.table.to(device))
    chunks = EvaluationChunks(impressions, rank=0, ranks=1)
    numbers = track(range(len(chunks)), description="scoring")
    scores = score_split(model, news, impressions, (chunks[number] for number in numbers))
    offsets = torch.from_numpy(impressions.offsets)
    write_submission(
        output,
        impressions.impression_ids,
        ranks(scores, offsets).numpy(),
        impressions.offsets,
    )
    print(
        f"{len(impressions)} impressions, {len(scores)} candidates ranked in {output}; "
        f"{impressions.unknown_articles} unknown articles"
    )


if __name__ == "__main__":
    main()
