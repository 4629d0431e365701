"use strict";
{% include "markers.js" %}
{% include "legend.js" %}
(async () => {
  const $ = (id) => document.getElementById(id);
  const page = JSON.parse($("content").textContent);
  const canvas = $("points");
  const pen = canvas.getContext("2d");
  const margin = 26;
  const greatestZoom = 16;
  let model = page.models[0];
  let coloring = "classes";
  let view = { zoom: 1, x: 0.5, y: 0.5 };
  let active = -1;
  const hidden = { classes: new Set(), sources: new Set() };

  const count = () => model.x.length;
  const isVisible = (i) => !hidden.classes.has(model.label[i]) && !hidden.sources.has(model.source[i]);
  const styleOf = (i) => (coloring === "classes" ? page.classes[model.label[i]] : page.sources[model.source[i]]);

  // The canvas in screen pixels.
  let [width, height] = [0, 0];
  const middle = () => [width / 2, height / 2];

  function resize() {
    [width, height] = [canvas.clientWidth, canvas.clientHeight];
    draw();
  }

  // Screen pixels along one side of the embedding's square.
  const side = () => (Math.min(width, height) - 2 * margin) * view.zoom;

  // Where a point stands on the canvas; y goes upwards in the embedding.
  function screen(i) {
    const [x, y] = middle();
    return [x + (model.x[i] / page.grid - view.x) * side(), y - (model.y[i] / page.grid - view.y) * side()];
  }

  function draw() {
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    pen.scale(scale, scale);
    const radius = Math.min(5, Math.max(2, (0.16 * Math.min(width, height)) / Math.sqrt(count()))) * view.zoom ** 0.4;
    const order = [...model.x.keys()];
    order.filter((i) => !isVisible(i)).forEach((i) => dot(i, radius, "#e3e6eb", 1));
    order.filter(isVisible).forEach((i) => dot(i, radius, styleOf(i).color, 0.75));
    if (coloring === "classes") numberClasses();
    place();
  }

  function dot(i, radius, color, alpha) {
    pen.globalAlpha = alpha;
    pen.fillStyle = color;
    pen.beginPath();
    mark(pen, styleOf(i).marker, ...screen(i), radius);
    pen.fill();
  }

  // A class's number at the median of its real points, or of all: the picture reads without its colors.
  function numberClasses() {
    pen.globalAlpha = 1;
    pen.font = "700 15px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = "#fff";
    pen.fillStyle = "#1f2937";
    page.classes.forEach((_, label) => {
      const visible = [...model.x.keys()].filter((i) => model.label[i] === label && isVisible(i));
      const real = visible.filter((i) => model.source[i] === 0);
      const members = (real.length ? real : visible).map(screen);
      if (!members.length) return;
      const [x, y] = [0, 1].map((axis) => members.map((at) => at[axis]).sort((a, b) => a - b)[members.length >> 1]);
      pen.strokeText(label, x, y);
      pen.fillText(label, x, y);
    });
  }

  function nearest(x, y, reach) {
    let [best, least] = [-1, reach];
    for (let i = 0; i < count(); i++) {
      if (!isVisible(i)) continue;
      const at = screen(i);
      const distance = Math.hypot(at[0] - x, at[1] - y);
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  // The nearest point within 45 degrees of a direction.
  function next(dx, dy) {
    const here = screen(active);
    let [best, least] = [active, Infinity];
    for (let i = 0; i < count(); i++) {
      const [x, y] = screen(i);
      const along = (x - here[0]) * dx + (y - here[1]) * dy;
      const across = Math.abs((x - here[0]) * dy) + Math.abs((y - here[1]) * dx);
      if (isVisible(i) && along > 0.5 && across <= along && along + across < least) {
        [best, least] = [i, along + across];
      }
    }
    return best;
  }

  function show(i) {
    if (i === active) return;
    active = i;
    if (i >= 0) {
      const [className, source] = [page.classes[model.label[i]].name, page.sources[model.source[i]].name];
      $("card-class").textContent = className;
      $("card-source").textContent = source;
      $("tile").hidden = model.tile[i] < 0;
      $("no-tile").hidden = model.tile[i] >= 0;
      if (model.tile[i] >= 0) drawTile(model.tile[i], `${source} tile, ${className}`);
    }
    place();
  }

  function drawTile(i, description) {
    const { size, columns } = page;
    const tile = $("tile");
    tile.width = tile.height = size;
    const room = Math.min(176, 0.4 * width);
    tile.style.width = `${Math.max(1, Math.round(room / size)) * size}px`;
    tile.setAttribute("aria-label", description);
    const [x, y] = [(i % columns) * size, Math.floor(i / columns) * size];
    tile.getContext("2d").drawImage($("sheet"), x, y, size, size, 0, 0, size, size);
  }

  // The card stands beside its point, or above or below where there is no room: never on it.
  function place() {
    $("ring").hidden = $("card").hidden = active < 0;
    if (active < 0) return;
    const [x, y] = screen(active);
    const card = $("card");
    card.style.width = $("tile").hidden ? "186px" : `${parseFloat($("tile").style.width) + 18}px`;
    const [w, h] = [card.offsetWidth, card.offsetHeight];
    const within = (value, room) => Math.max(6, Math.min(room - 6, value));
    let [left, top] = [x + 18, within(y - h / 2, height - h)];
    if (left + w > width - 6) left = x - 18 - w;
    if (left < 6) [left, top] = [within(x - w / 2, width - w), y > height / 2 ? y - 18 - h : y + 18];
    Object.assign(card.style, { left: `${left}px`, top: `${top}px` });
    Object.assign($("ring").style, { left: `${x}px`, top: `${y}px` });
  }

  function look(zoom, x = view.x, y = view.y) {
    const within = (value) => Math.max(0.5 / zoom, Math.min(1 - 0.5 / zoom, value));
    view = { zoom, x: within(x), y: within(y) };
    canvas.classList.toggle("zoomed", zoom > 1);
    $("farther").disabled = $("whole").disabled = zoom === 1;
    $("closer").disabled = zoom === greatestZoom;
    draw();
  }

  // Whatever stands at (x, y) on the canvas stays there.
  function zoomBy(factor, [x, y] = active < 0 ? middle() : screen(active)) {
    const zoom = Math.max(1, Math.min(greatestZoom, view.zoom * factor));
    const shift = (1 - view.zoom / zoom) / side();
    look(zoom, view.x + (x - middle()[0]) * shift, view.y - (y - middle()[1]) * shift);
  }

  function walk(dx, dy) {
    show(active < 0 ? nearest(...middle(), Infinity) : next(dx, dy));
    if (active < 0) return;
    const [x, y] = screen(active);
    const isInView = x >= 0 && y >= 0 && x <= width && y <= height;
    if (!isInView) look(view.zoom, model.x[active] / page.grid, model.y[active] / page.grid);
  }

  function drawLegend() {
    for (const [kind, values] of [["sources", model.source], ["classes", model.label]]) {
      const entries = page[kind].map((entry, i) => ({
        ...entry,
        name: kind === "classes" ? `${i} ${entry.name}` : entry.name,
        count: values.filter((value) => value === i).length,
      }));
      fillLegend($(kind), entries, hidden[kind], filtered);
      $(kind).classList.toggle("idle", coloring !== kind);
    }
    const what = page.sources.map((source, s) => `${model.source.filter((v) => v === s).length} ${source.name}`);
    canvas.setAttribute("aria-label", `t-SNE of ${model.name}: ${what.join(" and ")} images of ${page.classes.length} classes`);
  }

  function filtered() {
    if (active >= 0 && !isVisible(active)) show(-1);
    draw();
  }

  let held = null;
  const position = (event) => [event.clientX - canvas.getBoundingClientRect().left, event.clientY - canvas.getBoundingClientRect().top];

  canvas.onpointerdown = (event) => {
    if (event.pointerType !== "mouse") show(nearest(...position(event), 30));
    if (view.zoom === 1) return;
    held = { x: event.clientX, y: event.clientY, view };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    if (held) {
      look(view.zoom, held.view.x - (event.clientX - held.x) / side(), held.view.y + (event.clientY - held.y) / side());
    } else if (event.pointerType === "mouse") show(nearest(...position(event), 14));
  };
  canvas.onpointerup = canvas.onpointercancel = () => (held = null);
  canvas.onpointerleave = (event) => event.pointerType === "mouse" && !held && show(-1);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 200), position(event));
  }, { passive: false });
  canvas.onkeydown = (event) => {
    const keys = {
      ArrowLeft: () => walk(-1, 0),
      ArrowRight: () => walk(1, 0),
      ArrowUp: () => walk(0, -1),
      ArrowDown: () => walk(0, 1),
      "+": () => zoomBy(2),
      "=": () => zoomBy(2),
      "-": () => zoomBy(0.5),
      0: () => look(1),
      Escape: () => show(-1),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  };
  $("closer").onclick = () => zoomBy(2);
  $("farther").onclick = () => zoomBy(0.5);
  $("whole").onclick = () => look(1);
  $("coloring").onchange = (event) => {
    coloring = event.target.value;
    drawLegend();
    draw();
  };
  if ($("model")) {
    $("model").onchange = (event) => {
      model = page.models[event.target.value];
      show(-1);
      drawLegend();
      look(1);
    };
  }

  if ($("sheet")) await $("sheet").decode();
  drawLegend();
  new ResizeObserver(resize).observe(canvas);
  resize();
  look(1);
})();
