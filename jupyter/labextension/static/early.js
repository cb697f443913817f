// Keeps what is run before the kernel is there, which JupyterLab forgets, and runs it when it is.
export async function activate(app, library) {
  const { NotebookActions } = await library("@jupyterlab/notebook");
  const kept = new Map(); // for each notebook its cells, in the order in which they were run

  NotebookActions.executionScheduled.connect((_, { notebook, cell }) => {
    const panel = [...app.shell.widgets("main")].find(({ content }) => content === notebook);
    if (!panel || panel.sessionContext.session?.kernel) return;
    if (!kept.has(notebook)) {
      kept.set(notebook, new Set());
      panel.sessionContext.ready.then(() => {
        const cells = [...kept.get(notebook)].filter((each) => !each.isDisposed);
        kept.delete(notebook);
        if (panel.sessionContext.session?.kernel) NotebookActions.runCells(notebook, cells, panel.sessionContext);
        else for (const each of cells) each.setPrompt("");
      });
    }
    kept.get(notebook).add(cell);
    setTimeout(() => kept.get(notebook)?.has(cell) && cell.setPrompt("*")); // after JupyterLab has cleared it
  });
}
