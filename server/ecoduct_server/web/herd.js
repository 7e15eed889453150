import * as api from "./api.js";
import { relative, utc } from "./time.js";
import { WORDS } from "./words.js";

// Longer lists of names would not fit an address.
const MOST_NAMED = 50;

/** The animals' tracks, by name. */
export function createHerd() {
  const tracks = new Map();
  const moved = new Set();

  async function load(names = []) {
    const found = await api.tracks(names);
    for (const track of found.features) tracks.set(track.properties.animal, track);
  }

  return {
    load,
    moved: (names) => names.forEach((name) => moved.add(name)),
    hasMoved: () => moved.size > 0,
    loadMoved() {
      const names = moved.size > MOST_NAMED ? [] : [...moved];
      moved.clear();
      return load(names);
    },
    tracks: () => [...tracks.values()],
    animals: () => [...tracks.values()].map(animalOf).sort((a, b) => a.name.localeCompare(b.name)),
    lastFixedAt: () => [...tracks.values()].map(fixedAt).sort().at(-1),
    /** The lines of an animal's card. */
    card(name, now) {
      const { species, lastFixedAt } = animalOf(tracks.get(name));
      const lines = [species, WORDS.lastFix(relative(lastFixedAt, now)), utc(lastFixedAt)];
      return [name, ...lines.filter(Boolean)];
    },
  };
}

function animalOf({ properties, geometry }) {
  return {
    name: properties.animal,
    species: properties.species,
    lastFixedAt: properties.last_fixed_at,
    place: geometry.coordinates.at(-1),
  };
}

function fixedAt({ properties }) {
  return properties.last_fixed_at;
}
