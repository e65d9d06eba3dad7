"""`python -m nrms_torch VERB …` is `nrms VERB …`."""

from nrms_torch.commands.main import main

main()
