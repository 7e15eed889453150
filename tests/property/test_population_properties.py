"""A population is the same whatever the order in which its layers came, grew and went."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoduct_analysis.footprints import clean_utilisation, find_stopovers
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population import Population, PopulationLayers, find_population
from ecoduct_analysis.population_rules import MERGE_KEYS, PopulationRule
from ecoduct_analysis.sequence_bridges import bridge_sequences, population_grid
from ecoduct_analysis.sequences import cut_sequences, label_sequences
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.utilisation import Utilisation
from gallery import random_walks

GRID = Grid(west=0, north=2000, cell_m=1, rows=20, columns=60)
NAMES = tuple("abcdefg")
RULES = [PopulationRule(merge_key=key, contour=0.8, keep=0.95) for key in MERGE_KEYS]


def layer(name: str, seed: int) -> Utilisation:
    """Some cells somewhere; none for a few seeds."""
    dice = np.random.default_rng(seed)
    cells = np.sort(dice.choice(len(GRID), seed % 40, replace=False))
    mass = dice.random(len(cells)) ** 3
    mass /= mass.sum() if len(mass) else 1.0
    return clean_utilisation(
        Utilisation(GRID, (name,), np.array([0, len(cells)]), cells, mass), keep=0.95
    )


def same(one: Population, other: Population) -> None:
    """Equal to the last bit."""
    assert (one.animals, one.sequences) == (other.animals, other.sequences)
    for here, there in ((one, other), (one.utilisation, other.utilisation)):
        for column in ("cell", "count", "mass"):
            if hasattr(here, column):
                assert np.array_equal(getattr(here, column), getattr(there, column))


changes = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.integers(0, 200), st.sampled_from("xyz"),
        st.integers(2020, 2022), st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@given(changes=changes, rule=st.sampled_from(RULES), looks=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_any_history_of_layers_ends_as_made_anew(
    changes: list[tuple[str, int, str, int, bool]], rule: PopulationRule, looks: int
) -> None:
    layers = PopulationLayers(GRID, rule)
    now: dict[str, tuple[Utilisation, str, int]] = {}
    for turn, (name, seed, animal, year, goes) in enumerate(changes):
        if goes:
            layers.remove([name])
            now.pop(name, None)
        else:
            layers.replace(layer(name, seed), animals=[animal], years=[year])
            now[name] = layer(name, seed), animal, year
        if turn % looks == 0:
            layers.population()  # what a look keeps must not outlive a change
    fresh = PopulationLayers(GRID, rule)
    for name in sorted(now):
        made, animal, year = now[name]
        fresh.replace(made, animals=[animal], years=[year])
    same(layers.population(), fresh.population())


@given(seed=st.integers(0, 50), order=st.permutations(range(8)), rule=st.sampled_from(RULES))
@settings(max_examples=20, deadline=None)
def test_the_order_of_sequences_changes_nothing(
    seed: int, order: list[int], rule: PopulationRule
) -> None:
    tracks = random_walks(seed, animals=8, fixes=40)
    ud = bridge_sequences(tracks, population_grid(tracks)).utilisation
    animals, years = list("aabbcdde"), np.array([1, 2, 1, 1, 2, 3, 3, 1])
    here = find_population(ud, animals=animals, years=years, rule=rule)
    there = find_population(
        ud.select(order), animals=[animals[n] for n in order], years=years[order], rule=rule
    )
    same(here, there)


@given(seed=st.integers(0, 50), cells_east=st.integers(-40, 40), cells_north=st.integers(-40, 40))
@settings(max_examples=15, deadline=None)
def test_a_shift_by_whole_cells_shifts_the_population(
    seed: int, cells_east: int, cells_north: int
) -> None:
    tracks = random_walks(seed, animals=4, fixes=60)
    moved = replace(tracks, x=tracks.x + 500.0 * cells_east, y=tracks.y + 500.0 * cells_north)
    found = []
    for each in (tracks, moved):
        sequences = label_sequences(each, [each.names[n] for n in each.track])
        grid = population_grid(sequences.tracks)
        ud = bridge_sequences(sequences.tracks, grid).utilisation
        found.append(find_population(ud, animals=sequences.owners))
    assert found[0].cell.tolist() == found[1].cell.tolist()
    assert found[0].count.tolist() == found[1].count.tolist()
    np.testing.assert_allclose(found[0].utilisation.mass, found[1].utilisation.mass, atol=1e-12)


@given(seed=st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_mirrored_and_turned_animals_share_mirrored_cells(seed: int) -> None:
    tracks = random_walks(seed, animals=3, fixes=60)
    turned = replace(tracks, x=-tracks.y, y=tracks.x)
    counts = []
    for each in (tracks, turned):
        ud = bridge_sequences(each, population_grid(each)).utilisation
        found = find_population(ud, animals=each.names)
        counts.append(found.utilisation.grid.dense(found.cell, found.count))
    here, there = counts
    # A quarter turn to the left takes the first column to the last row.
    places = [np.argwhere(np.rot90(here)), np.argwhere(there)]
    assert len(places[0]) == len(places[1])
    if len(places[0]):
        assert np.array_equal(*(place - place.min(axis=0) for place in places))


@given(seed=st.integers(0, 100))
@settings(max_examples=6, deadline=None)
def test_planted_route_and_stops_are_found(seed: int) -> None:
    herd = migrate(8, seed=seed, distance_m=60_000.0, missing=0.1)
    sequences = cut_sequences(
        herd.tracks, track=np.repeat(np.arange(8), 2), begins_ms=herd.leaves_ms.ravel(),
        ends_ms=herd.arrives_ms.ravel(), season=["spring", "autumn"] * 8,
    )  # fmt: skip
    grid = population_grid(sequences.tracks)
    made = bridge_sequences(sequences.tracks, grid)
    found = find_population(made.utilisation, animals=sequences.owners)
    places = np.stack([
        np.interp(np.linspace(0, 1, 500), np.linspace(0, 1, len(herd.route)), herd.route[:, axis])
        for axis in (0, 1)
    ])  # fmt: skip
    # 150 m aside, the animals may just miss a corner of a cell of 500 m that the route touches.
    assert np.isin(grid.cell_at(*places), found.used_by(2)).mean() > 0.98
    stops = grid.cell_at(herd.stay_x, herd.stay_y)
    assert np.isin(stops, find_stopovers(found.utilisation).of(0)).mean() > 0.95
