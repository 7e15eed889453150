import { AttributionControl, Map as GlMap, NavigationControl, Popup, ScaleControl } from "./vendor/maplibre-gl.mjs";
import { boundsOf, collection, pointFeature, seenFrom } from "./geo.js";
import { mapColours, mapStyle } from "./mapstyle.js";
import { colourOf, SEVERITIES, severityOf, shapeImage } from "./shapes.js";
import { WORDS } from "./words.js";

const DAY_MS = 86_400_000;
const TRAIL_AGES_MS = [0, DAY_MS, 3 * DAY_MS, Infinity];
const CLOSE_ZOOM = 10;
const CROWD = 40;

/**
 * The map in `container`. Nothing is drawn before it is told.
 *
 * @param {object} on `alert(id)` when an alert is chosen, `animal(name)` gives the
 *   lines of an animal's card.
 */
export async function createMap(container, on) {
  const map = new GlMap({
    container,
    style: mapStyle(mapColours()),
    center: [20, 20],
    zoom: 1.2,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    locale: {
      "Map.Title": WORDS.map,
      "NavigationControl.ZoomIn": WORDS.zoomIn,
      "NavigationControl.ZoomOut": WORDS.zoomOut,
    },
  });
  map.addControl(new NavigationControl({ showCompass: false }), "top-left");
  map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
  map.addControl(new AttributionControl({ compact: false, customAttribution: WORDS.attribution }));
  map.touchZoomRotate.disableRotation();

  const drawn = { landscape: [], trails: [], animals: [], alerts: [], selected: [] };
  let reference = 0;
  const draw = (source, features) => {
    drawn[source] = features;
    map.getSource(source)?.setData(collection(features));
  };
  const dress = () => {
    addShapes(map);
    for (const source of Object.keys(drawn)) draw(source, drawn[source]);
  };
  // Posts of a thousand fences are a blot from afar; close by they are fences again.
  const crowd = () => {
    const far = drawn.landscape.length > CROWD ? CLOSE_ZOOM - 1 : 0;
    map.setLayerZoomRange("barrier-posts", far, 24);
    map.setPaintProperty("barrier-line", "line-width", far ? 1 : 2.2);
  };
  await map.once("style.load");
  dress();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    map.once("style.load", () => {
      dress();
      crowd();
    });
    map.setStyle(mapStyle(mapColours()), { diff: false });
  });
  pointable(map, "alerts", ({ properties }) => on.alert(properties.id));
  pointable(map, "animals", (feature) => showCard(map, feature, on.animal(feature.properties.name)));

  return {
    landscape(features) {
      const placed = features.filter(({ geometry }) => geometry?.coordinates?.length);
      draw("landscape", placed.map((each) => around(each, reference)).map(named));
      crowd();
    },
    tracks(features) {
      const walked = features.filter(({ geometry }) => geometry?.coordinates?.length);
      reference = walked[0]?.geometry.coordinates.at(-1)[0] ?? reference;
      const seen = walked.map((each) => around(each, reference));
      draw("trails", seen.flatMap(trail));
      draw("animals", seen.map(lastPlace));
    },
    alerts(alerts) {
      const placed = alerts.filter(({ lon, lat }) => lon != null && lat != null);
      draw("alerts", placed.map((alert) =>
        pointFeature([alert.lon, alert.lat], { id: alert.id, severity: severityOf(alert) })));
    },
    /** Shows what there is, in a crowded landscape the animals, and tells whether there was any. */
    fit() {
      const herd = [...drawn.trails, ...drawn.animals];
      const isCrowded = drawn.landscape.length > CROWD && herd.length > 0;
      const bounds = boundsOf(isCrowded ? herd : [...drawn.landscape, ...herd]);
      const padding = container.clientWidth / 16;
      if (bounds) map.fitBounds(bounds, { padding, maxZoom: 12, duration: 0 });
      return bounds !== null;
    },
    flyTo(place) {
      draw("selected", [pointFeature(place, {})]);
      map.flyTo({ center: place, zoom: Math.max(map.getZoom(), CLOSE_ZOOM), speed: 1.6 });
    },
  };
}

function addShapes(map) {
  const colours = mapColours();
  for (const severity of SEVERITIES) {
    const image = shapeImage(severity, { fill: colours[severity], rim: colours.rim });
    map.addImage(severity, image, { pixelRatio: 2 });
  }
}

function pointable(map, layer, chosen) {
  map.on("click", layer, ({ features }) => chosen(features[0]));
  map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
}

function showCard(map, { geometry }, [title, ...lines]) {
  const card = document.createElement("div");
  card.append(Object.assign(document.createElement("strong"), { textContent: title }));
  for (const line of lines) {
    card.append(Object.assign(document.createElement("p"), { textContent: line }));
  }
  new Popup({ offset: 12, maxWidth: "260px" })
    .setLngLat(geometry.coordinates).setDOMContent(card).addTo(map);
}

function around(feature, reference) {
  return { ...feature, geometry: seenFrom(feature.geometry, reference) };
}

function named(feature) {
  const { kind, name } = feature.properties;
  return { ...feature, properties: { kind, name: name ?? String(feature.id ?? "") } };
}

/** The track cut by age into lines that share their end vertices. */
function trail({ geometry: { coordinates }, properties: { animal, times } }) {
  const stamps = times.map(Date.parse);
  const newest = stamps.at(-1);
  return TRAIL_AGES_MS.slice(1).flatMap((oldest, age) => {
    const youngest = TRAIL_AGES_MS[age];
    const last = stamps.findLastIndex((stamp) => newest - stamp >= youngest);
    const found = stamps.findIndex((stamp) => newest - stamp < oldest);
    const line = coordinates.slice(Math.max(0, found - 1), last + 1);
    if (last < 0 || line.length < 2) return [];
    return [{
      type: "Feature",
      properties: { colour: colourOf(animal), age },
      geometry: { type: "LineString", coordinates: line },
    }];
  });
}

function lastPlace({ geometry, properties: { animal } }) {
  return pointFeature(geometry.coordinates.at(-1), { name: animal, colour: colourOf(animal) });
}
