"""The laboratory's scenes do what they say, and so do their pictures and their lines of Python."""

import html
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import maximum_filter
from sklearn.cluster import KMeans

from emlib import GaussianMixture
from emlib.book.laboratory import DATA, SCENES, laboratory
from emlib.datasets import load_faithful
from tests.site.laboratory.helpers import assert_python_says, in_laboratory


def test_every_scene_has_a_title_and_a_sentence(scenes):
    assert list(scenes) == list(SCENES)
    for scene in scenes.values():
        assert scene["title"]
        assert scene["sentence"].endswith(".")


@pytest.mark.parametrize("name", SCENES)
def test_the_still_picture_shows_what_the_live_scene_does(scenes, name):
    scene, live = SCENES[name], scenes[name]["states"]
    pressed = ["M", *scene.steps]  # the start is what an M-step would have led to
    found = [state for step, state in zip(pressed, live, strict=True) if step in ("M", "run")]
    if "nudge" in scene.steps:  # from there on, each draws for itself
        found.pop()
    for state, (_, params) in zip(found, scene.stages(), strict=name != "saddle"):
        parameters = in_laboratory(scenes[name]["problem"], params)
        for part, values in parameters.items():
            assert_allclose(state["parameters"][part], values, rtol=1e-9, atol=1e-9)


def test_the_still_picture_is_described_and_no_scene_is_invented():
    figure = laboratory("saddle").data
    assert "data-scene='saddle'" in figure
    assert "after 2 iterations, coins with 0.66 and 0.66 heads; after a nudge" in figure
    assert html.escape(SCENES["saddle"].sentence) in figure
    with pytest.raises(ValueError, match="there is no scene 'sadle'; there are coins, "):
        laboratory("sadle")


@pytest.mark.parametrize("name", SCENES)
def test_the_same_in_python_gives_the_same_numbers(scenes, name, capsys):
    scene = scenes[name]
    for code, state in zip(scene["python"], (scene["states"][0], scene["states"][-1]), strict=True):
        assert len(code.splitlines()) < 40
        assert_python_says(code, scene["problem"], state)
        assert capsys.readouterr().out


def test_coins_end_where_the_published_figure_says(ends):
    # Do and Batzoglou (2008), Figure 1b: 0.80 and 0.52, by 0.71 and 0.58 after one iteration.
    _, once, end = ends("coins")
    assert_allclose(once["parameters"]["heads"], [0.71, 0.58], atol=0.005)
    assert_allclose(end["parameters"]["heads"], [0.80, 0.52], atol=0.005)
    assert end["stop"]["reason"] == "converged"


def test_ellipses_and_bells_find_their_groups(ends):
    # mclust 6.0.0 with two full components ends at -1130.264.
    assert_allclose(ends("faithful")[-1]["logLikelihood"], -1130.264, atol=1e-3)
    assert_allclose(ends("twenty-forty")[-1]["parameters"]["means"], [20, 40], atol=0.2)
    sizes = 82 * np.array(ends("galaxies")[-1]["parameters"]["weights"])
    assert_allclose(sizes[[0, 2]], [7, 3], atol=0.01)
    wide = ends("outlier")[-1]["parameters"]
    assert 41 * wide["weights"][1] == pytest.approx(3, abs=0.1)
    assert wide["covariances"][1][0][0] > 10 * wide["covariances"][0][0][0]


def test_equal_coins_are_stuck_and_a_nudge_frees_them(ends):
    stuck, _, end = ends("saddle")
    assert stuck["stop"]["reason"] == "converged"
    assert_allclose(stuck["parameters"]["heads"], 0.66)
    assert_allclose(np.sort(end["parameters"]["heads"]), [0.52, 0.80], atol=0.005)
    assert end["logLikelihood"] > stuck["logLikelihood"] + 0.4


def test_messages_are_words_for_readers(ends, scenes):
    said = [state["stop"]["message"] for scene in scenes.values() for state in scene["states"]]
    assert not any(re.search(r"Infinity|e\+0|NaN|feature \d", message) for message in said)
    assert ends("saddle")[0]["stop"]["message"] == "estimated remaining gain zero"
    assert "is not known" in ends("tolerance")[0]["stop"]["message"]
    assert ends("galaxies")[0]["stop"]["message"].endswith("below 1e-10 nats")
    collapsed = ends("collapse")[-1]["stop"]["message"]
    assert collapsed.startswith("component 3 has collapsed: its variance of waiting time (min)")
    assert "the floor of 0.01 min² and" in ends("floor")[-1]["stop"]["message"]
    assert "floor=0.01)  # of variances, in min²" in scenes["floor"]["python"][0]


def test_exchanged_starts_give_exchanged_ends(ends):
    coins, labels = ends("coins")[-1], ends("labels")[-1]
    assert_allclose(labels["parameters"]["heads"], coins["parameters"]["heads"][::-1], atol=1e-12)
    assert_allclose(labels["logLikelihood"], coins["logLikelihood"], rtol=1e-12)


def test_a_hard_step_leaves_a_gap_and_the_log_likelihood_falls(ends, scenes):
    start, soft, hardened, end = scenes["hard"]["states"]
    assert_allclose(
        start["parameters"]["heads"], ends("coins")[-1]["parameters"]["heads"], atol=1e-4
    )
    assert soft["gap"] == pytest.approx(0, abs=1e-9)
    assert hardened["gap"] > 0.5
    assert_allclose(end["parameters"]["heads"], [24 / 30, 9 / 20])  # with 9, 8 and 7 for the first
    assert end["logLikelihood"] < start["logLikelihood"] - 0.1
    assert end["stop"]["reason"] == "objective fell"


