"""Dockerfiles: what they copy is there, nobody is root, and their commands work."""

import fnmatch
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from dockerfile import Image, instruction, path_of, read, sources
from omegaconf import OmegaConf
from run_script import ROOT
from served import wait_for

from nrms_torch.commands.verbs import VERBS
from nrms_torch.serving.api.server import FINISH_S

NAMES = ("api", "train", "evaluate")
BUILD = pytest.mark.skipif(
    os.environ.get("NRMS_BUILD_IMAGES") != "1",
    reason="installs packages from the network; NRMS_BUILD_IMAGES=1 does it",
)


@pytest.mark.parametrize("name", NAMES)
def test_hadolint_has_nothing_to_say(name):
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        [hadolint, str(path_of(name))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_is_there_and_is_not_ignored(name):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    for source in sources(read(path_of(name))):
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in kept)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_root_and_the_command_is_there(name):
    instructions = read(path_of(name))
    assert instruction(instructions, "USER") == "10001"
    word = "CMD" if name == "api" else "ENTRYPOINT"
    command = json.loads(instruction(instructions, word))
    if name == "api":
        assert command == ["nrms", "serve"]
        assert "/v2/health/ready" in instruction(instructions, "HEALTHCHECK")
        assert "train" not in instruction([i for i in instructions if "pip" in i[1]], "RUN")
    else:
        assert command[0] == "nrms"
        assert command[1] in VERBS


def test_compose_names_files_and_folders_that_are_there():
    compose = OmegaConf.to_container(OmegaConf.load(ROOT / "docker-compose.yaml"))
    assert compose["services"].keys() == {"train", "export", "evaluate", "api"}
    for service in compose["services"].values():
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        program, verb = service.get("entrypoint", ["nrms", "serve"])
        assert program == "nrms"
        assert verb in VERBS


def test_compose_lets_the_api_see_a_bundle_that_is_replaced_and_end_gently():
    compose = OmegaConf.to_container(OmegaConf.load(ROOT / "docker-compose.yaml"))
    api, export = compose["services"]["api"], compose["services"]["export"]
    (mount,) = api["volumes"]
    (bundle,) = [
        value.split("=")[1] for value in api["environment"] if value.startswith("NRMS_BUNDLE=")
    ]
    host, inside, mode = mount.split(":")
    assert (host, mode) == ("./runs", "ro"), "an export replaces all that is deeper"
    run = export["command"][0].removeprefix("run=")
    assert bundle.replace(inside, host, 1) == f"./{run}/bundle"
    assert int(api["stop_grace_period"].removesuffix("s")) > FINISH_S


@BUILD
def test_the_lines_of_the_api_image_serve_a_bundle_without_torch(tmp_path, bundle):
    image = Image(tmp_path, ROOT)
    image.build(read(path_of("api")))
    assert image.imports("onnxruntime")
    for absent in ("torch", "tensorflow", "lightning", "hydra"):
        assert not image.imports(absent)
    print(f"api: {image.size_mib():,.0f} MiB of packages")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    # The checkout is what was copied, not where this runs.
    shutil.rmtree(image.folder)
    image.folder = tmp_path
    environment = {"NRMS_BUNDLE": str(bundle), "NRMS_HOST": "127.0.0.1", "NRMS_PORT": port}
    with image.start(**environment) as process:
        try:
            wait_for(lambda: image.is_healthy(port) or process.poll() is not None, "not healthy")
            assert process.poll() is None, process.stdout.read()
        finally:
            process.terminate()
        assert process.wait() == 0


@BUILD
@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_the_lines_of_the_other_images_run_their_script(tmp_path, name):
    image = Image(tmp_path, ROOT)
    image.build(read(path_of(name)))
    print(f"{name}: {image.size_mib():,.0f} MiB of packages")
    with image.start("--help") as process:
        output = process.stdout.read()
    assert process.returncode == 0, output
    assert "== Config ==" in output
