const statistics = (() => {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // Wilson (1927), 95 %. Of no answers: everything.
  function interval(right, n) {
    if (!n) return [0, 1];
    const z = 1.959963984540054;
    const middle = (right + z ** 2 / 2) / (n + z ** 2);
    const half = (z / (n + z ** 2)) * Math.sqrt(Math.max(0, (right * (n - right)) / n) + z ** 2 / 4);
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  // Of several readers' answers to the same tiles, 0 or 1 in a row per reader: Wilson's interval for as many answers as
  // the spread between tiles is worth, at least one per tile.
  function pooledInterval(rows) {
    const [readers, n] = [rows.length, rows[0].length];
    const tiles = rows[0].map((_, i) => mean(rows.map((row) => row[i])));
    const share = mean(tiles);
    const variance = tiles.reduce((sum, tile) => sum + (tile - share) ** 2, 0) / (n - 1) / n;
    const worth = Math.min(readers * n, Math.max(n, (share * (1 - share)) / variance || n));
    return interval(share * worth, worth);
  }

  // Cohen (1960), of two lists of answers; NaN where both are one and the same answer throughout.
  function cohen(one, other) {
    const agree = mean(one.map((answer, i) => +(answer === other[i])));
    const share = (answers, value) => mean(answers.map((answer) => +(answer === value)));
    const expected = [...new Set(one)].reduce((sum, value) => sum + share(one, value) * share(other, value), 0);
    return (agree - expected) / (1 - expected);
  }

  // Fleiss (1971), of one list of answers per reader.
  function fleiss(readers) {
    const values = [...new Set(readers.flat())];
    const [n, k] = [readers[0].length, readers.length];
    const counts = values.map((value) => readers[0].map((_, i) => readers.filter((reader) => reader[i] === value).length));
    const agree = counts.flat().reduce((sum, count) => sum + count * (count - 1), 0) / (n * k * (k - 1));
    const expected = counts.reduce((sum, row) => sum + mean(row.map((count) => count / k)) ** 2, 0);
    return (agree - expected) / (1 - expected);
  }

  return { mean, interval, pooledInterval, cohen, fleiss };
})();
