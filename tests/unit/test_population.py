"""Footprints, levels of use, stop-overs and layers of a population."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from ecoduct_analysis.cell_sets import CellSets, outlines
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.footprints import clean_utilisation, find_footprints, find_stopovers
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population import PopulationLayers, find_population
from ecoduct_analysis.population_rules import PopulationRule
from ecoduct_analysis.use_levels import level_sets, use_levels
from ecoduct_analysis.utilisation import Utilisation

ROW = Grid(west=0, north=1, cell_m=1, rows=1, columns=10)
NAN = float("nan")


def of(*layers: dict[int, float], grid: Grid = ROW) -> Utilisation:
    """Distributions called s0, s1 and so on."""
    return Utilisation(
        grid,
        tuple(f"s{n}" for n in range(len(layers))),
        np.cumsum([0, *map(len, layers)]),
        np.array([cell for layer in layers for cell in layer], dtype=np.int64),
        np.array([mass for layer in layers for mass in layer.values()], dtype=float),
    )


FALLING = of({0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1})
NOTHING = of({})


def test_cleaning_keeps_the_cell_that_reaches_the_volume_and_rescales() -> None:
    found = clean_utilisation(FALLING, keep=0.65)
    np.testing.assert_allclose(found.dense(0)[0, :4], [4 / 7, 3 / 7, 0, 0])


def test_cleaning_never_tells_equal_cells_apart() -> None:
    found = clean_utilisation(of({0: 0.4, 1: 0.2, 2: 0.2, 3: 0.2}), keep=0.5)
    assert len(found.cell) == 4


def test_all_volume_keeps_all_cells() -> None:
    assert len(clean_utilisation(FALLING, keep=1.0).cell) == 4
    assert find_footprints(FALLING, contour=1.0).counts.tolist() == [4]


def test_exclusive_footprint_is_without_the_cell_that_passes_the_contour() -> None:
    # 0.4 + 0.3 do not pass 0.7, and the third cell does.
    assert find_footprints(FALLING, contour=0.65).of(0).tolist() == [0]
    assert find_footprints(FALLING, contour=0.75).of(0).tolist() == [0, 1]
    assert find_footprints(FALLING, contour=0.75, edge="inclusive").of(0).tolist() == [0, 1, 2]


def test_footprint_of_one_cell_is_that_cell_but_nothing_to_the_reference() -> None:
    still = of({7: 1.0})
    assert find_footprints(still).of(0).tolist() == [7]
    assert find_footprints(still, mode="compat").of(0).tolist() == []


def test_area_stopover_counts_cells_and_volume_stopover_mass() -> None:
    peaked = of({0: 0.5, **dict.fromkeys(range(1, 5), 0.05), **dict.fromkeys(range(5, 10), 0.06)})
    assert find_stopovers(peaked, share=0.1).of(0).tolist() == [0]
    assert find_stopovers(peaked, share=0.2).of(0).tolist() == [0, 5, 6, 7, 8, 9]  # equal cells
    assert find_stopovers(peaked, share=0.5, kind="volume").of(0).tolist() == [0]
    assert find_stopovers(peaked, share=0.51, kind="volume").of(0).tolist() == [0, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(("cells", "densest"), [(10, 1), (11, 2), (30, 3), (31, 4), (1, 1)])
def test_a_tenth_of_the_cells_is_rounded_up(cells: int, densest: int) -> None:
    mass = np.arange(1, cells + 1) / np.arange(1, cells + 1).sum()
    grid = replace(ROW, columns=40)
    ud = Utilisation(grid, ("a",), np.array([0, cells]), np.arange(cells), mass)
    assert find_stopovers(ud).counts.tolist() == [densest]


def test_what_is_not_known_has_no_cells() -> None:
    for found in (
        find_footprints(NOTHING),
        find_stopovers(NOTHING),
        find_stopovers(NOTHING, kind="volume"),
    ):
        assert found.counts.tolist() == [0]
    assert len(clean_utilisation(NOTHING).cell) == 0


def test_an_animal_counts_once_whatever_its_sequences() -> None:
    found = find_population(
        of({0: 1.0}, {0: 1.0}, {0: 1.0}, {1: 1.0}), animals=["a", "a", "a", "b"]
    )
    assert found.cell.tolist() == [0, 1]
    assert found.count.tolist() == [1, 1]
    assert found.share.tolist() == [0.5, 0.5]
    assert found.sequences == ("s0", "s1", "s2", "s3")


def test_an_animal_of_which_nothing_is_known_is_not_of_the_population() -> None:
    found = find_population(of({0: 1.0}, {}), animals=["a", "b"])
    assert found.animals == ("a",)
    assert found.share.tolist() == [1.0]


def test_mean_by_animal_and_by_year_differ() -> None:
    # One animal for two years, another for the second only.
    ud = of({0: 1.0}, {0: 1.0}, {1: 1.0})
    asked = {"animals": ["a", "a", "b"], "years": [2020, 2021, 2021]}
    by_animal = find_population(ud, **asked)  # type: ignore[arg-type]
    assert by_animal.utilisation.mass.tolist() == [0.5, 0.5]
    by_year = find_population(ud, rule=PopulationRule(merge_key="year,id"), **asked)  # type: ignore[arg-type]
    assert by_year.utilisation.mass.tolist() == [0.75, 0.25]


def test_the_population_of_one_sequence_is_that_sequence() -> None:
    found = find_population(FALLING, animals=["a"])
    assert found.utilisation.mass.tolist() == FALLING.mass.tolist()


def test_nobody_is_a_population_of_nobody() -> None:
    found = find_population(of(), animals=[])
    assert (len(found), len(found.cell), len(found.utilisation.cell)) == (0, 0, 0)
    assert use_levels(0) == ()
    assert len(level_sets(found, use_levels(0))) == 0
    assert find_stopovers(found.utilisation).counts.tolist() == [0]


def test_a_footprint_that_shrinks_frees_its_cells() -> None:
    layers = PopulationLayers(ROW)
    layers.replace(of({0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25}, {0: 1.0}), animals=["a", "b"])
    assert layers.population().count.tolist() == [2, 1, 1, 1]
    layers.replace(of({3: 1.0}), animals=["a"])
    assert layers.population().cell.tolist() == [0, 3]
    assert layers.population().count.tolist() == [1, 1]


def test_a_sequence_may_change_its_animal_and_its_year() -> None:
    layers = PopulationLayers(ROW)
    layers.replace(of({0: 1.0}), animals=["a"], years=[2020])
    layers.replace(of({0: 1.0}), animals=["b"], years=[2021])
    assert layers.population().animals == ("b",)
    assert layers.population().count.tolist() == [1]


def test_an_animal_loses_only_the_cells_that_no_other_sequence_of_its_own_holds() -> None:
    layers = PopulationLayers(ROW)
    layers.replace(of({0: 0.5, 1: 0.5}, {1: 0.5, 2: 0.5}), animals=["a", "a"])
    layers.remove(["s0", "never seen"])
    assert layers.population().cell.tolist() == [1, 2]


def test_levels_need_more_than_two_animals_and_no_more_than_there_are() -> None:
    assert [(level.name, level.animals) for level in use_levels(10)] == [
        ("1 animal", 1), ("2 animals", 2), ("30 %", 3), ("low", 1), ("medium", 1), ("high", 2)
    ]  # fmt: skip
    assert [level.name for level in use_levels(1)] == ["1 animal", "low", "medium", "high"]
    quarters = PopulationRule(levels_pct="75,25", medium=0.25, high=0.75)
    assert [level.animals for level in use_levels(12, quarters)] == [1, 2, 3, 9, 1, 3, 9]


def test_a_share_of_thirty_animals_is_whole() -> None:
    # 0.1 * 30 is 3.0000000000000004 to a computer.
    assert {level.name: level.animals for level in use_levels(30)}["medium"] == 3


def test_the_reference_lets_a_share_be_missed_by_a_little() -> None:
    assert use_levels(100_000)[-2].animals == 10_000
    assert use_levels(100_000, mode="compat")[-2].animals == 9_991


def test_a_level_used_by_all_is_not_lost() -> None:
    found = find_population(of({0: 1.0}, {0: 1.0}, {0: 1.0}), animals=["a", "b", "c"])
    assert level_sets(found, use_levels(3)).counts.tolist() == [1] * len(use_levels(3))


def test_outlines_are_nested_without_crumbs_and_small_holes() -> None:
    grid = Grid(west=0, north=50, cell_m=10, rows=5, columns=5)
    ring = [6, 7, 8, 11, 13, 16, 17, 18]
    sets = CellSets(grid, ("low", "high"), np.array([0, 9, 10]), np.array([0, *ring, 6]))
    low, high = outlines(sets, min_patch_m2=101, min_hole_m2=101)
    assert low.area == 900
    assert high.is_empty
    low, high = outlines(sets, min_patch_m2=100, min_hole_m2=100)
    assert (low.area, len(low.geoms)) == (900, 2)
    assert shapely.covers(low, high)


@pytest.mark.parametrize(
    "wrong",
    [{"cell_m": 0.0}, {"keep": 0.0}, {"contour": 1.1}, {"stopover_share": NAN}, {"cell_m": NAN},
     {"margin": -1.0}, {"margin": NAN}, {"medium": 0.3}, {"high": NAN}, {"min_patch_m2": NAN},
     {"min_hole_m2": -1.0}, {"stopover": "mass"}, {"merge_key": "seas"}, {"levels_pct": "5,x"},
     {"levels_pct": "0"}, {"levels_pct": "nan"}, {"footprint_edge": "both"}, {"min_fixes": 1},
     {"max_long_share": NAN}],
)  # fmt: skip
def test_a_rule_that_no_population_can_have_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRule):
        PopulationRule(**wrong)  # type: ignore[arg-type]


def test_bad_words_and_shares_are_refused() -> None:
    with pytest.raises(BadRule, match="edge must be"):
        find_footprints(FALLING, edge="both")
    with pytest.raises(BadRule, match="kind must be"):
        find_stopovers(FALLING, kind="mass")  # type: ignore[arg-type]
    for share in (0.0, 1.5, NAN):
        with pytest.raises(BadRule, match="share must be"):
            find_stopovers(FALLING, share=share)


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadTracks, match="another grid"):
        PopulationLayers(replace(ROW, columns=9)).replace(FALLING, animals=["a"])
    with pytest.raises(BadTracks, match="one animal and one year"):
        find_population(FALLING, animals=["a", "b"])
    with pytest.raises(BadTracks, match="have one name"):
        find_population(FALLING.select([0, 0]), animals=["a", "b"])
