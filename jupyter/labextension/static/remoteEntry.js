// The course's part of JupyterLab. It is small enough to be written as JupyterLab loads it, without a build.
"use strict";
(() => {
  const here = document.currentScript.src;
  const beside = (name) => new URL(name, here).href;
  let shared;

  // JupyterLab's own copy of a library.
  async function library(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  async function activate(app) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = beside("lab.css");
    document.head.append(link);
    for (const name of ["questions.js", "files.js", "answers.js", "early.js"])
      (await import(beside(name))).activate(app, library);
  }

  const plugin = { id: "migration-lab:plugin", description: "Outputs, questions and files of the course", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["migration-lab"] = {
    init: (scope) => void (shared = scope),
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
