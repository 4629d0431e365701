"""Facts of families that other code holds too."""

from torchvision.models import ResNet18_Weights

from synthpath_kedro.classifiers import inception
from synthpath_kedro.study.models import FAMILIES


def test_the_files_of_torchvision_are_those_that_are_downloaded() -> None:
    urls = {"resnet18": ResNet18_Weights.IMAGENET1K_V1.url, "inception": inception.URL}
    files = {name: family.torchvision_file for name, family in FAMILIES.items() if family.torchvision_file}
    assert files == {name: url.rpartition("/")[2] for name, url in urls.items()}
