from typing import Any

from synthpath_kedro.data.artifact import Artifact, Card
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.lineage import cell_name, check_same_data, source_note
from synthpath_kedro.data.synthetic import open_synthetic
from synthpath_kedro.parameters import ReportParameters


def write_feature_space(
    real_test: LabeledImages,
    shards: dict[str, Artifact],
    manifest: Card,
    params: ReportParameters,
    *embedded: Any,
) -> str:
    """A page on which hovering over a point of a classifier's t-SNE shows the tile; real ones only where allowed.

    Args:
        real_test: tiles of the real points.
        shards: tiles of the synthetic points.
        manifest: of the shards.
        params: decides whether real tiles are embedded.
        embedded: of each cell in turn its t-SNE and the features it was made of; None where it was not trained.

    Raises:
        InputError: a cell was embedded with other images than those at hand.
    """
    from synthpath_kedro.report.labels import model_label
    from synthpath_kedro.report.pages.feature_space import render_feature_space

    synthetic = open_synthetic(shards, manifest)
    cards, points = {"real_test": real_test.card, "synthetic": synthetic.card}, {}
    for table, features in zip(embedded[::2], embedded[1::2], strict=True):
        if table is not None and len(table):
            card = features.card
            cards[f"t-SNE of {cell_name(card)}"] = card
            points[f"{model_label(card['model'])}, trained on {card['regime']} images"] = table
    check_same_data(cards)
    if not points:
        return ""
    tiles = {"real_test": real_test.images if params.embed_real_images else None, "synthetic": synthetic.images}
    title = "Feature space of the classifiers"
    return render_feature_space(points, tiles, real_test.class_names, title, source_note(real_test.card))


def write_reader_study(
    real_val: LabeledImages, shards: dict[str, Artifact], manifest: Card, params: ReportParameters, seed: int
) -> str:
    """A page that asks a reader which tiles are synthetic; none where real tiles must not be shown.

    The real tiles are validation images: the test images of another center would give themselves away by their stain.
    """
    from synthpath_kedro.report.pages.reader_study import render_reader_study

    synthetic = open_synthetic(shards, manifest)
    check_same_data({"real_val": real_val.card, "synthetic": synthetic.card})
    if not params.embed_real_images:
        return ""
    phantom = bool(real_val.card.get("phantom"))
    return render_reader_study(real_val, synthetic, params.reader_study_images, seed, "Real or synthetic?", phantom)
