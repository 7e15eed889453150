import { createAlerts } from "./alerts.js";
import * as api from "./api.js";
import { announce, sayClock, sayLastFix, sayProblem, sayState, sayWords } from "./header.js";
import { createHerd } from "./herd.js";
import { live } from "./live.js";
import { createPanel } from "./panel.js";
import { createClock } from "./time.js";
import { WORDS } from "./words.js";

const PAGE = 100;
const TICK_MS = 1000;
const REDRAW_MS = 5000;
const TRACKS_EVERY_MS = 2000;

if (document.createElement("canvas").getContext("webgl2")) start();
else location.replace("/lite");

function start() {
  const clock = createClock();
  const herd = createHerd();
  const alerts = createAlerts(showAlerts);
  const more = new Set();
  let landscape = [];
  let map = null;
  let fitted = false;
  let wanted = null; // a place that was chosen before the map had come

  sayWords();
  const panel = createPanel({
    alerts,
    clock,
    animals: herd.animals,
    show: (place) => (map ? map.flyTo(place) : (wanted = place)),
    hasOlder: (view) => more.has(view),
    older: (view) => report(loadAlerts(view, alerts.list(view).at(-1)?.id)),
    viewed: (view) => view === "all" && report(loadAlerts("all")),
  });
  live({
    join,
    health: clock.set,
    state: sayState,
    alert: hear,
    fixes: herd.moved,
  });
  drawMap();
  setInterval(followHerd, TRACKS_EVERY_MS);
  setInterval(() => sayClock(clock), TICK_MS);
  setInterval(showAges, REDRAW_MS);
  // An answer the reader gave and the server did not get must not vanish with the page.
  addEventListener("beforeunload", (event) => alerts.unsent() && event.preventDefault());

  async function join(lastEventId) {
    const [newest, found] = await Promise.all([loadAlerts("open"), api.landscape(), herd.load()]);
    landscape = found.features;
    showHerd();
    map?.landscape(landscape);
    fitOnce();
    // A server with fewer events than we have seen is a new one: believe it.
    if (newest >= lastEventId) return lastEventId || newest;
    alerts.clear();
    return loadAlerts("open");
  }

  async function loadAlerts(status, before) {
    const page = await api.alerts({ status, before });
    if (page.alerts.length < PAGE) more.delete(status);
    else more.add(status);
    alerts.putAll(page.alerts);
    return page.last_event_id;
  }

  function hear(alert) {
    if (alert.change === "raised") announce(WORDS.newAlert(alert.text));
    if (alert.change === "withdrawn") announce(WORDS.withdrawnAlert(alert.text));
    alerts.put(alert);
    // What made the alert may have come by a way that tells no `fixes`, such as an import.
    herd.moved([alert.animal]);
  }

  function followHerd() {
    // Joining again loads every track, so a failure here loses nothing.
    if (herd.hasMoved()) herd.loadMoved().then(showHerd, () => {});
  }

  function showHerd() {
    map?.tracks(herd.tracks());
    showAges();
  }

  function showAlerts() {
    panel.render();
    map?.alerts(alerts.open());
  }

  function showAges() {
    panel.render();
    sayLastFix(herd.lastFixedAt(), clock);
  }

  async function drawMap() {
    try {
      // Apart from the rest, because the alerts need not wait for 450 KB of map library.
      const { createMap } = await import("./map.js");
      map = await createMap(document.getElementById("map"), {
        alert: panel.reveal,
        animal: (name) => herd.card(name, clock.now()),
      });
    } catch {
      sayProblem(WORDS.noMap);
      return;
    }
    showHerd();
    map.landscape(landscape);
    map.alerts(alerts.open());
    fitOnce();
    if (wanted) map.flyTo(wanted);
  }

  function fitOnce() {
    if (map && !fitted) fitted = map.fit();
  }
}

function report(attempt) {
  return attempt.then(() => sayProblem(""), (error) => sayProblem(error.message));
}
