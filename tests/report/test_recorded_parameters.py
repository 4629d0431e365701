from synthpath_kedro.report.recorded_parameters import recorded_parameters

PRESENT = {
    "seed": 0,
    "data_prep": {"source": "npz", "image_size": 64},
    "diffusion": {"max_epochs": 77},
    "synthesis": {"sampler": "ddim", "n_images": 10},
    "classification": {"max_epochs": 9, "backbones": {"cnn": {"variant": "new"}, "clip": {"variant": "small"}}},
}


def cell(regime, epochs):
    return {"model": "cnn", "regime": regime, "parameters": {"max_epochs": epochs, "cnn": {"variant": "study"}}}


def test_what_artifacts_recorded_takes_the_place_of_the_present_values():
    data_card, card = ({"parameters": {key: value}} for key, value in (("image_size", 32), ("sampler", "heun")))
    found = recorded_parameters(PRESENT, data_card, {"diffusion": card}, [cell("real", 5), cell("mixed", 5)])
    assert found["data_prep"] == {"source": "npz", "image_size": 32}
    assert found["synthesis"] == {"sampler": "heun", "n_images": 10}
    assert found["classification"]["max_epochs"] == 5
    assert found["classification"]["backbones"] == {"cnn": {"variant": "study"}, "clip": {"variant": "small"}}
    assert found["seed"] == 0


def test_values_in_which_cells_differ_are_all_named():
    found = recorded_parameters(PRESENT, {}, {}, [cell("real", 1), cell("mixed", 2)])
    assert found["classification"]["max_epochs"] == "1 (cnn/real), 2 (cnn/mixed)"
