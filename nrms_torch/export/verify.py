"""A bundle that came from elsewhere, held against the checkpoint it says it was made of."""

from pathlib import Path

import numpy as np

from nrms_torch.data.articles import ArticleTable
from nrms_torch.data.schema import ARTICLE_ID
from nrms_torch.errors import InputError
from nrms_torch.export.check import Agreement, check_bundle
from nrms_torch.files import file_sha256
from nrms_torch.serving import Bundle, Recommender
from nrms_torch.training.assemble import load_module


def verify(folder: Path, checkpoint: Path) -> Agreement:
    """Score drawn impressions by the bundle in `folder` and by torch from `checkpoint`.

    No data is needed: the articles, as the model reads them, are in the bundle. Raises InputError
    where the bundle is damaged, is of another checkpoint or quantised, or the scores differ.
    """
    bundle = Bundle.load(folder)
    if not checkpoint.is_file():
        raise InputError(f"checkpoint: {checkpoint}: no such file")
    if bundle.manifest["precision"] != "float32":
        raise InputError(f"{folder}: is {bundle.manifest['precision']}; only float32 equals torch")
    if (found := file_sha256(checkpoint)) != bundle.manifest["checkpoint"]["sha256"]:
        raise InputError(f"{checkpoint}: sha256 {found[:12]}…, not the one that {folder} is of")
    model = load_module(checkpoint).model.eval()
    if len(bundle.features.shape) == 2 and bundle.reads_titles:
        known = len(model.word_embeddings())
        if bundle.title_tokens(bundle.features).max() >= known:
            raise InputError(f"{folder}: has tokens that {checkpoint}, with {known}, lacks")
    table = ArticleTable(bundle.articles[ARTICLE_ID], np.array(bundle.features))
    return check_bundle(Recommender(bundle), model, table)
