"use strict";
{% include "reader_statistics.js" %}
{% include "reader_csv.js" %}
{% include "reader_pool.js" %}
(async () => {
  const $ = (id) => document.getElementById(id);
  const test = JSON.parse($("content").textContent);
  const storageKey = `synthpath-reader-study-${test.digest}`;
  const { mean, interval, cohen } = statistics;
  // Two questions of each tile, and the keys that answer them.
  const questions = [
    { r: "real", arrowleft: "real", s: "synthetic", arrowright: "synthetic" },
    { y: "yes", arrowleft: "yes", n: "no", arrowright: "no" },
  ];
  const total = questions.length * test.n;
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

  // The tile and the question that come next.
  const tileInView = () => Math.floor(state.answers.length / questions.length);
  const question = () => questions[state.answers.length % questions.length];

  // Adds the time since the last call to the tile in view.
  function lap() {
    const now = performance.now();
    if (state.begun && tileInView() < test.n) state.seconds[tileInView()] += (now - since) / 1000;
    since = now;
  }

  function answer(choice) {
    if (!state.begun || state.answers.length === total || !Object.values(question()).includes(choice)) return;
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
    const place = tileInView();
    const full = place === test.n;
    $("intro").hidden = state.begun;
    $("test").hidden = !state.begun || state.final;
    $("result").hidden = !state.final;
    $("pool").hidden = !$("test").hidden;
    document.body.classList.toggle("testing", !$("test").hidden);
    $("stage").hidden = $("choices").hidden = full;
    $("done").hidden = !full;
    $("back").disabled = !state.answers.length;
    $("progress").value = state.answers.length;
    $("place").textContent = `Tile ${Math.min(place + 1, test.n)} of ${test.n}`;
    if (state.final) showResult();
    else if (full) $("finish").focus();
    else if (state.begun) {
      ask(place);
      draw($("tile"), place);
      $("tile").setAttribute("aria-label", `Tile ${place + 1} of ${test.n}`);
      fit();
    }
  }

  // A button that answers another question stays in reach of the keyboard and does nothing: a second tap on Real must
  // not answer what comes next.
  function ask(place) {
    const open = Object.values(question());
    const given = state.answers.slice(place * questions.length);
    for (const choice of document.querySelectorAll(".choice")) {
      choice.setAttribute("aria-disabled", !open.includes(choice.id));
      choice.setAttribute("aria-pressed", given.includes(choice.id));
    }
    const { labels, classes } = given.length ? truth() : {};
    $("ask-class").textContent = given.length ? `Does it show ${classes[labels[place]]}?` : "Then its class is named.";
  }

  function draw(canvas, i) {
    const { size, columns } = test;
    const [x, y] = [(i % columns) * size, Math.floor(i / columns) * size];
    canvas.getContext("2d").drawImage($("sheet"), x, y, size, size, 0, 0, size, size);
  }

  // The largest whole number of screen pixels a tile pixel: anything between would blur some and not others.
  function fit() {
    const room = Math.min($("stage").clientWidth - 24, innerHeight * 0.45, 448, test.size * 12);
    const scale = Math.max(1, Math.floor((room * devicePixelRatio) / test.size));
    $("tile").style.width = `${(scale * test.size) / devicePixelRatio}px`;
  }

  function truth() {
    const bytes = Uint8Array.from(atob(test.key), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  const tilesOfTruth = () => {
    const { sources, labels, classes } = truth();
    return sources.map((source, i) => ({ source, label: classes[labels[i]] }));
  };

  function answered() {
    return tilesOfTruth().map((tile, i) => {
      const [answer, confirmed] = state.answers.slice(i * questions.length);
      return { ...tile, i, answer, confirmed, seconds: state.seconds[i] };
    });
  }

  const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
  const span = ([low, high]) => `${Math.round(low * 100)} to ${percent(high)}`;

  function showResult() {
    const tiles = answered();
    const right = tiles.filter(isRight).length;
    const [low, high] = interval(right, test.n);
    const kappa = cohen(...["answer", "source"].map((key) => tiles.map((tile) => tile[key])));
    $("headline").textContent = `${right} of ${test.n} right: accuracy ${percent(right / test.n)}`;
    $("interval").textContent = `95\u00a0% interval ${span([low, high])} (Wilson), Cohen\u2019s kappa with the truth ${kappa.toFixed(2)}`;
    $("meaning").textContent = `${meaning(low, high)} ${confirmation(tiles)} Median time per tile: ${median(state.seconds).toFixed(1)}\u00a0s.`;
    fill($("shares"), tiles, isRight);
    fill($("confirmed"), tiles, isConfirmed);
    $("gallery").replaceChildren(
      group("Synthetic, taken for real", tiles.filter((t) => t.source === "synthetic" && !isRight(t))),
      group("Real, taken for synthetic", tiles.filter((t) => t.source === "real" && !isRight(t))),
      group("Synthetic, recognized", tiles.filter((t) => t.source === "synthetic" && isRight(t))),
      group("Real, recognized", tiles.filter((t) => t.source === "real" && isRight(t))),
    );
  }

  const isRight = (tile) => tile.answer === tile.source;
  const isConfirmed = (tile) => tile.confirmed === "yes";
  const shareOf = (source, tiles) => percent(mean(tiles.filter((tile) => tile.source === source).map((tile) => +isConfirmed(tile))));

  function confirmation(tiles) {
    const [real, synthetic] = ["real", "synthetic"].map((source) => shareOf(source, tiles));
    return `You find the class it claims in ${real} of the real tiles and in ${synthetic} of the synthetic ones.`;
  }

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

  function fill(table, tiles, test) {
    const groups = (key) => [...new Set(tiles.map((tile) => tile[key]))].sort(inOrder);
    const parts = (key) => groups(key).map((name) => [name, tiles.filter((tile) => tile[key] === name)]);
    table.querySelectorAll("tbody").forEach((body) => body.remove());
    table.append(rows([["All tiles", tiles]], test), rows(parts("source"), test), rows(parts("label"), test));
  }

  // Classes in the order of their labels.
  function inOrder(one, other) {
    const order = ["real", "synthetic", ...truth().classes];
    return order.indexOf(one) - order.indexOf(other);
  }

  function rows(groups, test) {
    const body = element("tbody");
    for (const [name, tiles] of groups) {
      const [found, n] = [tiles.filter(test).length, tiles.length];
      const ends = interval(found, n);
      const row = line([name, `${found} of ${n}`, percent(found / n), span(ends)]);
      row.append(bar(found / n, ends));
      body.append(row);
    }
    return body;
  }

  function line([name, ...values]) {
    const row = element("tr");
    row.append(
      element("th", name, { scope: "row" }),
      ...values.map((text) => element("td", text, { class: "number-cell" })),
    );
    return row;
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

  function download() {
    const link = element("a", "", { download: `reader_study_${test.digest}.csv` });
    link.href = URL.createObjectURL(new Blob([readerCsv.write(test.digest, answered())], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function pool() {
    const { readers, refused } = await readerPool.load($("files").files, test.digest, tilesOfTruth());
    $("refused").replaceChildren(...refused.map((text) => element("li", text)));
    $("pooled").hidden = !readers.length;
    $("between").hidden = readers.length < 2;
    if (!readers.length) return;
    for (const [table, lines] of [
      [$("readers"), readerPool.accuracies(readers)],
      [$("pairs"), readerPool.agreements(readers)],
    ]) {
      const body = element("tbody");
      body.append(...lines.map(line));
      table.querySelector("tbody")?.remove();
      table.append(body);
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || $("test").hidden) return;
    const key = event.key.toLowerCase();
    if (key === "backspace") back();
    else if (question()[key]) answer(question()[key]);
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
  document.querySelectorAll(".choice").forEach((choice) => (choice.onclick = () => answer(choice.id)));
  $("back").onclick = back;
  $("finish").onclick = () => {
    update({ final: true });
    $("headline").focus();
  };
  $("download").onclick = download;
  $("files").onchange = pool;
  document.querySelectorAll(".again").forEach((button) => (button.onclick = startAgain));

  $("intro").hidden = state.begun;
  await $("sheet").decode();
  $("controls").disabled = false;
  show();
})();
