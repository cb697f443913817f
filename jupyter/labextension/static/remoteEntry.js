// The course's part of JupyterLab. It is small enough to be written as JupyterLab loads it, without a build.
"use strict";
(() => {
  const style = new URL("lab.css", document.currentScript.src).href;

  function activate() {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = style;
    document.head.append(link);
  }

  const plugin = { id: "migration-lab:plugin", description: "Style and names of the outputs", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["migration-lab"] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
