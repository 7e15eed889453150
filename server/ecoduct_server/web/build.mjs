// Fills vendor/: the map library as published, and an offline base map.
// Run by scripts/setup-web after `npm ci`.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { feature, mesh } from "topojson-client";

const here = new URL("./", import.meta.url);
const vendor = new URL("vendor/", here);
const modules = new URL("node_modules/", here);

await rm(vendor, { recursive: true, force: true });
await mkdir(vendor);
await copyMapLibrary();
await writeFile(new URL("basemap.json", vendor), JSON.stringify(await baseMap()));

async function copyMapLibrary() {
  const from = new URL("maplibre-gl/", modules);
  for (const name of ["maplibre-gl.mjs", "maplibre-gl-worker.mjs"]) {
    const text = await readFile(new URL(`dist/${name}`, from), "utf8");
    // The source maps weigh ten times the library and stay behind.
    await writeFile(new URL(name, vendor), text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));
  }
  await copyFile(new URL("dist/maplibre-gl.css", from), new URL("maplibre-gl.css", vendor));
  await copyFile(new URL("LICENSE.txt", from), new URL("maplibre-gl.LICENSE.txt", vendor));
}

/** Land, borders and country names as one GeoJSON collection; `kind` tells them apart. */
async function baseMap() {
  const file = new URL("world-atlas/countries-50m.json", modules);
  const world = JSON.parse(await readFile(file, "utf8"));
  const { countries, land } = world.objects;
  const shapes = feature(world, land).features.flatMap(({ geometry }) => polygons(geometry));
  const borders = mesh(world, countries, (a, b) => a !== b).coordinates;
  const names = feature(world, countries).features.map(nameOf);
  const drawn = (kind, type, coordinates) =>
    ({ type: "Feature", properties: { kind }, geometry: { type, coordinates } });
  return {
    type: "FeatureCollection",
    features: [
      drawn("land", "MultiPolygon", shapes.map(tidyPolygon).filter((rings) => rings.length)),
      drawn("border", "MultiLineString", borders.map((line) => rounded(unwrapped(line)))),
      ...names,
    ],
  };
}

function polygons({ type, coordinates }) {
  return type === "Polygon" ? [coordinates] : coordinates;
}

function tidyPolygon(rings) {
  const [outer, ...holes] = rings.map(unwrapped);
  const middle = (ring) => (Math.min(...ring.map(lon)) + Math.max(...ring.map(lon))) / 2;
  const centre = middle(outer);
  const beside = holes.map((hole) => shifted(hole, 360 * Math.round((centre - middle(hole)) / 360)));
  // Under four corners, rounding has left no area.
  return [outer, ...beside].map(rounded).filter((ring) => ring.length >= 4);
}

/**
 * The same line without jumps at the antimeridian; longitudes may then exceed 180.
 * A ring around a pole does not close this way, and is led there and back.
 */
function unwrapped(line) {
  let turns = 0;
  const even = line.map(([x, y], k) => {
    if (k && x - line[k - 1][0] > 180) turns -= 1;
    if (k && x - line[k - 1][0] < -180) turns += 1;
    return [x + 360 * turns, y];
  });
  const [first, last] = [even[0], even.at(-1)];
  if (turns === 0 || first[0] === last[0]) return even;
  const pole = first[1] < 0 ? -90 : 90;
  return [...even, [last[0], pole], [first[0], pole], first];
}

/** Two decimals, about a kilometre, are finer than this map's own generalisation. */
function rounded(line) {
  const round = (value) => Math.round(value * 100) / 100;
  const points = line.map(([x, y]) => [round(x), round(y)]);
  return points.filter(([x, y], k) => !k || x !== points[k - 1][0] || y !== points[k - 1][1]);
}

function nameOf({ properties, geometry }) {
  const parts = polygons(geometry).map(([outer]) => unwrapped(outer));
  const largest = parts.reduce((a, b) => (Math.abs(area(b)) > Math.abs(area(a)) ? b : a));
  return {
    type: "Feature",
    properties: { kind: "country", name: properties.name, size: Math.round(Math.abs(area(largest))) },
    geometry: { type: "Point", coordinates: rounded([centroid(largest)])[0] },
  };
}

function area(ring) {
  return ring.slice(1).reduce((sum, [x, y], k) => sum + ring[k][0] * y - x * ring[k][1], 0) / 2;
}

function centroid(ring) {
  const total = [0, 0];
  ring.slice(1).forEach(([x, y], k) => {
    const cross = ring[k][0] * y - x * ring[k][1];
    total[0] += (ring[k][0] + x) * cross;
    total[1] += (ring[k][1] + y) * cross;
  });
  return total.map((value) => value / (6 * area(ring)));
}

function shifted(ring, by) {
  return ring.map(([x, y]) => [x + by, y]);
}

function lon([x]) {
  return x;
}
