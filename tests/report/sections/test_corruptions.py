from synthpath_kedro.report.section import build_section
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.summary import corruption_lines, corruption_sentences
from synthpath_kedro.report.values import text


def build(evidence):
    return build_section(SECTIONS["corruptions"], evidence)


def test_corruptions_stand_before_the_attacks():
    names = list(SECTIONS)
    assert names.index("corruptions") == names.index("table_4_3") - 1


def test_every_cell_has_its_clean_accuracy_the_mean_and_each_corruption(evidence):
    means, *_ = build(evidence).tables
    assert means.columns == ("model", "trained on", "n", "clean", "corrupted", "± sd", "stain", "blur")
    rows = [[text(value) for value in row] for row in means.rows]
    # Of 30 images 12 and 13 are wrong; 5 and 10 more when stained, 15 more when blurred.
    assert rows[0] == ["CNN", "real", "30", "0.583", "0.208", "0.024", "0.333", "0.083"]
    assert rows[1] == ["CNN", "mixed", "30", "0.917", "0.542", "0.024", "0.667", "0.417"]


def test_verdicts_are_on_what_is_left_and_on_what_is_lost(evidence):
    _, verdicts, each = build(evidence).tables
    assert [text(value) for value in verdicts.rows[0][:2]] == ["CNN", "mixed vs real"]
    shown = dict(zip(verdicts.columns, map(text, verdicts.rows[0]), strict=True))
    assert shown["accuracy"].startswith("+0.333 [")
    assert shown["accuracy: verdict"] == "helps"
    assert shown["change"].startswith("+0.000 [")
    assert shown["change: verdict"] == "no evidence"
    assert each.folded
    assert [text(row[2]) for row in each.rows] == ["stain", "blur"]


def test_the_levels_are_explained_in_their_units(evidence):
    (note,) = build(evidence).notes
    assert note.text.startswith("stain (shift 0.5, shift 1): color vectors and amounts of hematoxylin and eosin")
    assert "blur (2 px): defocus, standard deviation of a Gaussian in pixels" in note.text


def test_a_study_without_corrupted_images_leaves_the_section_out(evidence):
    empty = {name: evidence[name].iloc[:0] for name in ("corruptions", "corruption_means", "corruption_comparison")}
    assert build(evidence | empty).empty
    assert corruption_lines(empty["corruption_means"]) == []
    assert corruption_sentences(empty["corruption_comparison"]) == []


def test_the_summary_says_who_bears_corruptions_better(evidence):
    (sentence,) = corruption_sentences(evidence["corruption_comparison"], 0.5)
    assert sentence.startswith(
        "On test images corrupted in 2 ways: replacing half of every batch by synthetic images helps CNN (+0.333"
    )
    assert corruption_lines(evidence["corruption_means"])[0] == (
        "CNN, mean corruption accuracy (as the images were): real 0.208 (0.583), mixed 0.542 (0.917)"
    )
