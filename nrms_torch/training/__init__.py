"""Training: the LightningModule, its optimizer and its callbacks."""
