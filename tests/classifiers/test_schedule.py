import pytest

from synthpath_kedro.classifiers.schedule import Schedule


@pytest.mark.parametrize(
    ("min_steps", "n_real", "schedule"),
    [
        (0, 540, Schedule(6, (4, 5), 3)),
        (408, 540, Schedule(6, (4, 5), 3)),  # 68 steps an epoch, 6 epochs
        (409, 540, Schedule(7, (5, 6), 4)),
        (816, 540, Schedule(12, (8, 10), 6)),
        (400, 8, Schedule(400, (267, 334), 200)),
        (400, 100_000, Schedule(6, (4, 5), 3)),
    ],
)
def test_a_floor_in_steps_raises_the_epochs_of_small_sets_with_milestones_and_patience_in_proportion(
    classification_parameters, min_steps, n_real, schedule
):
    params = classification_parameters(max_epochs=6, milestones=[4, 5], patience=3, min_steps=min_steps)
    assert Schedule.of(params, "cnn", n_real) == schedule


def test_a_cell_trains_as_long_as_its_schedule_says_and_extended_ones_for_more_steps(train, classification_parameters):
    params = classification_parameters(max_epochs=2, patience=9, milestones=[1], min_steps=11)  # 24 images, 3 steps
    real, repeated = (train(params, regime=regime).history for regime in ("real", "real_repeated"))
    assert real.epoch.tolist() == repeated.epoch.tolist() == [1, 2, 3, 4]
    assert real.learning_rate.tolist() == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])


def test_a_model_can_have_a_floor_of_its_own(classification_parameters):
    params = classification_parameters(max_epochs=6, milestones=[4, 5], patience=3, min_steps=100)
    own = params.backbone("cnn").model_copy(update={"min_steps": 0})
    changed = params.model_copy(update={"backbones": {**params.backbones, "cnn": own}})
    assert Schedule.of(params, "cnn", 16).epochs > 6
    assert Schedule.of(changed, "cnn", 16).epochs == 6
