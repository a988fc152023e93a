"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = document.querySelector("main");
  document.documentElement.classList.add("js");

  // Copy buttons: exactly the text of the box they stand in.
  const put = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("readonly", "");
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) throw new Error("refused");
    }
  };
  const live = document.createElement("p");
  live.className = "skip";
  live.setAttribute("role", "status");
  main.append(live);
  const named = (box, source) => {
    const before = box.previousElementSibling;
    return source.tagName === "PRE" && before ? before.textContent : source.textContent;
  };
  for (const box of all(".block, .filter")) {
    const source = box.querySelector("pre, code");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = main.dataset.copy;
    button.setAttribute("aria-label", `${main.dataset.copy}: ${named(box, source)}`);
    box.append(button);
    button.addEventListener("click", async () => {
      let said = main.dataset.copied;
      try {
        await put(source.textContent);
        button.classList.add("done");
      } catch {
        said = main.dataset.marked;
        getSelection().selectAllChildren(source);
      }
      button.textContent = live.textContent = said;
      setTimeout(() => {
        button.textContent = main.dataset.copy;
        live.textContent = "";
        button.classList.remove("done");
      }, 1600);
    });
  }

  // Tabs (WAI-ARIA Authoring Practices, "Tabs"): sections become panels; one alone stays a section.
  const panels = (group) => all(":scope > .panel", group);
  const select = (panel, focus) => {
    for (const other of panels(panel.parentElement)) {
      const tab = document.getElementById(other.id + "-tab");
      const on = other === panel;
      other.classList.toggle("open", on);
      if (!tab) continue;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    }
  };
  for (const group of all("[data-tabs]")) {
    const mine = panels(group);
    if (!mine.length) continue;
    if (mine.length > 1) {
      const list = document.createElement("div");
      list.setAttribute("role", "tablist");
      list.setAttribute("aria-label", group.dataset.tabs);
      for (const panel of mine) {
        const tab = document.createElement("button");
        tab.type = "button";
        tab.id = panel.id + "-tab";
        tab.textContent = panel.firstElementChild.textContent;
        tab.setAttribute("role", "tab");
        tab.setAttribute("aria-controls", panel.id);
        tab.addEventListener("click", () => select(panel));
        panel.setAttribute("role", "tabpanel");
        panel.setAttribute("aria-labelledby", tab.id);
        list.append(tab);
      }
      list.addEventListener("keydown", (event) => {
        const at = mine.findIndex((panel) => panel.classList.contains("open"));
        const next = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: mine.length - 1}[event.key];
        if (next === undefined) return;
        event.preventDefault();
        select(mine[(next + mine.length) % mine.length], true);
      });
      group.prepend(list);
    }
    select(mine.find((panel) => group.dataset.first && panel.id.endsWith(`-${group.dataset.first}`)) || mine[0]);
  }

  // Deep links: what is in a closed panel or a closed detail is opened.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) {
      if (node.classList.contains("panel")) select(node);
      if (node.tagName === "DETAILS") node.open = true;
    }
    target.scrollIntoView({block: "start"});
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Paper shows everything.
  addEventListener("beforeprint", () => all("details").forEach((node) => { node.open = true; }));

  // Tables: filter by words and outcome, sort by any column.
  for (const form of all("form.controls")) {
    const table = document.getElementById(form.dataset.table);
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const [search, outcome, output] = ["input", "select", "output"].map((name) => form.querySelector(name));
    const rows = [...body.rows].map((row) => ({
      row, text: row.textContent.toLowerCase(), cells: [...row.cells].map((cell) => cell.textContent),
    }));
    const column = heads.findIndex((head) => head.dataset.outcome !== undefined);
    const words = [...new Set(rows.map((entry) => entry.cells[column]))].sort();
    outcome.append(...words.map((word) => new Option(word, word)));
    const template = output.textContent;
    const narrow = () => {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const entry of rows) {
        const fits = wanted.every((word) => entry.text.includes(word))
          && (!outcome.value || entry.cells[column] === outcome.value);
        entry.row.hidden = !fits;
        shown += fits;
      }
      output.textContent = template.replace(/^\S+/, shown.toLocaleString("en"));
    };
    form.addEventListener("input", narrow);
    form.addEventListener("submit", (event) => event.preventDefault());
    const order = new Intl.Collator("en", {numeric: true});
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const number = head.classList.contains("num");
      const key = (entry) => (number ? parseFloat(entry.cells[place].replaceAll(",", "")) || 0 : entry.cells[place]);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((a, b) => (number ? key(a) - key(b) : order.compare(key(a), key(b))) * (down ? -1 : 1));
        body.append(...rows.map((entry) => entry.row));
      });
    });
    form.hidden = false;
  }
})();
