"""Use of given corridors: in, out, through, and what GPS error and silence may not do."""

import math

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.corridor_use import (
    SIDES,
    Corridors,
    CorridorUse,
    CorridorUseRule,
    measure_corridor_use,
)
from ecoduct_analysis.errors import BadFeatures, BadRule, NotProjected
from ecoduct_analysis.tracks import Tracks
from gallery import HOUR_MS, TRACKS, walk

STRIP = shapely.box(0, 0, 1000, 200)
EXACT = CorridorUseRule(tolerance_m=0)


def used(tracks: Tracks, *areas: BaseGeometry, rule: CorridorUseRule | None = None) -> CorridorUse:
    names = [str(n) for n in range(len(areas))]
    return measure_corridor_use(tracks, Corridors.from_geometries(names, areas), rule)


def sides(numbers: np.ndarray) -> list[str]:
    return [SIDES[n] for n in numbers.tolist()]


def test_a_walk_through_is_one_transit_cut_at_the_border() -> None:
    use = used(walk((-500, 100), (500, 100), (1500, 100)), STRIP)
    seen = use.visits
    assert (seen.enters_ms.tolist(), seen.leaves_ms.tolist()) == (
        [HOUR_MS // 2],
        [HOUR_MS * 3 // 2],
    )
    assert (seen.enters_x.tolist(), seen.leaves_x.tolist()) == ([0.0], [1000.0])
    assert (seen.distance_m.tolist(), seen.inside_s.tolist()) == ([1000.0], [3600.0])
    assert (sides(seen.enters_by), sides(seen.leaves_by)) == (["begin"], ["end"])
    assert (seen.is_transit.tolist(), seen.completeness.tolist()) == ([True], [1.0])
    assert (use.entries[0], use.exits[0], use.transits[0]) == (1, 1, 1)
    assert (use.share_time[0], use.share_distance[0]) == (0.5, 0.5)


def test_one_step_may_pass_through() -> None:
    seen = used(walk((-500, 100), (1500, 100)), STRIP).visits
    assert (len(seen), bool(seen.is_transit[0])) == (1, True)
    assert seen.last[0] < seen.first[0]
    assert seen.distance_m[0] == 1000.0


def test_who_turns_back_has_got_as_far_as_the_turn() -> None:
    seen = used(walk((-100, 100), (400, 100), (-100, 100)), STRIP).visits
    assert (sides(seen.enters_by), sides(seen.leaves_by)) == (["begin"], ["begin"])
    assert (bool(seen.is_transit[0]), seen.completeness[0]) == (False, 0.4)


def test_who_crosses_from_side_to_side_is_across_and_no_transit() -> None:
    seen = used(walk((500, -300), (500, 500)), STRIP).visits
    assert (sides(seen.enters_by), sides(seen.leaves_by)) == (["right"], ["left"])
    assert (bool(seen.is_across[0]), bool(seen.is_transit[0])) == (True, False)
    assert seen.completeness[0] == 0.0


def test_a_track_that_begins_or_ends_inside_has_not_entered_or_left() -> None:
    use = used(walk((500, 100), (500, 900), (500, 100)), STRIP)
    seen = use.visits
    assert seen.begins_inside.tolist() == [True, False]
    assert seen.ends_inside.tolist() == [False, True]
    assert (sides(seen.enters_by), sides(seen.leaves_by)) == (
        ["unknown", "left"],
        ["left", "unknown"],
    )
    assert (use.entries[0], use.exits[0]) == (1, 1)
    assert (seen.enters_ms[0], seen.leaves_ms[1]) == (0, 2 * HOUR_MS)


def test_a_track_that_never_meets_the_border_is_inside_or_is_not() -> None:
    use = used(walk((100, 100), (900, 100)), STRIP, shapely.box(0, 500, 900, 900))
    assert (len(use.visits), use.visits.corridor.tolist()) == (1, [0])
    assert use.visits.begins_inside[0]
    assert use.visits.ends_inside[0]
    assert use.share_time.tolist() == [1.0, 0.0]
    assert np.isnan(use.completeness[1])


def test_fixes_that_scatter_over_the_border_make_no_entries() -> None:
    rests = [(500, 200 + off) for off in (15, -10, 12, -8, 5, -15, 9)]
    tracks = walk((500, 900), *rests, (500, 900))
    assert len(used(tracks, STRIP).visits) == 0
    assert len(used(tracks, STRIP, rule=EXACT).visits) == 3


def test_fixes_that_scatter_over_the_border_break_no_visit() -> None:
    rests = [(500, 200 + off) for off in (15, -10, 12, -8, 5, -15, 9)]
    tracks = walk((500, 900), (500, 100), *rests, (500, 100), (500, -900))
    seen = used(tracks, STRIP).visits
    assert len(seen) == 1
    assert (sides(seen.enters_by), sides(seen.leaves_by)) == (["left"], ["right"])
    assert len(used(tracks, STRIP, rule=EXACT).visits) == 5


def test_time_outside_by_scatter_is_not_time_inside() -> None:
    tracks = walk((500, 190), (500, 210), (500, 190))
    use = used(walk((500, 100), (500, 190), (500, 210), (500, 190), (500, 100)), STRIP)
    assert len(use.visits) == 1
    assert use.visits.inside_s[0] == pytest.approx(3 * 3600.0)
    assert len(used(tracks, STRIP).visits) == 0


def test_a_true_absence_parts_two_visits() -> None:
    seen = used(walk((500, 100), (500, 250), (500, 100)), STRIP).visits
    assert len(seen) == 2


def test_an_overpass_narrower_than_the_error_is_still_passed() -> None:
    overpass = shapely.box(0, 0, 60, 20)
    use = used(walk((-50, 10), (30, 10), (110, 10)), overpass)
    assert use.transits.tolist() == [1]


def test_a_gap_marks_the_visit_and_counts_as_neither_inside_nor_known() -> None:
    tracks = walk((-100, 100), (100, 100), (900, 100), (1100, 100), hours=[0, 1, 49, 50])
    use = used(tracks, STRIP)
    assert (use.visits.has_gap.tolist(), use.visits.is_transit.tolist()) == ([True], [True])
    assert use.inside_s[0] == pytest.approx(3600.0)
    assert use.share_time[0] == pytest.approx(0.5)
    assert used(tracks, STRIP, rule=CorridorUseRule(max_gap_h=48)).visits.has_gap.tolist() == [
        False
    ]


def test_a_hole_is_outside() -> None:
    ring = shapely.box(0, 0, 900, 900).difference(shapely.box(300, 300, 600, 600))
    use = used(walk((-100, 450), (1000, 450)), ring)
    assert len(use.visits) == 2
    assert use.inside_m[0] == pytest.approx(600.0)


def test_two_parts_that_touch_at_a_corner_are_one_way() -> None:
    parts = shapely.MultiPolygon([shapely.box(0, 0, 100, 100), shapely.box(100, 100, 200, 200)])
    use = used(walk((-50, -50), (250, 250)), parts, rule=EXACT)
    assert use.inside_m[0] == pytest.approx(math.hypot(200, 200))
    assert len(use.visits) == 1


def test_corridors_that_overlap_and_twins_are_each_looked_at_alone() -> None:
    use = used(walk((-500, 100), (1500, 100)), STRIP, shapely.box(500, 0, 800, 200), STRIP)
    assert use.visits.corridor.tolist() == [0, 1, 2]
    np.testing.assert_allclose(use.inside_m, [1000, 300, 1000])
    assert use.transits[0] == use.transits[2] == 1


def test_a_fix_on_the_border_enters_once() -> None:
    use = used(walk((-100, 100), (0, 100), (500, 100), (1000, 100), (1100, 100)), STRIP)
    assert (use.entries[0], use.exits[0], use.transits[0]) == (1, 1, 1)
    assert use.visits.distance_m[0] == 1000.0


def test_progress_follows_a_bent_axis_that_is_given() -> None:
    bend = shapely.LineString([(0, 0), (1000, 0), (1000, 1000), (0, 1000)])
    area = bend.buffer(100, cap_style="flat", join_style="mitre")
    corridors = Corridors.from_geometries(["u"], [area], axes=[bend])
    through = walk((-100, 0), (1000, 0), (1000, 1000), (-100, 1000))
    seen = measure_corridor_use(through, corridors).visits
    assert (seen.is_transit.tolist(), seen.completeness.tolist()) == ([True], [1.0])
    half = walk((-100, 0), (1000, 0), (1000, 500), (1500, 500))
    seen = measure_corridor_use(half, corridors).visits
    assert seen.completeness[0] == pytest.approx(0.5)
    assert sides(seen.leaves_by) == ["right"]


def test_the_axis_of_a_strip_leads_from_its_western_end() -> None:
    turned = shapely.Polygon([(0, 0), (10, 0), (110, 1000), (100, 1000)])
    corridors = Corridors.from_geometries(["a", "b"], [STRIP, turned])
    assert shapely.get_coordinates(corridors.axes[0]).tolist() == [[0, 100], [1000, 100]]
    ends = shapely.get_coordinates(corridors.axes[1])
    assert (ends[0, 0] < ends[1, 0], ends[1, 1] - ends[0, 1] > 900) == (True, True)
    np.testing.assert_allclose(corridors.width_m[0], 200.0, rtol=0.05)


@pytest.mark.parametrize("name", TRACKS)
def test_awkward_tracks_are_borne(name: str) -> None:
    tracks = TRACKS[name]
    use = used(tracks, shapely.box(-1, -1, 4, 2), shapely.box(900, 900, 950, 2000))
    assert len(use) == 2 * len(tracks.names)
    known = np.isfinite(use.share_time)
    assert ((use.share_time >= 0) & (use.share_time <= 1 + 1e-12))[known].all()


def test_no_corridor_gives_no_row() -> None:
    use = measure_corridor_use(walk((0, 0), (1, 1)), Corridors.from_geometries([], []))
    assert (len(use), len(use.visits)) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"tolerance_m": -1}, {"tolerance_m": math.nan}, {"max_gap_h": 0}, {"max_gap_h": math.nan},
     {"end_part": 0}, {"end_part": 0.6}, {"end_part": math.nan}],
)  # fmt: skip
def test_a_rule_that_cannot_be_used_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        CorridorUseRule(**wrong)


def test_what_is_no_corridor_is_refused() -> None:
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    for area in (shapely.LineString([(0, 0), (1, 1)]), bow, shapely.Polygon()):
        with pytest.raises(BadFeatures):
            Corridors.from_geometries(["a"], [area])
    with pytest.raises(BadFeatures, match="axis"):
        Corridors.from_geometries(["a"], [STRIP], axes=[shapely.Point(0, 0)])
    there = Corridors.from_geometries(["a"], [STRIP], crs="EPSG:32633")
    here = Tracks.from_arrays(["a"], track=[0], t_ms=[0], x=[0], y=[0], crs="EPSG:32634")
    with pytest.raises(NotProjected):
        measure_corridor_use(here, there)
