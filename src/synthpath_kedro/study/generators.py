"""Where synthetic sets come from. A new generator is a file with a function, and a line here."""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table


@dataclass(frozen=True)
class Generator:
    """A source of synthetic sets.

    Attributes:
        name: in the parameter ``synthesis.source``.
        label: in print.
        generate: "module:function", which gives a synthetic set; see ``synthpath_kedro.generators``.
        set_name: of a study's only set.
        needs_denoiser: it samples from the denoiser, so that the pipeline diffusion is part of the study.
        needs_path: it reads images of the user's.
    """

    name: str
    label: str
    generate: str
    set_name: str
    needs_denoiser: bool = False
    needs_path: bool = False


_GENERATORS = "synthpath_kedro.generators"

GENERATORS = Table(
    "generator",
    Generator("diffusion", "diffusion", f"{_GENERATORS}.diffusion:generate", "diffusion", needs_denoiser=True),
    Generator("image_folder", "image folder", f"{_GENERATORS}.image_folder:generate", "image_folder", needs_path=True),
    Generator("npz", "npz", f"{_GENERATORS}.npz:generate", "npz", needs_path=True),
    Generator("phantom", "digital phantom", f"{_GENERATORS}.phantom:generate", "oracle"),
)
