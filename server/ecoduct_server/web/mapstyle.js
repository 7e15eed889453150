import { collection } from "./geo.js";

const FONT = ["sans-serif"];
const isPolygon = ["==", ["geometry-type"], "Polygon"];
const isLine = ["==", ["geometry-type"], "LineString"];
const isPoint = ["==", ["geometry-type"], "Point"];
const ofKind = (kind, ...more) => ["all", ["==", ["get", "kind"], kind], ...more];
const byZoom = (low, high) => ["interpolate", ["linear"], ["zoom"], 5, low, 12, high];

/** The colours of the map, kept in page.css beside the rest of the page's. */
export function mapColours() {
  const page = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => page.getPropertyValue(`--map-${name}`).trim() });
}

/** MapLibre's description of the whole map: what is drawn, from what, in which order. */
export function mapStyle(colours) {
  const geojson = (data) => ({ type: "geojson", data });
  const empty = () => geojson(collection([]));
  return {
    version: 8,
    sources: {
      world: geojson("/static/vendor/basemap.json"),
      landscape: empty(),
      trails: empty(),
      animals: empty(),
      alerts: empty(),
      selected: empty(),
    },
    layers: [...ground(colours), ...landscape(colours), ...animals(colours), ...alerts(colours)],
  };
}

function ground(colours) {
  return [
    { id: "water", type: "background", paint: { "background-color": colours.water } },
    layer("land", "world", "fill", ofKind("land"), { "fill-color": colours.land }),
    layer("borders", "world", "line", ofKind("border"), {
      "line-color": colours.border,
      "line-dasharray": [3, 2],
    }),
    label("countries", "world", ofKind("country"), colours.faint, colours, {
      "text-size": 13,
      "text-letter-spacing": 0.12,
      "symbol-sort-key": ["-", ["get", "size"]],
    }),
  ];
}

function landscape(colours) {
  const line = { "line-join": "round" };
  const corridor = { "line-color": colours.corridor };
  return [
    layer("corridor-area", "landscape", "fill", ofKind("corridor", isPolygon), {
      "fill-color": colours.corridor,
      "fill-opacity": 0.35,
    }),
    layer("corridor-band", "landscape", "line", ofKind("corridor", isLine),
      { ...corridor, "line-width": byZoom(6, 22), "line-opacity": 0.35 },
      { ...line, "line-cap": "round" }),
    layer("corridor-edge", "landscape", "line", ofKind("corridor", isPolygon), corridor, line),
    layer("place-area", "landscape", "fill", ofKind("place", isPolygon), {
      "fill-color": colours.place,
      "fill-opacity": 0.18,
    }),
    layer("place-edge", "landscape", "line", ofKind("place", ["!", isPoint]), {
      "line-color": colours.place,
      "line-width": 1.5,
      "line-dasharray": [3, 2],
    }),
    layer("place-point", "landscape", "circle", ofKind("place", isPoint), {
      "circle-color": colours.land,
      "circle-stroke-color": colours.place,
      "circle-stroke-width": 2.5,
      "circle-radius": 5,
    }),
    layer("barrier-line", "landscape", "line", ofKind("barrier"),
      { "line-color": colours.barrier, "line-width": 2.2 }, line),
    // One short wide dash after a long gap: the posts of a fence, without a picture to load.
    layer("barrier-posts", "landscape", "line", ofKind("barrier"), {
      "line-color": colours.barrier,
      "line-width": 9,
      "line-dasharray": [0.18, 1.2],
    }),
  ];
}

function animals(colours) {
  const own = ["get", "colour"];
  return [
    // Newer is stronger, so a trail tells which way it was walked.
    layer("trails", "trails", "line", true, {
      "line-color": own,
      "line-width": ["match", ["get", "age"], 0, 2.6, 1, 2, 1.5],
      "line-opacity": ["match", ["get", "age"], 0, 0.95, 1, 0.6, 0.3],
    }, { "line-join": "round", "line-cap": "round" }),
    // Above the middle: that is where animals stay, and their own names stand below them.
    label("landscape-names", "landscape", ["!", isLine], colours.text, colours, {
      "text-offset": [0, -0.9],
      "text-anchor": "bottom",
    }),
    label("barrier-names", "landscape", isLine, colours.barrier, colours, {
      "symbol-placement": "line",
      "text-offset": [0, -1.1],
      "symbol-spacing": 260,
    }),
    layer("animals", "animals", "circle", true, {
      "circle-color": own,
      "circle-radius": 5.5,
      "circle-stroke-color": colours.rim,
      "circle-stroke-width": 2,
    }),
  ];
}

function alerts(colours) {
  return [
    layer("selected", "selected", "circle", true, {
      "circle-color": "transparent",
      "circle-radius": 19,
      "circle-stroke-color": colours.text,
      "circle-stroke-width": 2.5,
    }),
    layer("alerts", "alerts", "symbol", true, {}, {
      "icon-image": ["get", "severity"],
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
      "symbol-sort-key": ["match", ["get", "severity"], "high", 2, "medium", 1, 0],
    }),
    label("animal-names", "animals", true, colours.text, colours, {
      "text-offset": [0, 1.15],
      "text-anchor": "top",
      "text-size": 12.5,
    }),
  ];
}

function layer(id, source, type, filter, paint, layout = {}) {
  return { id, source, type, filter, paint, layout };
}

function label(id, source, filter, colour, colours, layout) {
  return layer(id, source, "symbol", filter,
    { "text-color": colour, "text-halo-color": colours.halo, "text-halo-width": 1.6 },
    { "text-field": ["get", "name"], "text-font": FONT, "text-size": 13, ...layout });
}