def test_a_loose_tolerance_stops_at_the_plateau_and_the_remaining_gain_goes_on(ends, evaluate):
    (early,) = ends("tolerance")
    assert early["stop"]["reason"] == "converged"
    assert early["iteration"] < 5
    assert early["stop"]["lastStep"] < 0.5
    assert early["stop"]["remaining"] is None  # infinity, in JSON
    assert_allclose(early["parameters"]["means"], [34, 34], atol=0.5)
    late = evaluate(
        """const scene = lab.sceneOf('tolerance');
        const { problem, parameters } = scene, patient = { ...problem, rule: 'remaining gain' };
        return lab.run(lab.startState(patient, parameters)).parameters.means;"""
    )
    assert_allclose(np.sort(late), [20, 40], atol=0.5)


def test_slow_steps_shrink_by_a_tenth(ends):
    visits = np.array(ends("slow")[-1]["visits"])
    gains = np.diff(visits)
    assert_allclose(gains[-20:] / gains[-21:-1], 0.9, atol=0.02)
    first = np.argmax(gains < 0.01) + 1  # the iteration after the first small step
    assert visits[-1] - visits[first] == pytest.approx(0.1, rel=0.1)


def test_the_surface_has_two_peaks_of_unequal_height(ends, evaluate):
    lower = ends("surface")[-1]
    assert lower["stop"]["reason"] == "converged"
    xs = np.arange(10, 51, 1.0).tolist()
    surface = np.array(
        evaluate(
            f"""const {{ problem, parameters }} = lab.sceneOf('surface'), xs = {xs};
            return lab.logLikelihoodSurface(problem, parameters, xs, xs);"""
        )
    )
    peaks = surface == maximum_filter(surface, size=3)
    heights = np.sort(surface[peaks])
    assert len(heights) == 2
    assert heights[1] - heights[0] > 100
    assert_allclose(lower["logLikelihood"], heights[0], atol=2)


def test_the_surface_of_two_coins_is_the_log_likelihood_at_their_heads(evaluate):
    surface, corner, wanted = evaluate(
        """const { problem, parameters } = lab.sceneOf('coins');
        const over = (...places) => lab.logLikelihoodSurface(problem, parameters, ...places);
        const at = { ...parameters, heads: [0.7, 0.4] };
        return [over([0.6, 0.7], [0.4]), over([0], [0]), lab.eStep(problem, at).logLikelihood];"""
    )
    assert surface[0][1] == wanted != surface[0][0]
    assert corner == [[None]]  # minus infinity, in JSON


def test_from_a_bad_maximum_a_moved_mean_leads_to_the_best(ends, evaluate):
    bad = ends("bad-maximum")[-1]
    assert bad["stop"]["reason"] == "converged"
    best = evaluate(
        """const scene = lab.sceneOf('bad-maximum'), bad = lab.run(lab.begin(scene));
        const [, ...others] = bad.parameters.means;
        return lab.run(lab.movedTo(bad, { ...bad.parameters, means: [[6, 0], ...others] }));"""
    )
    assert best["logLikelihood"] - bad["logLikelihood"] == pytest.approx(37, abs=1)
    model = GaussianMixture(3, n_init=10, random_state=0).fit(DATA["clouds"].x)
    assert_allclose(best["logLikelihood"], model.result_.objective, atol=1e-4)


def test_without_a_floor_an_ellipse_collapses_and_with_one_it_rests(ends):
    collapse, floor = ends("collapse")[-1], ends("floor")[-1]
    assert collapse["stop"]["reason"] == floor["stop"]["reason"] == "degenerate"
    assert_allclose(collapse["parameters"]["means"][2][1], 83, atol=0.01)
    gains = np.diff(collapse["visits"])
    assert gains[-1] > 2 * gains[-2] > 4 * gains[-3] > 0  # ever faster
    assert np.linalg.eigvalsh(collapse["parameters"]["covariances"][2])[0] < 0.02
    assert "rests on the floor" in floor["stop"]["message"]
    assert_allclose(np.linalg.eigvalsh(floor["parameters"]["covariances"][2])[0], 0.01)


def test_the_spurious_maximum_is_higher_than_the_usual_one(ends):
    end = ends("spurious")[-1]
    assert end["stop"]["reason"] == "converged"
    usual = GaussianMixture(3, n_init=30, random_state=0).fit(load_faithful().values)
    assert end["logLikelihood"] - usual.result_.objective == pytest.approx(11, abs=0.5)
    assert 272 * end["parameters"]["weights"][2] == pytest.approx(9, abs=0.5)


def test_narrow_circles_make_k_means(ends):
    run, _, after = ends("k-means")
    lloyd = KMeans(3, n_init=10, random_state=0).fit(DATA["clouds"].x)
    order = np.argsort(lloyd.cluster_centers_[:, 1])
    means = np.array(run["parameters"]["means"])
    assert_allclose(means[np.argsort(means[:, 1])], lloyd.cluster_centers_[order], atol=1e-4)
    assert_allclose(after["parameters"]["means"], run["parameters"]["means"], atol=1e-4)


def test_a_third_component_gains_less_than_bic_asks(ends):
    two, three = ends("twenty-forty")[-1], ends("one-too-many")[-1]
    assert three["logLikelihood"] - two["logLikelihood"] == pytest.approx(0.8, abs=0.05)
    assert 1.5 * np.log(500) == pytest.approx(9.3, abs=0.05)
    assert three["iteration"] > 1000
