"""Data frames in and out: pandas, geopandas, movingpandas.

Nothing else here needs these packages, and without them the rest works: ``pip install
'ecoduct[frames]'`` brings them.
"""

import importlib
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import FloatArray, runs
from ecoduct_analysis.errors import AnalysisError, BadTable
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.tables import find_columns, from_arrow, to_arrow
from ecoduct_analysis.tracks import Tracks

_POSITIONS: Final = ("lon", "lat", "x", "y", "epsg", "crs")


def from_pandas(frame: Any, *, epsg: int | str | None = None, hidden: bool = False) -> Fixes:
    """Fixes of a pandas frame, by the column names of `ecoduct_analysis.tables.COLUMNS`.

    Parameters
    ----------
    frame : pandas.DataFrame
        Times may stand in the index, if no column has them; those without a zone are UTC.
    epsg, hidden
        As for `ecoduct_analysis.tables.from_arrow`.

    Returns
    -------
    Fixes
        ``frame.iloc[fixes.row]`` are the rows in the order of the fixes.

    Raises
    ------
    BadTable
    AnalysisError
        pandas is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.to_datetime(["2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"], utc=True)
    >>> fixes = from_pandas(pd.DataFrame({
    ...     "id": "a", "time": at.tz_convert("Europe/Berlin"), "lon": [8.1, 8.2], "lat": 49.0}))
    >>> fixes.t_ms[1] - fixes.t_ms[0]
    np.int64(3600000)
    """
    return from_arrow(pa.table(_known_columns(frame)), epsg=epsg, hidden=hidden)


def to_pandas(columns: Any, *, names: Sequence[str] = ()) -> Any:
    """Pandas frame of fixes, tracks, or the rows of any result.

    Parameters
    ----------
    columns, names
        As for `ecoduct_analysis.tables.to_arrow`.

    Returns
    -------
    pandas.DataFrame
        Times are aware and in UTC; missing ones are NaT, missing numbers nan.

    Raises
    ------
    AnalysisError
        pandas is not installed.

    Examples
    --------
    >>> fixes = Fixes.from_arrays(["a"], track=[0], t_ms=[5], x=[18.4], y=[-33.9])
    >>> to_pandas(fixes).columns.to_list()
    ['id', 'timestamp', 'lon', 'lat']
    """
    _load("pandas")
    table = to_arrow(columns, names=names)
    for at, field in enumerate(table.schema):
        # Categories would give a group for each animal that a part of the frame lacks.
        if pa.types.is_dictionary(field.type):
            table = table.set_column(at, field.name, table.column(at).cast(pa.string()))
    return table.to_pandas()


def from_geopandas(
    frame: Any, *, time: str | None = None, animal: str | None = None, hidden: bool = False
) -> Fixes:
    """Fixes of a geopandas frame of points, in the projection of the frame.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
        Degrees of another datum become WGS 84. Points that are missing or empty give nan.
    time, animal : str, optional
        Column of the times and of the animals; otherwise by the names of
        `ecoduct_analysis.tables.COLUMNS`, or the index for times.
    hidden : bool
        As for `ecoduct_analysis.tables.from_arrow`.

    Returns
    -------
    Fixes

    Raises
    ------
    BadTable
        As `from_arrow`; or a geometry is no point.
    AnalysisError
        geopandas is not installed.

    Examples
    --------
    >>> import geopandas, pandas as pd
    >>> frame = geopandas.GeoDataFrame(
    ...     {"who": ["a"], "time": pd.to_datetime(["2026-03-01"])},
    ...     geometry=geopandas.points_from_xy([5e5], [4.9e6]), crs=32612)
    >>> fixes = from_geopandas(frame, animal="who")
    >>> fixes.crs, fixes.names, fixes.x
    ('EPSG:32612', ('a',), array([500000.]))
    """
    _load("geopandas")
    places = np.asarray(frame.geometry.array, dtype=object)
    _check_points(places)
    plain = frame.drop(columns=frame.geometry.name)
    columns = _known_columns(plain)
    found = find_columns(list(columns))
    for ours in {"lon", "lat", "x", "y", "epsg"} & found.keys():
        del columns[found[ours]]
    for ours, name, theirs in (("at", "timestamp", time), ("animal", "id", animal)):
        if theirs is not None:
            columns.pop(found.get(ours, ""), None)
            columns[name] = _column(plain, theirs)
    return _of_points(columns, places, frame.crs, hidden=hidden)


def to_geopandas(columns: Fixes | Tracks) -> Any:
    """Geopandas frame of points, with ``id``, ``timestamp`` and what is known of the errors.

    Parameters
    ----------
    columns : Fixes or Tracks

    Returns
    -------
    geopandas.GeoDataFrame
        In the projection of the fixes; in degrees (WGS 84) for tracks of several projections. A
        fix without a position has no geometry.

    Raises
    ------
    AnalysisError
        geopandas is not installed.

    Examples
    --------
    >>> fixes = Fixes.from_arrays(["a"], track=[0], t_ms=[5], x=[18.4], y=[-33.9])
    >>> to_geopandas(fixes).geometry.iloc[0]
    <POINT (18.4 -33.9)>
    """
    geopandas = _load("geopandas")
    x, y, crs = _one_crs(columns)
    places = np.full(len(columns), None, dtype=object)
    known = np.isfinite(x) & np.isfinite(y)
    places[known] = shapely.points(x[known], y[known])
    frame = to_pandas(columns)
    frame = frame.drop(columns=[name for name in _POSITIONS if name in frame.columns])
    return geopandas.GeoDataFrame(frame, geometry=geopandas.GeoSeries(places, crs=crs))


