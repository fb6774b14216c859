// The browser's half of nsbill/show/grid.py. Text is only ever set by textContent, so hostile names stay text.

const ROW_HEIGHT = 28; // also in grid.css
const AHEAD = 40; // rows kept above the first visible one
const MARKS = { "✓": "good", "✗": "bad", "?": "untold" };

function element(parent, name, properties = {}, attributes = {}) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.appendChild(made);
  return made;
}

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  const root = element(el, "div", { className: "nsbill-grid" });
  const bar = element(root, "div", { className: "nsbill-grid-bar" });
  const search = element(bar, "input", { type: "search", placeholder: "Filter all columns…" }, { "aria-label": `Filter ${model.get("label")}` });
  const tickAll = element(bar, "button", { type: "button", className: "nsbill-grid-tick", textContent: "Tick shown" });
  const untickAll = element(bar, "button", { type: "button", className: "nsbill-grid-untick", textContent: "Untick shown" });
  const chooseAll = element(bar, "button", { type: "button", className: "nsbill-grid-choose", textContent: "Choose shown" });
  const chooseNone = element(bar, "button", { type: "button", className: "nsbill-grid-choose-none", textContent: "Choose none" });
  const status = element(bar, "span", { className: "nsbill-grid-status" }, { role: "status" });
  const scroller = element(root, "div", { className: "nsbill-grid-scroll", tabIndex: 0 }, { role: "region", "aria-label": model.get("label") });
  const table = element(scroller, "table", {}, { "aria-label": model.get("label") });
  const group = element(table, "colgroup");
  const head = element(table, "thead");
  const body = element(table, "tbody");
  let seq = 0, from = 0, loaded = 0, total = 0, timer = 0;

  function ask() {
    from = Math.max(0, Math.floor(scroller.scrollTop / ROW_HEIGHT) - AHEAD);
    seq += 1;
    model.send({ op: "rows", start: from, view, seq });
  }

  function later(action, wait) {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  }

  function commit(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  function drawHead() {
    const [sorted, ascending] = model.get("sort");
    const focused = head.contains(document.activeElement) ? document.activeElement.dataset.part : null;
    group.replaceChildren();
    head.replaceChildren();
    const titles = element(head, "tr"), boxes = element(head, "tr", { className: "nsbill-grid-filters" });
    let width = 0;
    if (model.get("ticks")) {
      element(group, "col").style.width = "4.5em";
      element(titles, "th", { textContent: "Bill" }, { scope: "col" });
      element(boxes, "td");
      width += 4.5;
    }
    for (const column of model.get("columns")) {
      const size = column.width * 0.66 + 1.7; // em per character, and the padding
      width += size;
      element(group, "col").style.width = `${size}em`;
      const here = sorted === column.name;
      const th = element(titles, "th", { className: column.number ? "number" : "" }, { scope: "col", "aria-sort": here ? (ascending ? "ascending" : "descending") : "none" });
      const button = element(th, "button", { type: "button", textContent: column.title + (here ? (ascending ? " ▲" : " ▼") : ""), title: `Sort by ${column.title}` });
      button.dataset.part = `sort ${column.name}`;
      button.onclick = () => { scroller.scrollTop = 0; commit("sort", [column.name, here ? !ascending : true]); };
      const box = element(element(boxes, "td"), "input", { type: "search", value: model.get("filters")[column.name] ?? "" }, { "aria-label": `Filter ${column.title}` });
      box.dataset.part = `filter ${column.name}`;
      box.oninput = () => later(() => { scroller.scrollTop = 0; commit("filters", { ...model.get("filters"), [column.name]: box.value }); }, 200);
    }
    table.style.minWidth = `${width}em`;
    if (focused) [...head.querySelectorAll("[data-part]")].find((part) => part.dataset.part === focused)?.focus();
  }

  function pad(rows) {
    if (rows > 0) element(element(body, "tr", { className: "nsbill-grid-pad" }, { "aria-hidden": "true" }), "td").style.height = `${rows * ROW_HEIGHT}px`;
  }

  function choose(row, more) {
    model.send({ op: "choose", key: row.dataset.key, more });
  }

  function chooseByKey(event) {
    const row = event.currentTarget;
    if (event.target !== row) return; // a key in a row's box is for the box
    if (event.key === "Enter" || event.key === " ") choose(row, event.ctrlKey || event.metaKey || event.key === " ");
    else if (event.key === "ArrowDown") (row.nextElementSibling ?? row).focus();
    else if (event.key === "ArrowUp") (row.previousElementSibling ?? row).focus();
    else return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own meaning for these keys
  }

  function drawRow([key, ticked, ...cells], number, chosen) {
    const row = element(body, "tr", { className: ticked ? "" : "excluded" }, { "aria-rowindex": number + 3 });
    if (model.get("choose")) {
      row.dataset.key = key;
      row.tabIndex = -1; // one row of all is reached by Tab, see draw; the others by the arrow keys
      row.classList.toggle("chosen", chosen.has(key));
      row.setAttribute("aria-selected", chosen.has(key));
      row.onclick = (event) => { if (!event.target.closest(".tick") && !getSelection().toString()) choose(row, event.ctrlKey || event.metaKey); };
      row.onkeydown = chooseByKey;
    }
    if (model.get("ticks")) {
      const box = element(element(row, "td", { className: "tick" }), "input", { type: "checkbox", checked: ticked, disabled: !model.get("enabled") }, { "aria-label": `Bill ${cells[0]}` });
      box.dataset.key = key;
      box.onchange = () => { row.classList.toggle("excluded", !box.checked); model.send({ op: "tick", key, on: box.checked }); };
    }
    model.get("columns").forEach((column, index) => {
      const mark = column.marked ? MARKS[cells[index][0]] ?? "" : "";
      element(row, "td", { className: `${column.number ? "number" : ""} ${mark}`.trim(), textContent: cells[index], title: cells[index] });
    });
  }

  function draw(message) {
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const key = focused?.dataset.key, part = focused?.tagName; // a row and its box have the same key
    const chosen = new Set(message.chosen);
    total = message.total;
    loaded = message.rows.length;
    from = message.start;
    body.replaceChildren();
    pad(message.start);
    message.rows.forEach((row, index) => drawRow(row, message.start + index, chosen));
    const entry = body.querySelector("tr.chosen") ?? body.querySelector("tr[tabindex]");
    if (entry) entry.tabIndex = 0;
    pad(total - message.start - loaded);
    if (total === 0) element(element(body, "tr"), "td", { className: "nothing", colSpan: model.get("columns").length + 1, textContent: "No rows." });
    table.setAttribute("aria-rowcount", total + 2);
    status.textContent = message.status;
    if (key) [...body.querySelectorAll("input, tr[tabindex]")].find((one) => one.dataset.key === key && one.tagName === part)?.focus({ preventScroll: true });
  }

  function scrolled() {
    const first = Math.floor(scroller.scrollTop / ROW_HEIGHT);
    const last = first + Math.ceil(scroller.clientHeight / ROW_HEIGHT);
    if (first < from || (last > from + loaded && from + loaded < total)) later(ask, 20);
  }

  function drawFrame() {
    tickAll.hidden = untickAll.hidden = !model.get("ticks");
    chooseAll.hidden = chooseNone.hidden = model.get("choose") !== "many";
    table.setAttribute("role", model.get("choose") ? "grid" : "table");
    root.classList.toggle("choosing", Boolean(model.get("choose")));
    tickAll.disabled = untickAll.disabled = !model.get("enabled");
    scroller.style.maxHeight = `${model.get("height")}px`;
    drawHead();
    ask();
  }

  const onRows = (message) => { if (message.op === "rows" && message.view === view && message.seq === seq) draw(message); };
  const redraw = () => ask();
  model.on("msg:custom", onRows);
  model.on("change:version", redraw);
  model.on("change:columns change:sort change:enabled", drawFrame);
  scroller.addEventListener("scroll", scrolled);
  search.value = model.get("query");
  search.oninput = () => later(() => { scroller.scrollTop = 0; commit("query", search.value); }, 200);
  tickAll.onclick = () => model.send({ op: "tick_shown", on: true });
  untickAll.onclick = () => model.send({ op: "tick_shown", on: false });
  chooseAll.onclick = () => model.send({ op: "choose_shown", on: true });
  chooseNone.onclick = () => model.send({ op: "choose_shown", on: false });
  drawFrame();

  return () => {
    clearTimeout(timer);
    model.off("msg:custom", onRows);
    model.off("change:version", redraw);
    model.off("change:columns change:sort change:enabled", drawFrame);
  };
}

export default { render };
