// The markers of every figure, as a path on a canvas and as a small picture.
function mark(path, marker, x, y, r) {
  if (marker === "s") path.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  else if (marker === "^") {
    path.moveTo(x, y - 1.2 * r);
    path.lineTo(x + 1.1 * r, y + 0.8 * r);
    path.lineTo(x - 1.1 * r, y + 0.8 * r);
    path.closePath();
  } else {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  }
}

function swatch({ marker, color }) {
  const shapes = {
    s: '<rect x="2.5" y="2.5" width="11" height="11"></rect>',
    "^": '<path d="M8 1.5 14.5 13.5H1.5Z"></path>',
  };
  const shape = shapes[marker] ?? '<circle cx="8" cy="8" r="6"></circle>';
  return `<svg viewBox="0 0 16 16" aria-hidden="true" fill="${color}">${shape}</svg>`;
}