def from_movingpandas(trajectories: Any, *, zone: str | None = None) -> Fixes:
    """Fixes of a movingpandas collection, or of one trajectory.

    Movingpandas takes the zone off the times it is given and keeps what the clock showed. That
    cannot be seen afterwards: say ``zone`` if the times were not in UTC.

    Parameters
    ----------
    trajectories : movingpandas.TrajectoryCollection or movingpandas.Trajectory
    zone : str, optional
        Where the clock stood, as ``Europe/Berlin``. Times that it shows twice or never, in the
        nights of clock change, are ``NO_TIME``: which one was meant is lost.

    Returns
    -------
    Fixes
        Each trajectory is one animal, named by its id. Times are UTC if no zone is given.

    Raises
    ------
    BadTable
    AnalysisError
        movingpandas is not installed.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a"], track=[0, 0], t_ms=[0, 1000], x=[0, 5], y=[0, 0], crs="EPSG:32612")
    >>> from_movingpandas(to_movingpandas(tracks)).x
    array([0., 5.])
    """
    _load("movingpandas")
    pandas = _load("pandas")
    every = list(getattr(trajectories, "trajectories", [trajectories]))
    if not every:
        return Fixes.from_arrays([], track=[], t_ms=[], x=[], y=[])
    index = [_in_utc(one.df.index, zone) for one in every]
    places = np.concatenate([np.asarray(one.df.geometry.array, dtype=object) for one in every])
    _check_points(places)
    lengths = [len(one.df) for one in every]
    columns = {
        "id": pa.array(np.repeat([str(one.id) for one in every], lengths)),
        "timestamp": pa.array(pandas.Series(np.concatenate([one.to_numpy() for one in index]))),
    }
    return _of_points(columns, places, every[0].df.crs)


def to_movingpandas(columns: Fixes | Tracks) -> Any:
    """Movingpandas collection, with one trajectory for each animal and times in UTC.

    Parameters
    ----------
    columns : Fixes or Tracks
        Screen first: movingpandas keeps only the first of several fixes at one time. Fixes
        without time or position, and animals with fewer than two fixes, cannot be in a
        trajectory and are left out.

    Returns
    -------
    movingpandas.TrajectoryCollection

    Raises
    ------
    AnalysisError
        movingpandas is not installed.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a"], track=[0, 0], t_ms=[0, 1000], x=[0, 5], y=[0, 0], crs="EPSG:32612")
    >>> to_movingpandas(tracks).trajectories[0].get_length()
    5.0
    """
    movingpandas = _load("movingpandas")
    frame = to_geopandas(columns)
    frame = frame[frame.geometry.notna() & frame["timestamp"].notna()]
    frame = frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None)).set_index("timestamp")
    with warnings.catch_warnings():
        # Newer versions of pandas warn of the way it sorts; and in a plane that is not on the
        # globe the plain distances that it warns of are the right ones.
        warnings.filterwarnings("ignore", "The inplace keyword", DeprecationWarning)
        warnings.filterwarnings("ignore", "Trajectory generated without CRS", UserWarning)
        return movingpandas.TrajectoryCollection(frame, traj_id_col="id", crs=frame.crs)


def _load(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            # It tells at every import which smoother it could not find; we use none of its own.
            warnings.filterwarnings("ignore", "Missing optional dependencies", UserWarning)
            return importlib.import_module(name)
    except ImportError as error:
        raise AnalysisError(f"This needs {name}: pip install 'ecoduct[frames]'.") from error


def _known_columns(frame: Any) -> dict[str, Any]:
    pandas = _load("pandas")
    frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    if "at" not in find_columns(frame.columns) and isinstance(frame.index, pandas.DatetimeIndex):
        frame = frame.assign(timestamp=frame.index)
    return {name: _column(frame, name) for name in find_columns(frame.columns).values()}


def _column(frame: Any, name: str) -> Any:
    count = list(frame.columns).count(name)
    if count != 1:
        raise BadTable(
            f"The column {name!r} is there {count} times among: {', '.join(map(str, frame))}."
        )
    series = frame[name]
    if series.dtype == object:
        # Arrow refuses a column of numbers and words, or of times in several zones.
        series = series.map(str, na_action="ignore")
    return pa.chunked_array([pa.Array.from_pandas(series)])


def _check_points(places: Any) -> None:
    kinds = shapely.get_type_id(places)
    other = np.flatnonzero((kinds != shapely.GeometryType.POINT) & (kinds != -1))
    if len(other):
        raise BadTable(f"Row {other[0] + 1} holds a {places[other[0]].geom_type}: give points.")


def _of_points(columns: dict[str, Any], places: Any, crs: Any, *, hidden: bool = False) -> Fixes:
    x, y = shapely.get_x(places), shapely.get_y(places)
    made = columns | {"x": pa.array(x, from_pandas=True), "y": pa.array(y, from_pandas=True)}
    code = None if crs is None else crs.to_epsg() or crs.to_wkt()
    return from_arrow(pa.table(made), epsg=code, hidden=hidden)


def _in_utc(index: Any, zone: str | None) -> Any:
    if index.tz is None:
        if zone is None:
            return index
        index = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return index.tz_convert("UTC").tz_localize(None)


def _one_crs(columns: Fixes | Tracks) -> tuple[FloatArray, FloatArray, str | None]:
    if isinstance(columns, Fixes) or len(set(columns.crs)) <= 1:
        crs = columns.crs if isinstance(columns, Fixes) else next(iter(columns.crs), None)
        return columns.x, columns.y, crs
    x, y = columns.x.copy(), columns.y.copy()
    for crs in set(columns.crs):
        which = [n for n, one in enumerate(columns.crs) if one == crs]
        at, _ = runs(np.array(which, dtype=np.int64), columns.offsets)
        x[at], y[at] = change_crs(x[at], y[at], source=crs, target=DEGREES)
    return x, y, DEGREES
