/** Longitude `lon` on the turn of the globe nearest to `reference`. */
function nearest(lon, reference) {
  return lon - 360 * Math.round((lon - reference) / 360);
}

/** The same geometry without a jump at the antimeridian, seen from `reference`. */
export function seenFrom(geometry, reference) {
  const moved = (part) =>
    typeof part[0] === "number" ? [nearest(part[0], reference), part[1]] : part.map(moved);
  return { type: geometry.type, coordinates: moved(geometry.coordinates) };
}

/** `[[west, south], [east, north]]` around all features, or null without any. */
export function boundsOf(features) {
  const all = features.flatMap(({ geometry }) => positions(geometry.coordinates));
  if (!all.length) return null;
  const edge = (pick, axis) => all.reduce((best, at) => pick(best, at[axis]), all[0][axis]);
  return [
    [edge(Math.min, 0), edge(Math.min, 1)],
    [edge(Math.max, 0), edge(Math.max, 1)],
  ];
}

export function collection(features) {
  return { type: "FeatureCollection", features };
}

export function pointFeature(coordinates, properties) {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates } };
}

function positions(part) {
  return typeof part[0] === "number" ? [part] : part.flatMap(positions);
}
