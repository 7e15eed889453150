"""What an analysis writes: a folder of tables, a GeoPackage, rasters, a record; all or nothing."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyogrio
import rasterio
import shapely
from pyogrio.errors import DataSourceError
from rasterio.errors import RasterioIOError

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.tables import with_iso_times
from ecoduct_server.commands.analysing import record as records
from ecoduct_server.errors import BadRequest

GEOPACKAGE: Final = "results.gpkg"
_KINDS: Final = {
    int(shapely.GeometryType.POINT): "Point",
    int(shapely.GeometryType.LINESTRING): "LineString",
    int(shapely.GeometryType.POLYGON): "Polygon",
    int(shapely.GeometryType.MULTIPOLYGON): "MultiPolygon",
}
_UNFINISHED: Final = ".unfinished"  # in the folder itself: a rename never crosses disks


class Results:
    """Tables of one run, while they grow.

    Parameters
    ----------
    folder : Path
        Where they lie until the run is finished.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, pyarrow.csv.CSVWriter] = {}
        self._schemas: dict[str, pa.Schema] = {}
        self._record: dict[str, Any] | None = None

    def write_table(
        self, name: str, table: pa.Table, *, geometry: Any = None, crs: str | None = None
    ) -> None:
        """Add rows to ``NAME.csv`` and to the layer ``NAME`` of the GeoPackage.

        Parameters
        ----------
        name : str
        table : pyarrow.Table
            Has the same columns at every call for one name. Times are written as ISO 8601 in UTC,
            numbers so that they read back as the same number, missing ones as nothing.
        geometry : array of shapely geometries, optional
            One for each row, of one kind, None where there is none; in the GeoPackage only.
        crs : str, optional
            Projection of the geometries.
        """
        # GDAL and CSV files know no dictionaries.
        table = pa.table({
            field.name: table[field.name].cast(pa.string())
            if pa.types.is_dictionary(field.type) else table[field.name]
            for field in table.schema
        })  # fmt: skip
        is_new = name not in self._tables
        table = table if is_new else table.cast(self._schemas[name])
        text = with_iso_times(table)
        if is_new:
            self._schemas[name] = table.schema
            self._tables[name] = pyarrow.csv.CSVWriter(self.folder / f"{name}.csv", text.schema)
        self._tables[name].write_table(text)
        _add_to_layer(self.folder / GEOPACKAGE, name, table, geometry, crs)

    def write_raster(self, name: str, grid: Grid, values: FloatArray) -> None:
        """Write ``NAME.tif``, a GeoTIFF of single precision; what is not known is nan.

        Parameters
        ----------
        name : str
        grid : Grid
        values : (rows, columns) array
            The first row is the northernmost.
        """
        place = rasterio.Affine(grid.cell_m, 0.0, grid.west, 0.0, -grid.cell_m, grid.north)
        with rasterio.open(
            self.folder / f"{name}.tif", "w", driver="GTiff", width=grid.columns, height=grid.rows,
            count=1, dtype="float32", nodata=np.nan, crs=grid.crs, transform=place,
            compress="deflate", predictor=3, tiled=True,
        ) as raster:  # fmt: skip
            raster.write(values.astype(np.float32), 1)

    def write_record(self, record: dict[str, Any]) -> None:
        """Keep the record of the run; without one the results are thrown away."""
        self._record = record

    def close(self) -> None:
        """Finish the tables; nothing can be added then."""
        for writer in self._tables.values():
            writer.close()
        self._tables.clear()

    def finish(self, out: Path) -> None:
        """Put the files in place of those of an earlier run, the record last."""
        self.close()
        if self._record is None:
            raise BadRequest(
                "The run kept no record.", where=str(out), remedy="Report this: it is a fault."
            )
        earlier = set(records.outputs(out))
        made = sorted(path.name for path in self.folder.iterdir())
        records.write(self.folder / records.NAME, self._record | {"outputs": made})
        # The old record names the old files until the new one names the new ones, so that a run
        # that is killed in between leaves a folder which the next run may still replace.
        for name in [*made, records.NAME]:
            (self.folder / name).replace(out / name)
        for name in earlier - set(made):
            (out / name).unlink(missing_ok=True)


@contextmanager
def open_results(out: Path) -> Iterator[Results]:
    """Folder of results that appear when the block ends well; else all stays as it was.

    Raises
    ------
    BadRequest
        The folder holds something else than the results of an earlier run, or cannot be made.
    """
    is_new = not out.exists()
    unfinished = out / _UNFINISHED
    try:
        _check(out)
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    results = Results(unfinished)
    try:
        yield results
        results.finish(out)
    except (OSError, DataSourceError, RasterioIOError) as error:
        raise _unwritable(out, error) from error
    finally:
        results.close()
        shutil.rmtree(unfinished, ignore_errors=True)
        if is_new and not any(out.iterdir()):
            out.rmdir()


def _unwritable(out: Path, error: Exception) -> BadRequest:
    told = getattr(error, "strerror", None) or str(error)
    remedy = "Give another --out, or make room there."
    return BadRequest(f"The results cannot be written: {told}.", where=str(out), remedy=remedy)


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadRequest("It is a file.", where=str(out), remedy="Give a folder as --out.")
    held = [path.name for path in out.iterdir() if path.name != _UNFINISHED] if out.exists() else []
    if held and not records.is_record(out / records.NAME):
        raise BadRequest(
            f"The folder holds {len(held)} files that no analysis wrote, one is {held[0]}.",
            where=str(out), remedy="Give a new folder as --out, or an earlier run's.",
        )  # fmt: skip


def _add_to_layer(path: Path, layer: str, table: pa.Table, geometry: Any, crs: str | None) -> None:
    kind: dict[str, str] = {}
    if geometry is not None:
        table = table.append_column("geometry", pa.array(shapely.to_wkb(geometry), pa.binary()))
        found = {int(number) for number in shapely.get_type_id(geometry)} - {-1}
        name = _KINDS.get(found.pop(), "Unknown") if len(found) == 1 else "Unknown"
        kind = {"geometry_name": "geometry", "geometry_type": name}
    with warnings.catch_warnings():
        # A plane that is not on the globe has no projection to give.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        pyogrio.write_arrow(
            table, path, layer=layer, driver="GPKG", crs=crs, append=path.exists(), **kind
        )
