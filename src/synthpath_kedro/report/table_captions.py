"""What the report says above each table whose caption does not depend on the numbers.

``{unit}`` is what the test set is a sample of: images, or patients where they are known.
"""

READER_STUDY = "reader_study.html, beside this file, asks a person to tell real tiles from synthetic ones."

CAPTIONS = {
    "Comparisons in full": (
        "Differences of the replicates' means on the real test set, with 95 % intervals of each comparison by itself. "
        "The standard error of accuracy holds the variance of test {unit} and of training seeds; Holm's adjustment "
        "runs over all rows and decides the verdict. F1 and AUC have bootstrap intervals over test {unit} alone. "
        "McNemar's test, over test images alone too, is shown for orientation: it ignores the training seed."
    ),
    "Metrics with 95 % intervals": (
        "Mean over replicates; bootstrap intervals over test {unit}, which leave out the variance of training seeds."
    ),
    "Calibration": (
        "On the real test set, before → after temperature scaling on the validation images; means over replicates. "
        "0 is best; a temperature above 1 means that the classifier was too sure of itself."
    ),
    "Control of table 4.3": (
        "Change of accuracy in pixel space → under the same attack on normalized images clamped to [0, 1], each "
        "against the same images not attacked. The right-hand numbers show an artifact, not robustness."
    ),
    "Feature space": (
        "Of each synthetic image's nearest neighbors among real test images and other synthetic ones: the share that "
        "is real, beside the share expected where nothing tells them apart, and the share of its own class. "
        "feature_space.html, beside this file, shows every cell's points{tiles}."
    ),
    "Fidelity by class": (
        "Kernel distance of each class to itself, in the same features; unbiased, so that n may differ (n: images of "
        "the first set / of the second)."
    ),
}
