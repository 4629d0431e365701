import numpy as np
import torch
from torch.nn import functional as F

from synthpath_kedro.classifiers.prediction import predict, predict_replicates
from synthpath_kedro.classifiers.preprocessing import to_unit_interval
from synthpath_kedro.classifiers.registry import build_classifier

CLASS_NAMES = ("adipose", "debris", "mucus")


def test_probabilities_and_features_are_those_of_the_classifier(classification_parameters, tiles):
    classifier = build_classifier("cnn", CLASS_NAMES, classification_parameters(), seed=0)
    predicted = predict(classifier.train(), tiles(10).images, batch_size=4)
    x = to_unit_interval(torch.from_numpy(tiles(10).images))
    with torch.inference_mode():
        assert np.allclose(predicted.probabilities, F.softmax(classifier.eval()(x), dim=1), atol=1e-6)
        assert np.allclose(predicted.features, classifier.features(x), atol=1e-6)
    assert predicted.probabilities.dtype == predicted.features.dtype == np.float32
    assert predicted.features.shape == (10, 64 * 2 * 2)


def test_in_bfloat16_the_last_layer_and_the_probabilities_are_float32(classification_parameters, tiles):
    classifier = build_classifier("resnet18", CLASS_NAMES, classification_parameters(), seed=0)
    images = tiles(7).images
    exact = predict(classifier, images, batch_size=4)
    (half,) = predict_replicates([classifier], images, 4, precision="bfloat16")
    assert half.probabilities.dtype == half.features.dtype == np.float32
    with torch.inference_mode():
        logits = classifier.output(torch.from_numpy(half.features))
    assert np.array_equal(half.probabilities, logits.softmax(dim=1).numpy())
    assert np.array_equal(half.features, torch.from_numpy(half.features).bfloat16().float().numpy())
    assert 0 < np.abs(half.features - exact.features).mean() < 0.01 * np.abs(exact.features).mean()


def test_the_batch_size_changes_nothing(classification_parameters, tiles):
    classifier = build_classifier("resnet18", CLASS_NAMES, classification_parameters(), seed=0)
    one, all_at_once = (predict(classifier, tiles(7).images, batch_size).probabilities for batch_size in (1, 7))
    assert np.abs(one - all_at_once).max() < 1e-5
