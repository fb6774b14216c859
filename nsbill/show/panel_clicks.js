// The browser's half of nsbill/show/panel_clicks.py: listens to the bars of the charts in one place of the panel.

function render({ model, el }) {
  el.style.display = "none";
  let panel = null, waiting = 0;

  const clicked = (event) => {
    const key = event.points?.[0]?.customdata?.[0];
    if (key !== undefined) model.send({ op: "click", key: String(key) });
  };

  function listen() {
    for (const plot of panel.querySelectorAll(`.${CSS.escape(model.get("place"))} .js-plotly-plot`)) {
      if (typeof plot.on !== "function") continue; // not drawn yet; drawing it is seen again
      plot.removeListener("plotly_click", clicked);
      plot.on("plotly_click", clicked);
    }
  }

  const watcher = new MutationObserver(listen);
  function begin() {
    panel = el.closest(".nsbill-panel");
    if (!panel) { waiting = requestAnimationFrame(begin); return; }
    watcher.observe(panel, { childList: true, subtree: true });
    listen();
  }

  const answered = (message) => {
    if (message.op !== "look" || !panel) return;
    const part = panel.querySelector(`.${CSS.escape(message.at)}`);
    part?.scrollIntoView({ block: "start", behavior: "smooth" });
    part?.querySelector("input, [tabindex]")?.focus({ preventScroll: true });
  };

  model.on("msg:custom", answered);
  begin();

  return () => {
    cancelAnimationFrame(waiting);
    watcher.disconnect();
    model.off("msg:custom", answered);
  };
}

export default { render };
