"""A folder that is written takes the place of what was there."""

from pathlib import Path

import pytest

from nrms_torch.files import replacing_folder


@pytest.mark.parametrize("target", ["old", "new"])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, target):
    (tmp_path / "bundles" / "old").mkdir(parents=True)
    (tmp_path / "bundles" / "old" / "file").touch()
    link = tmp_path / "current"
    link.symlink_to(Path("bundles") / target)
    with replacing_folder(link) as temporary:
        (temporary / "model.json").touch()
    assert link.readlink() == Path("bundles") / target
    assert [file.name for file in link.iterdir()] == ["model.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundles", "current"]
    assert {path.name for path in (tmp_path / "bundles").iterdir()} == {"old", target}
