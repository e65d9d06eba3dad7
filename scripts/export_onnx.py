"""`nrms export` from a checkout: `python scripts/export_onnx.py name=value …`."""

from nrms_torch.commands.main import door

if __name__ == "__main__":
    door("export")
