"""Read a Dockerfile, and do what it says in a folder that stands for the image's root."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


def read(path):
    """Give the instructions in their order, each as its word and the rest of the line."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def sources(instructions):
    """Give what COPY takes from the checkout."""
    return [
        source
        for word, rest in instructions
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


class Image:
    """A folder in the place of an image, with a virtual environment in the place of its python."""

    def __init__(self, root, checkout):
        self.root, self.checkout = root, checkout
        self.folder = root
        self.environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH",)
        }
        self.command, self.health = [], None
        self._venv = root / "venv"

    def build(self, instructions):
        """Do what the instructions say; what makes users needs root and is left out."""
        subprocess.run([sys.executable, "-m", "venv", str(self._venv)], check=True)
        self._use(self._venv / "bin")
        for word, rest in instructions:
            if word == "WORKDIR":
                self.folder = self.root / rest.lstrip("/")
                self.folder.mkdir(parents=True, exist_ok=True)
            elif word == "COPY" and not rest.startswith("--from"):
                *names, target = rest.split()
                for name in names:
                    self._copy(self.checkout / name, self.folder / target)
            elif word == "RUN" and not rest.startswith("useradd"):
                self._run(rest)
            elif word in ("ARG", "ENV"):
                for name, value in (each.split("=", 1) for each in rest.split()):
                    if name != "PATH":
                        self.environment[name] = value
            elif word == "HEALTHCHECK":
                self.health = json.loads(rest[rest.index("CMD") + 3 :])
            elif word in ("CMD", "ENTRYPOINT"):
                self.command = json.loads(rest)

    def start(self, *arguments, **environment):
        """Run the image's command."""
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def is_healthy(self, port):
        """Run the health check, at another port."""
        check = [part.replace(":8000/", f":{port}/") for part in self.health]
        done = subprocess.run(check, env=self.environment, stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def imports(self, module):
        """Tell whether the environment has a module."""
        done = subprocess.run(
            ["python", "-c", f"import {module}"],
            cwd=self.root,
            env=self.environment,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def size_mib(self):
        """Add up the files of the environment."""
        files = (path for path in self._venv.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / 2**20

    def _use(self, binaries):
        self.environment["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        self.environment["VIRTUAL_ENV"] = str(self._venv)

    def _run(self, line):
        # The user that owns the folders is the one who runs this.
        line = re.sub(r"useradd [^&]*&& ", "", line).replace("-o nrms ", "")
        line = line.replace("/venv", str(self._venv))
        subprocess.run(line, shell=True, cwd=self.folder, env=self.environment, check=True)

    def _copy(self, source, target):
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)


def instruction(instructions, word):
    """Give the last of the instructions with that word."""
    return [rest for found, rest in instructions if found == word][-1]


def path_of(name):
    """Give a Dockerfile by its name."""
    return Path(__file__).parents[2] / "dockerfiles" / f"{name}.Dockerfile"
