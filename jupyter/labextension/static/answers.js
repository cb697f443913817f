// Keeps the answer to a prediction out of sight until the prediction has been compared with what happened.
const COMPARES = /^lab\.compare\(/;
const ENDS = /^(#|lab\.quiz\()/; // the next section, or the next question

const source = (cell) => cell.model.sharedModel.getSource();

// The line below a comparison that has not run, with the way out for people who only read.
function notice(cell, show) {
  const line = document.createElement("div");
  line.className = "lab-answer-waits";
  line.append("The answer comes next. It appears when this cell has run.");
  const button = document.createElement("button");
  button.textContent = "Show it now";
  button.addEventListener("click", show);
  line.append(button);
  cell.node.append(line);
  return line;
}

// Follows one notebook. Cells that somebody else hides, as a collapsed heading does, are left alone.
function follow(notebook) {
  const hidden = new Set();
  const notices = new Map();
  const shown = new Set();
  let planned = false;

  function arrange() {
    planned = false;
    const answers = new Set();
    const waiting = new Set();
    let under = null;
    for (const cell of notebook.widgets) {
      if (COMPARES.test(source(cell))) {
        const waits = cell.model.outputs.length === 0 && !shown.has(cell.model.id);
        under = waits ? cell : null;
      } else if (ENDS.test(source(cell))) {
        under = null;
      } else if (under) {
        answers.add(cell);
        waiting.add(under);
      }
    }
    for (const cell of notebook.widgets) {
      const hides = answers.has(cell);
      if (hides === hidden.has(cell)) continue;
      cell.setHidden(hides);
      if (hides) hidden.add(cell);
      else hidden.delete(cell);
    }
    for (const [cell, line] of notices) {
      if (waiting.has(cell)) continue;
      line.remove();
      notices.delete(cell);
    }
    for (const cell of waiting) {
      if (notices.has(cell)) continue;
      const show = () => {
        shown.add(cell.model.id);
        arrange();
      };
      notices.set(cell, notice(cell, show));
    }
  }

  notebook.modelContentChanged.connect(() => {
    if (!planned) requestAnimationFrame(arrange);
    planned = true;
  });
  arrange();
}

export function activate(app) {
  const followed = new WeakSet();
  const look = () => {
    for (const { content } of app.shell.widgets("main")) {
      if (!content?.modelContentChanged || followed.has(content)) continue;
      followed.add(content);
      follow(content);
    }
  };
  app.shell.layoutModified.connect(look);
  app.restored.then(look);
}
