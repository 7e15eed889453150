/** Severity is told by shape as well as colour: red and orange look alike to many eyes. */
const OUTLINES = Object.freeze({
  high: "M10 1.5 19 18H1Z",
  medium: "M10 .5 19.5 10 10 19.5 .5 10Z",
  low: "M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17Z",
});
// An exclamation mark, so that a round alert is not taken for an animal.
const MARK = "M8.9 6h2.2l-.5 6h-1.2ZM9 13.2h2v2h-2Z";

export const SEVERITIES = Object.freeze(Object.keys(OUTLINES));

/** An unknown severity is shown as the least one rather than not at all. */
export function severityOf(alert) {
  return SEVERITIES.includes(alert.severity) ? alert.severity : "low";
}

/** The shape as an inline SVG element; page.css colours it. */
export function shapeElement(severity) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  for (const outline of [OUTLINES[severity], MARK]) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", outline);
    svg.append(path);
  }
  return svg;
}

/** The shape as pixels for the map, twice its size for sharp screens. */
export function shapeImage(severity, { fill, rim }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 56, height: 56 });
  const pen = canvas.getContext("2d");
  const outline = new Path2D(OUTLINES[severity]);
  pen.scale(2, 2);
  pen.translate(4, 4);
  pen.lineJoin = "round";
  pen.strokeStyle = rim;
  pen.lineWidth = 4;
  pen.stroke(outline);
  pen.fillStyle = fill;
  pen.fill(outline);
  pen.fillStyle = rim;
  pen.fill(new Path2D(MARK));
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** Okabe and Ito's colours for all eyes, without yellow, which pale ground swallows. */
const ANIMAL_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#7d7d7d"];

/** An animal's colour follows from its name, so every page and every reader sees the same. */
export function colourOf(animal) {
  const count = ANIMAL_COLOURS.length;
  const place = [...animal].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % count, 0);
  return ANIMAL_COLOURS[place];
}
