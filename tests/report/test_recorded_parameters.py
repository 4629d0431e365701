from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.report.recorded_parameters import recorded_parameters

PRESENT = {
    "seed": 0,
    "data_prep": {"source": "npz", "image_size": 64},
    "diffusion": {"max_epochs": 77},
    "synthesis": {"sampler": "ddim", "n_images": 10},
    "classification": {"max_epochs": 9, "backbones": {"cnn": {"variant": "new"}, "clip": {"variant": "small"}}},
}


def cell(regime, epochs):
    parameters = {"max_epochs": epochs, "cnn": {"variant": "study"}}
    return CellMetadata(model="cnn", regime=regime, weights="random", variant="study", parameters=parameters)


def test_what_artifacts_recorded_takes_the_place_of_the_present_values(data_card, generator_card):
    generators = {"diffusion": generator_card(parameters={"sampler": "heun"})}
    cells = [cell("real", 5), cell("mixed", 5)]
    found = recorded_parameters(PRESENT, data_card(parameters={"image_size": 32}), generators, cells)
    assert found["data_prep"] == {"source": "npz", "image_size": 32}
    assert found["synthesis"] == {"sampler": "heun", "n_images": 10}
    assert found["classification"]["max_epochs"] == 5
    assert found["classification"]["backbones"] == {"cnn": {"variant": "study"}, "clip": {"variant": "small"}}
    assert found["seed"] == 0


def test_values_in_which_only_models_differ_are_named_by_model(data_card):
    cells = [
        CellMetadata(model=model, regime=regime, weights="", variant="", parameters={"min_steps": steps})
        for model, steps in (("cnn", 200), ("clip", 100), ("dinov2", 100))
        for regime in ("real", "mixed")
    ]
    found = recorded_parameters(PRESENT, data_card(), {}, cells)
    assert found["classification"]["min_steps"] == "200 (cnn), 100 (clip, dinov2)"


def test_values_in_which_cells_differ_are_all_named(data_card):
    found = recorded_parameters(PRESENT, data_card(), {}, [cell("real", 1), cell("mixed", 2)])
    assert found["classification"]["max_epochs"] == "1 (cnn/real), 2 (cnn/mixed)"
