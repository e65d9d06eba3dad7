"""Serve a bundle: `python scripts/serve.py bundle=FOLDER host=127.0.0.1 port=8000`."""

from nrms_torch.serving.__main__ import main

if __name__ == "__main__":
    main()
