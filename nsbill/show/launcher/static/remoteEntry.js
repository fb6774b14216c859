// JupyterLab's launcher gets a card for each of nsbill's notebooks, where its folder holds them.
// Without a build: this is the shape in which JupyterLab loads a federated extension; tests/test_browser_launcher.py watches it.

(() => {
  const CATEGORY = "nsbill";
  const FIRST = "00_start_here.ipynb"; // elsewhere there are no cards
  const NAME = /^(\d\d)_(\w+)\.ipynb$/;
  let scope;

  async function shared(name) {
    const versions = scope[name];
    const newest = Object.keys(versions).sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).pop();
    return (await versions[newest].get())();
  }

  function titleOf(words) {
    const text = words.replaceAll("_", " ");
    return text[0].toUpperCase() + text.slice(1);
  }

  async function notebooks(app) {
    await app.serviceManager.ready;
    const folder = await app.serviceManager.contents.get("");
    const names = folder.content.map((item) => item.path).filter((path) => NAME.test(path)).sort();
    return names.includes(FIRST) ? names : [];
  }

  function addCard(app, launcher, palette, path) {
    const [, number, words] = path.match(NAME);
    const command = `nsbill:open-${number}`;
    app.commands.addCommand(command, {
      label: titleOf(words),
      caption: `Open ${path}`,
      iconClass: "jp-MaterialIcon jp-NotebookIcon",
      describedBy: { args: { type: "object", properties: {} } },
      execute: () => app.commands.execute("docmanager:open", { path }),
    });
    launcher?.add({ command, category: CATEGORY, rank: Number(number) });
    palette?.addItem({ command, category: CATEGORY });
  }

  const container = {
    init: (given) => { scope = given; },
    get: async () => {
      const { ILauncher } = await shared("@jupyterlab/launcher");
      const { ICommandPalette } = await shared("@jupyterlab/apputils");
      const plugin = {
        id: "nsbill-launcher:plugin",
        description: "Cards of nsbill's notebooks in the launcher.",
        autoStart: true,
        optional: [ILauncher, ICommandPalette],
        activate: (app, launcher, palette) => {
          notebooks(app).then(
            (paths) => paths.forEach((path) => addCard(app, launcher, palette, path)),
            (error) => console.warn("nsbill: the notebooks could not be listed", error),
          );
        },
      };
      return () => ({ __esModule: true, default: plugin });
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["nsbill-launcher"] = container;
})();
