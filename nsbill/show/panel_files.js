// The browser's half of nsbill/show/panel_files.py: files go to the kernel in pieces, one at a time.

const PIECE = 512 * 1024; // bytes; a server's limit for one message is ten megabytes

function element(parent, name, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  parent?.appendChild(made);
  return made;
}

const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function render({ model, el }) {
  const zone = element(el, "div", { className: "nsbill-drop" });
  const words = element(zone, "span", { textContent: model.get("label") });
  const pick = element(zone, "button", { type: "button", textContent: "Choose files…" });
  const input = element(zone, "input", { type: "file", multiple: true, hidden: true });
  const status = element(zone, "span", { className: "nsbill-drop-status" });
  status.setAttribute("role", "status");
  words.className = "nsbill-drop-words";
  let answer = null, sending = false;

  const free = () => model.get("enabled") && !sending;

  function ask(message, buffers = []) {
    return new Promise((resolve) => { answer = resolve; model.send(message, undefined, buffers); });
  }

  async function sendOne(file) {
    await ask({ op: "begin", name: file.name });
    try {
      for (let at = 0; at < file.size; at += PIECE) {
        await ask({ op: "piece" }, [await file.slice(at, at + PIECE).arrayBuffer()]);
        if (file.size > 4 * PIECE) status.textContent = `${file.name}: ${Math.floor((100 * at) / file.size)} %`;
      }
    } catch {
      await ask({ op: "unreadable" }); // a folder, or a file that is gone
    }
  }

  async function sendAll(files) {
    if (!files.length || !free()) return;
    sending = true;
    drawEnabled();
    try {
      await ask({ op: "start" });
      for (const [number, file] of files.entries()) {
        status.textContent = `Sending ${number + 1} of ${files.length}`;
        await sendOne(file);
      }
      await ask({ op: "done" });
    } finally {
      sending = false;
      status.textContent = "";
      input.value = "";
      drawEnabled();
    }
  }

  function drawEnabled() {
    pick.disabled = !free();
    zone.classList.toggle("closed", !free());
  }

  const isHere = (event) => holdsFiles(event) && (el.closest(".nsbill-panel") ?? el).contains(event.target);
  function over(event) {
    if (!isHere(event)) return;
    event.preventDefault();
    zone.classList.toggle("over", free());
  }
  function dropped(event) {
    zone.classList.remove("over");
    if (!isHere(event)) return;
    event.preventDefault(); // or the browser leaves the page and shows the file
    sendAll([...event.dataTransfer.files]);
  }
  const left = (event) => { if (!event.relatedTarget) zone.classList.remove("over"); };
  const answered = (message) => { if (message.op === "go on" && answer) { const resolve = answer; answer = null; resolve(); } };

  document.addEventListener("dragover", over, true);
  document.addEventListener("drop", dropped, true);
  document.addEventListener("dragleave", left, true);
  pick.onclick = () => input.click();
  input.onchange = () => sendAll([...input.files]);
  model.on("msg:custom", answered);
  model.on("change:enabled", drawEnabled);
  drawEnabled();

  return () => {
    document.removeEventListener("dragover", over, true);
    document.removeEventListener("drop", dropped, true);
    document.removeEventListener("dragleave", left, true);
    model.off("msg:custom", answered);
    model.off("change:enabled", drawEnabled);
  };
}

export default { render };
