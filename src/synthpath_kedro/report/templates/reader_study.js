"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const test = JSON.parse($("content").textContent);
  const storageKey = `synthpath-reader-test-${test.digest}`;
  const choices = { r: "real", arrowleft: "real", s: "synthetic", arrowright: "synthetic" };
  let state = restored() ?? fresh();
  let since = performance.now();

  function fresh() {
    return { begun: false, final: false, answers: [], seconds: Array(test.n).fill(0) };
  }

  // A reload right after an answer may come before the browser has stored it; the history holds it by then.
  function restored() {
    try {
      return history.state?.[storageKey] ?? JSON.parse(localStorage.getItem(storageKey));
    } catch {
      return null;
    }
  }

  function update(change) {
    Object.assign(state, change);
    try {
      localStorage.setItem(storageKey, JSON.stringify(state));
      history.replaceState({ [storageKey]: state }, "");
    } catch {
      $("not-kept").hidden = false;
    }
    show();
  }

  // Adds the time since the last call to the tile in view.
  function lap() {
    const now = performance.now();
    if (state.begun && state.answers.length < test.n) state.seconds[state.answers.length] += (now - since) / 1000;
    since = now;
  }

  function answer(choice) {
    if (!state.begun || state.answers.length === test.n) return;
    lap();
    update({ answers: [...state.answers, choice] });
  }

  function back() {
    if (!state.answers.length || state.final) return;
    lap();
    update({ answers: state.answers.slice(0, -1) });
  }

  function startAgain() {
    if (!confirm("Forget all answers and start again?")) return;
    state = fresh();
    update({});
  }

  function show() {
    const place = state.answers.length;
    const full = place === test.n;
    $("intro").hidden = state.begun;
    $("test").hidden = !state.begun || state.final;
    $("result").hidden = !state.final;
    document.body.classList.toggle("testing", !$("test").hidden);
    $("stage").hidden = $("choices").hidden = full;
    $("done").hidden = !full;
    $("back").disabled = place === 0;
    $("progress").value = place;
    $("place").textContent = `Tile ${Math.min(place + 1, test.n)} of ${test.n}`;
    if (state.final) showResult();
    else if (full) $("finish").focus();
    else if (state.begun) {
      draw($("tile"), place);
      $("tile").setAttribute("aria-label", `Tile ${place + 1} of ${test.n}`);
      fit();
    }
  }

  function draw(canvas, i) {
    const { size, columns } = test;
    const [x, y] = [(i % columns) * size, Math.floor(i / columns) * size];
    canvas.getContext("2d").drawImage($("sheet"), x, y, size, size, 0, 0, size, size);
  }

  // The largest whole number of screen pixels a tile pixel: anything between would blur some and not others.
  function fit() {
    const room = Math.min($("stage").clientWidth - 24, innerHeight * 0.55, 448, test.size * 12);
    const scale = Math.max(1, Math.floor((room * devicePixelRatio) / test.size));
    $("tile").style.width = `${(scale * test.size) / devicePixelRatio}px`;
  }

  function truth() {
    const bytes = Uint8Array.from(atob(test.key), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  // Wilson (1927), 95 %.
  function interval(right, n) {
    const z = 1.959963984540054;
    const middle = (right + z ** 2 / 2) / (n + z ** 2);
    const half = (z / (n + z ** 2)) * Math.sqrt((right * (n - right)) / n + z ** 2 / 4);
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
  const span = ([low, high]) => `${Math.round(low * 100)} to ${percent(high)}`;

  function showResult() {
    const { sources, labels, classes } = truth();
    const tiles = state.answers.map((given, i) => ({ i, given, source: sources[i], label: classes[labels[i]] }));
    const right = tiles.filter(isRight).length;
    const [low, high] = interval(right, test.n);
    $("headline").textContent = `${right} of ${test.n} right: accuracy ${percent(right / test.n)}`;
    $("interval").textContent = `95\u00a0% interval ${span([low, high])} (Wilson)`;
    $("meaning").textContent = `${meaning(low, high)} Median time per tile: ${median(state.seconds).toFixed(1)}\u00a0s.`;
    document.querySelectorAll("#shares tbody").forEach((body) => body.remove());
    $("shares").append(
      rows([["All tiles", tiles]]),
      rows(["real", "synthetic"].map((source) => [source, tiles.filter((tile) => tile.source === source)])),
      rows(classes.map((label) => [label, tiles.filter((tile) => tile.label === label)])),
    );
    $("gallery").replaceChildren(
      group("Synthetic, taken for real", tiles.filter((t) => t.source === "synthetic" && !isRight(t))),
      group("Real, taken for synthetic", tiles.filter((t) => t.source === "real" && !isRight(t))),
      group("Synthetic, recognized", tiles.filter((t) => t.source === "synthetic" && isRight(t))),
      group("Real, recognized", tiles.filter((t) => t.source === "real" && isRight(t))),
    );
  }

  const isRight = (tile) => tile.given === tile.source;

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  }

  function meaning(low, high) {
    if (low > 0.5) return "The interval lies above 50\u00a0%, what guessing gives: you can tell synthetic tiles from real ones.";
    if (high < 0.5) return "The interval lies below 50\u00a0%, what guessing gives: you see a difference, but take one for the other.";
    return "The interval includes 50\u00a0%, what guessing gives: no evidence that you can tell synthetic tiles from real ones.";
  }

  function element(name, text = "", attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function rows(groups) {
    const body = element("tbody");
    for (const [name, tiles] of groups) {
      const [right, n] = [tiles.filter(isRight).length, tiles.length];
      const ends = interval(right, n);
      const cells = [`${right} of ${n}`, percent(right / n), span(ends)];
      const row = element("tr");
      row.append(
        element("th", name, { scope: "row" }),
        ...cells.map((text) => element("td", text, { class: "number-cell" })),
        bar(right / n, ends),
      );
      body.append(row);
    }
    return body;
  }

  function bar(share, [low, high]) {
    const cell = element("td", "", { class: "bar-cell" });
    const x = (value) => 5 + 140 * value;
    cell.innerHTML = `<svg class="interval" viewBox="0 -11 150 22" aria-hidden="true">
      <line class="zero" x1="${x(0.5)}" x2="${x(0.5)}" y1="-11" y2="11"></line>
      <line class="reach" x1="${x(low)}" x2="${x(high)}" y1="0" y2="0"></line>
      <circle class="point" cx="${x(share)}" cy="0" r="4.5"></circle></svg>`;
    return cell;
  }

  function group(name, tiles) {
    const section = element("section", "", { class: "group" });
    const list = element("ul", "", { class: "tiles" });
    for (const { i, label } of tiles) {
      const canvas = element("canvas", "", { width: test.size, height: test.size, role: "img" });
      canvas.setAttribute("aria-label", `tile ${i + 1}`);
      draw(canvas, i);
      const item = element("li");
      item.append(canvas, `${i + 1} ${label}`);
      list.append(item);
    }
    section.append(element("h3", `${name}: ${tiles.length}`), list);
    return section;
  }

  function csv() {
    const { sources, labels, classes } = truth();
    const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = state.answers.map((given, i) =>
      [i + 1, sources[i], quoted(classes[labels[i]]), given, state.seconds[i].toFixed(2)].join(","),
    );
    return ["image,source,class,answer,seconds", ...lines, ""].join("\n");
  }

  function download() {
    const link = element("a", "", { download: `reader_study_${test.digest}.csv` });
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || $("test").hidden) return;
    const key = event.key.toLowerCase();
    if (key === "backspace") back();
    else if (choices[key]) answer(choices[key]);
    else return;
    event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? lap() : (since = performance.now())));
  addEventListener("resize", () => $("stage").offsetParent && fit());
  $("begin").onclick = () => {
    since = performance.now();
    update({ begun: true });
    scrollTo(0, 0);
  };
  $("real").onclick = () => answer("real");
  $("synthetic").onclick = () => answer("synthetic");
  $("back").onclick = back;
  $("finish").onclick = () => {
    update({ final: true });
    $("headline").focus();
  };
  $("download").onclick = download;
  document.querySelectorAll(".again").forEach((button) => (button.onclick = startAgain));

  await $("sheet").decode();
  show();
  document.body.dataset.ready = "true";
})();
