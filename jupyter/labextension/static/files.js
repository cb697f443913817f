// Says what JupyterLab keeps to itself: that the file of a button is gone, and that a file is not saved when a cell runs.
const SHOPS = "shops/";

// The files of shops that have changes in an editor which are not on disk.
function* unsaved(shell) {
  for (const widget of shell.widgets("main")) {
    const context = widget.context;
    if (context?.model?.dirty && context.path.startsWith(SHOPS)) yield context.path.split("/").slice(2).join("/");
  }
}

export function activate(app) {
  const say = (message) =>
    app.commands.execute("apputils:notify", { message, type: "warning", options: { autoClose: 15000 } });
  app.commands.commandExecuted.connect((_, { id, args, result }) => {
    if (id === "docmanager:open") {
      result.catch(() => say(`${args.path} cannot be opened: it is not there. Run the cell above the button again.`));
    } else if (id.startsWith("notebook:run")) {
      const names = [...new Set(unsaved(app.shell))];
      if (names.length) say(`Not saved, so the cell does not see your changes: ${names.join(", ")}. Save with Ctrl+S.`);
    }
  });
}
