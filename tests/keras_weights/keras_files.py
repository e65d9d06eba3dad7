"""The recorded models as Keras saved them, and copies of the files that a test may change."""

import re
import shutil
from contextlib import contextmanager

import h5py
from golden_files import FOLDER

SAVED = {
    "nrms": ("nrms_keras2.h5", "nrms_keras2_tfckpt", "nrms_keras3.weights.h5"),
    "nrms_dense_layers": ("nrms_dense_layers_keras3.weights.h5",),
    "nrms_docvec": (
        "nrms_docvec_keras2.h5",
        "nrms_docvec_keras2_tfckpt",
        "nrms_docvec_keras3.weights.h5",
    ),
}
PAIRS = [(recording, file) for recording, files in SAVED.items() for file in files]
HDF5 = [(recording, file) for recording, file in PAIRS if file.endswith(".h5")]


def copy(name, folder):
    """Copy a file, or all of a checkpoint's, and give its path in `folder`."""
    for source in FOLDER.glob(f"{name}*"):
        shutil.copyfile(source, folder / source.name)
    return folder / name


@contextmanager
def changing(path):
    """Open an HDF5 file to change it."""
    with h5py.File(path, "r+") as file:
        yield file


def replace_array(file, name, array):
    """Put an array of any shape in place of another."""
    del file[name]
    file[name] = array


def drop_layer(file, group, layer):
    """Take a layer out of a group of a Keras 2 file."""
    names = [name for name in file[group].attrs["weight_names"] if not name.startswith(f"{layer}/")]
    file[group].attrs["weight_names"] = names
    del file[group][layer]


def renumbered(name, by):
    """Add to the number behind a layer's name, which Keras leaves out where it is 0."""
    layer = re.fullmatch(r"(.*?[a-z2])(?:_(\d+))?", name)
    return f"{layer[1]}_{int(layer[2] or 0) + by}"


def tree(path):
    """Every group and array of a file: shape and type, or Keras' name without its number."""
    found = {}

    def visit(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = (node.shape, node.dtype)
        else:
            found[name] = {key: re.sub(r"_\d+$", "", value) for key, value in node.attrs.items()}

    with h5py.File(path) as file:
        file.visititems(visit)
    return found
