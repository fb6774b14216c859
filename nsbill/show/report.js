// Draws each figure from the JSON beside it, and gives the charts the paper's width while printing.
(() => {
  const PAPER = 1000;
  const places = [...document.querySelectorAll(".chart > .plot")];
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  for (const place of places) {
    const figure = JSON.parse(place.nextElementSibling.textContent);
    Plotly.newPlot(place, figure.data, figure.layout, options);
  }
  window.addEventListener("beforeprint", () => {
    for (const place of places) Plotly.relayout(place, { width: PAPER, autosize: false });
  });
  window.addEventListener("afterprint", () => {
    for (const place of places) Plotly.relayout(place, { width: null, autosize: true });
  });
})();
