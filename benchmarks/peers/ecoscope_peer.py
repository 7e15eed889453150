"""ecoscope in its own environment: ``steps``, ``screen`` or ``ud`` on fixes of an .npz file."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas
import numpy as np
import pandas as pd

from benchmarks.peer_process import serve

KM_H_PER_M_S = 3.6


def load() -> Any:
    """Module ``ecoscope.base`` as published.

    The ``__init__`` of the package and of two of its parts would import readers and maps, and
    with them a hundred packages that are not used here; bare packages of the same names and
    places stand in.
    """
    found = importlib.util.find_spec("ecoscope")
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError("ecoscope")
    for name, part in (("ecoscope", ""), ("ecoscope.io", "io"), ("ecoscope.analysis", "analysis")):
        package = ModuleType(name)
        package.__path__ = [str(Path(at, part)) for at in found.submodule_search_locations]
        sys.modules[name] = package
    return importlib.import_module("ecoscope.base")


def read(base: Any, path: Path) -> Any:
    """Fixes as ecoscope holds them; not part of a round."""
    given = np.load(path)
    frame = pd.DataFrame(
        {
            "track": given["track"],
            "row": np.arange(len(given["x"])),
            "fixtime": pd.to_datetime(given["t_ms"], unit="ms", utc=True),
        }
    )
    places = geopandas.points_from_xy(given["x"], given["y"])
    held = geopandas.GeoDataFrame(frame, geometry=places, crs=4326)
    return base.Relocations.from_gdf(held, groupby_col="track")


def steps(base: Any, fixes: Any) -> Any:
    """Length, speed and heading of every step."""
    return base.Trajectory.from_relocations(fixes)


def screen(base: Any, fixes: Any, *, gate_m_s: float) -> Any:
    """Mark what is faster than a gate, and take it out."""
    gate = base.RelocsSpeedFilter(max_speed_kmhr=gate_m_s * KM_H_PER_M_S)
    return fixes.apply_reloc_filter(gate).remove_filtered()


def prepare_ud(base: Any, fixes: Any) -> list[Any]:
    """Trajectory of each animal and a projection about it; not part of a round."""
    made = []
    for _, animal in fixes.groupby("extra__track"):
        lon, lat = animal.geometry.x.mean(), animal.geometry.y.mean()
        crs = f"+proj=laea +lon_0={lon:.4f} +lat_0={lat:.4f} +datum=WGS84 +units=m"
        made.append((base.Trajectory.from_relocations(base.Relocations(animal)), crs))
    return made


def ud(animals: list[Any], *, cell_m: float) -> list[float]:
    """Elliptical time density of each animal, kept in memory; mass of each."""
    density = importlib.import_module("ecoscope.analysis.UD.etd_range")
    raster = importlib.import_module("ecoscope.io.raster")
    rasterio = importlib.import_module("rasterio")
    sums = []
    for steps_of, crs in animals:
        # As its own examples have it: it refuses an animal that was ever faster than its limit.
        fastest = float(steps_of.speed_kmhr.max()) * 1.05
        profile = raster.RasterProfile(pixel_size=cell_m, crs=crs)
        density.calculate_etd_range(
            steps_of, "/vsimem/ud.tif", max_speed_kmhr=fastest, raster_profile=profile,
            weibull_pdf=density.Weibull2Parameter(),
        )  # fmt: skip
        with rasterio.open("/vsimem/ud.tif") as made:
            sums.append(float(made.read(1).sum()))
    return sums


def main() -> None:
    """Serve one operation."""
    base = load()
    operation, path = sys.argv[1], Path(sys.argv[2])
    fixes = read(base, path)
    if operation == "ud":
        animals, cell_m = prepare_ud(base, fixes), float(sys.argv[3])
        serve(lambda: ud(animals, cell_m=cell_m), list)
    elif operation == "steps":
        serve(lambda: steps(base, fixes), len)
    else:
        gate_m_s = float(sys.argv[3])
        serve(
            lambda: screen(base, fixes, gate_m_s=gate_m_s),
            lambda kept: [int(row) for row in kept["extra__row"]],
        )


if __name__ == "__main__":
    main()
