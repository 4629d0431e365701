const readerPool = (() => {
  const largest = 1e6;
  const { mean, interval, pooledInterval, cohen, fleiss } = statistics;
  const percent = (share) => (Number.isNaN(share) ? "\u2013" : `${Math.round(share * 100)}\u00a0%`);
  const span = ([low, high]) => `${Math.round(low * 100)} to ${percent(high)}`;
  const number = (value) => (Number.isFinite(value) ? value.toFixed(2) : "undefined");

  // Readers with the tiles of their files, and a line about each file that is no use. Nothing leaves the browser.
  async function load(files, study, truth) {
    const [readers, refused, seen] = [[], [], new Map()];
    for (const file of files) {
      try {
        if (file.size > largest) throw new Error("it is larger than 1 MB: choose the files that this page's readers downloaded");
        const text = await file.text();
        if (seen.has(text)) throw new Error(`it is the same as ${seen.get(text)}: each reader counts once`);
        const tiles = readerCsv.read(text, study, truth);
        seen.set(text, file.name);
        readers.push({ name: file.name.replace(/\.csv$/i, ""), tiles });
      } catch (error) {
        refused.push(`${file.name}: ${error.message}.`);
      }
    }
    return { readers, refused };
  }

  const isRight = (tile) => tile.answer === tile.source;
  const isConfirmed = (tile) => tile.confirmed === "yes";
  const of = (source) => (tile) => tile.source === source;
  const share = (tiles, test) => mean(tiles.map((tile) => +test(tile)));

  function scores(name, tiles, ends) {
    const [real, synthetic] = [tiles.filter(of("real")), tiles.filter(of("synthetic"))];
    const truth = tiles.map((tile) => tile.source);
    return [
      name,
      percent(share(tiles, isRight)),
      span(ends),
      percent(share(synthetic, isRight)),
      percent(share(real, isRight)),
      number(cohen(tiles.map((tile) => tile.answer), truth)),
      percent(share(real, isConfirmed)),
      percent(share(synthetic, isConfirmed)),
    ];
  }

  // Rows of text: a reader each, and all of them.
  function accuracies(readers) {
    const rows = readers.map(({ name, tiles }) => scores(name, tiles, interval(tiles.filter(isRight).length, tiles.length)));
    if (readers.length < 2) return rows;
    const ends = pooledInterval(readers.map(({ tiles }) => tiles.map((tile) => +isRight(tile))));
    return [...rows, scores(`All ${readers.length} readers`, readers.flatMap(({ tiles }) => tiles), ends)];
  }

  // Rows of text: a pair of readers each, and more than two together.
  function agreements(readers) {
    const answers = ["answer", "confirmed"].map((key) => readers.map(({ tiles }) => tiles.map((tile) => tile[key])));
    const pairs = readers.flatMap((_, j) => readers.slice(0, j).map((_, i) => [i, j])).sort(([a], [b]) => a - b);
    const rows = pairs.map(([i, j]) => [
      `${readers[i].name} and ${readers[j].name}`,
      ...answers.map((lists) => number(cohen(lists[i], lists[j]))),
    ]);
    return readers.length < 3 ? rows : [...rows, [`All ${readers.length} readers (Fleiss)`, ...answers.map((lists) => number(fleiss(lists)))]];
  }

  return { load, accuracies, agreements };
})();
