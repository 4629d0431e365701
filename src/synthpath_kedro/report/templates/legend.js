// Fills a fieldset with a box for each entry; unchecked ones are kept in the set `hidden`, and `changed` is called.
function fillLegend(fieldset, entries, hidden, changed) {
  const boxes = [];
  const labels = entries.map((entry, i) => {
    const label = document.createElement("label");
    label.innerHTML = `<input type="checkbox" autocomplete="off">${swatch(entry)}<span></span><span class="count"></span>`;
    const [box, , name, count] = label.children;
    name.textContent = entry.name;
    count.textContent = entry.count.toLocaleString("en");
    box.checked = !hidden.has(i);
    box.onchange = () => check([i], box.checked);
    boxes.push(box);
    return label;
  });

  function check(chosen, checked) {
    for (const i of chosen) {
      boxes[i].checked = checked;
      if (checked) hidden.delete(i);
      else hidden.add(i);
    }
    changed();
  }

  function picker(text, checked) {
    const button = document.createElement("button");
    button.className = "quiet";
    button.textContent = text;
    button.onclick = () => check([...entries.keys()], checked);
    return button;
  }

  const pickers = document.createElement("div");
  pickers.className = "pick";
  pickers.hidden = entries.length < 3;
  pickers.append(picker("all", true), picker("none", false));
  fieldset.replaceChildren(fieldset.firstElementChild, ...labels, pickers);
}
