const readerCsv = (() => {
  const columns = ["study", "image", "source", "class", "answer", "class_confirmed", "seconds"];
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  // One line per tile: {source, label, answer, confirmed, seconds}.
  function write(study, tiles) {
    const lines = tiles.map((tile, i) =>
      [study, i + 1, tile.source, quoted(tile.label), tile.answer, tile.confirmed, tile.seconds.toFixed(2)].join(","),
    );
    return [columns.join(","), ...lines, ""].join("\n");
  }

  // The tiles of a file that `write` made, in their order. Throws what is wrong with it, in one line.
  function read(text, study, truth) {
    const [header, ...rows] = cells(text.replace(/^\ufeff/, ""));
    if (!header || header.join() !== columns.join())
      throw new Error(`its first line is not "${columns.join(",")}": choose the files that this page's readers downloaded`);
    const other = rows.find((row) => row[0] !== study);
    if (other) throw new Error(`it is of another study (${cut(other[0])}, this page is ${study}): pool it on the page it was made with`);
    if (rows.length !== truth.length) throw new Error(`it has ${rows.length} tiles, this study has ${truth.length}: ask the reader for the whole file`);
    const tiles = rows.map((row, i) => checked(row, i, truth[i]));
    return tiles;
  }

  function checked(row, i, { source, label }) {
    const [, image, given, name, answer, confirmed, seconds] = row;
    const wrong = (what) => new Error(`line ${i + 2}: ${what}: ask the reader for the file as it was downloaded`);
    if (row.length !== columns.length) throw wrong(`${row.length} values instead of ${columns.length}`);
    if (image !== String(i + 1)) throw wrong(`image ${cut(image)} instead of ${i + 1}`);
    if (given !== source) throw wrong(`source ${cut(given)}, but this tile is ${source}`);
    if (name !== label) throw wrong(`class ${cut(name)}, but this tile's is ${cut(label)}`);
    if (answer !== "real" && answer !== "synthetic") throw wrong(`answer ${cut(answer)} is neither real nor synthetic`);
    if (confirmed !== "yes" && confirmed !== "no") throw wrong(`class_confirmed ${cut(confirmed)} is neither yes nor no`);
    if (!/^\d+(\.\d+)?$/.test(seconds)) throw wrong(`seconds ${cut(seconds)} is not a number, 0 or more`);
    return { source, label, answer, confirmed, seconds: Number(seconds) };
  }

  const cut = (text) => `"${text.length > 40 ? `${text.slice(0, 40)}\u2026` : text}"`;

  // RFC 4180.
  function cells(text) {
    const rows = [];
    let row = [];
    for (const [, plain, inQuotes, end] of text.matchAll(/(?:([^",\r\n]*)|"((?:[^"]|"")*)")(,|\r?\n|$)/gy)) {
      row.push(inQuotes === undefined ? plain : inQuotes.replaceAll('""', '"'));
      if (end === ",") continue;
      if (row.length > 1 || row[0]) rows.push(row);
      row = [];
    }
    return rows;
  }

  return { write, read };
})();
