"""Where synthetic sets come from. A new generator is a file with a function, and a line here."""

from dataclasses import dataclass

from synthpath_kedro.study.table import Table, load_attribute


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
        path_is_folder: what it reads is a folder, or else a file; None: either.
        check: "module:function" of a path, class names and the full name of the parameter that gives the path, which
            raises InputError where the content of the user's images cannot be used; reads as little as it can.
        phantom_only: it serves the digital phantom alone.
        is_oracle: it draws from the true distribution: a positive control, which shows what a perfect generator would
            gain, and is not judged as a generator.
    """

    name: str
    label: str
    generate: str
    set_name: str
    needs_denoiser: bool = False
    needs_path: bool = False
    path_is_folder: bool | None = None
    check: str | None = None
    phantom_only: bool = False
    is_oracle: bool = False

    def check_content(self, path: str, class_names: tuple[str, ...], parameter: str) -> None:
        """Raises InputError where the user's images at ``path`` do not have the classes ``class_names``."""
        if self.check is not None:
            load_attribute(self.check)(path, class_names, parameter)


_GENERATORS = "synthpath_kedro.generators"

GENERATORS = Table(
    "generator",
    Generator("diffusion", "diffusion", f"{_GENERATORS}.diffusion:generate", "diffusion", needs_denoiser=True),
    Generator(
        "image_folder",
        "image folder",
        f"{_GENERATORS}.image_folder:generate",
        "image_folder",
        needs_path=True,
        path_is_folder=True,
        check=f"{_GENERATORS}.image_folder:check",
    ),
    Generator(
        "npz",
        "npz file",
        f"{_GENERATORS}.npz:generate",
        "npz",
        needs_path=True,
        path_is_folder=False,
        check=f"{_GENERATORS}.npz:check",
    ),
    Generator(
        "phantom",
        "digital phantom",
        f"{_GENERATORS}.phantom:generate",
        "oracle",
        phantom_only=True,
        is_oracle=True,
    ),
)
