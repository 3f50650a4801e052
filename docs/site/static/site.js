// Formulas, letters and folded steps. Everything works on files, without a network.
(function () {
  "use strict";

  const root = document.documentElement;
  const store = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private windows keep nothing */ } },
  };
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  // ---- typesetting: each formula once, in view first ----
  const set = new Map();
  let symbols = null; // of the notation shown: what each letter means

  function typeset(latex, displayMode) {
    const key = (displayMode ? "d" : "i") + latex;
    if (!set.has(key)) {
      const marked = symbols ? latex.replace(symbols.pattern, (found, letter) =>
        `\\htmlData{symbol=${symbols.index.get(letter)}}{${found}}`) : latex;
      const options = {
        displayMode, throwOnError: false, strict: "ignore",
        trust: (context) => context.command === "\\htmlData",
      };
      let html = katex.renderToString(marked, options);
      if (marked !== latex && html.includes("katex-error")) html = katex.renderToString(latex, options);
      set.set(key, html);
    }
    return set.get(key);
  }

  function show(node, latex) {
    node.innerHTML = typeset(latex, node.tagName === "DIV");
    node.classList.add("typeset");
  }

  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  function symbolTable(rows) {
    const index = new Map();
    rows.forEach(([forms], row) => forms.forEach((form) => { if (!index.has(form)) index.set(form, row); }));
    const longest = [...index.keys()].sort((a, b) => b.length - a.length).map(escaped);
    if (!longest.length) return null;
    // A power belongs to its letter, so that it stands above the index. A letter ends where neither a letter nor a script follows; what begins with a backslash is a whole command.
    return { rows, index, pattern: new RegExp(`(?<![\\\\A-Za-z{])(${longest.join("|")})(?![A-Za-z_])(?:\\^(?:\\\\[A-Za-z]+|\\{[^{}]*\\}|\\w))?`, "g") };
  }

  // ---- the letters of a notation ----
  const data = document.getElementById("backproof-letters");
  const tables = data ? JSON.parse(data.textContent) : null;
  const nodes = [...document.querySelectorAll("span.math, div.math")];
  nodes.forEach((node) => { node.latex = node.textContent; });
  let run = 0;

  // ---- pictures in the same letters: all but their style is exchanged ----
  const drawn = JSON.parse(document.getElementById("backproof-pictures")?.textContent || "{}");
  const pictures = [...document.querySelectorAll("[data-picture]")].map((node) => ({
    node, own: node.querySelector("svg"), style: node.querySelector("style"),
  }));

  function redraw(name) {
    for (const { node, own, style } of pictures) {
      const other = drawn[name]?.[node.dataset.picture];
      if (!other) { node.replaceChildren(own); continue; }
      const svg = new DOMParser().parseFromString(other, "image/svg+xml").documentElement;
      svg.prepend(style.cloneNode(true));
      node.replaceChildren(document.adoptNode(svg));
    }
  }

  function render(name) {
    const table = tables && (tables[name] || tables[""]);
    symbols = table ? symbolTable(table.symbols) : null;
    set.clear();
    redraw(name);
    const formulas = table ? table.formulas : {};
    const mine = ++run;
    root.dataset.formulas = "pending";
    const inView = (node) => { const { top } = node.getBoundingClientRect(); return top > -200 && top < innerHeight + 400; };
    const seen = nodes.filter(inView);
    const waiting = [...seen, ...nodes.filter((node) => !seen.includes(node))];
    let next = 0;
    (function some() {
      if (mine !== run) return;
      const until = performance.now() + 40;
      while (next < waiting.length && performance.now() < until) {
        const node = waiting[next++];
        show(node, formulas[node.latex] || node.latex);
      }
      if (next < waiting.length) setTimeout(some, 0);
      else {
        root.dataset.formulas = "done";
        if (location.hash && mine === 1) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
      }
    })();
  }

  // ---- the bar above a derivation ----
  const words = window.backproofWords || {};
  const say = (text) => words[text] || text;
  const title = document.querySelector("article h1");
  const steps = [...document.querySelectorAll("details.steps")];

  function bar() {
    const made = element("div", { className: "derivation-bar" });
    if (tables && Object.keys(tables).length > 1) {
      const choice = element("select", { id: "notation" });
      for (const [name, table] of Object.entries(tables)) choice.append(element("option", { value: name, textContent: say(table.title) }));
      const kept = store.get("backproof-notation") || "";
      choice.value = kept in tables ? kept : "";
      const remarks = element("p", { className: "remarks" });
      const told = () => {
        remarks.replaceChildren();
        for (const remark of tables[choice.value].remarks) {
          remark.split(/\$([^$]+)\$/).forEach((piece, place) => {
            const part = element("span", { textContent: piece });
            if (place % 2) part.innerHTML = katex.renderToString(piece, { throwOnError: false });
            remarks.append(part);
          });
          remarks.append(" ");
        }
      };
      choice.addEventListener("change", () => { store.set("backproof-notation", choice.value); render(choice.value); told(); });
      made.append(element("label", { htmlFor: "notation", textContent: say("Letters") + " " }), choice);
      told();
      made.remarks = remarks;
    }
    if (steps.length) {
      const open = (all) => steps.forEach((one) => { one.open = all; });
      const button = (text, all) => element("button", { type: "button", textContent: say(text), onclick: () => open(all) });
      made.append(button("Open every step", true), button("Close every step", false));
    }
    return made;
  }

  if (title && (tables || steps.length)) {
    const made = bar();
    title.after(made);
    if (made.remarks) made.after(made.remarks);
  }

  // ---- what a letter means: pointed at, or touched ----
  const tip = element("div", { id: "symbol-tip", role: "tooltip", hidden: true });
  document.body.append(tip);

  function explain(target) {
    const [, role, shape, code] = symbols.rows[Number(target.dataset.symbol)];
    tip.replaceChildren();
    const add = (text, className) => {
      const line = element("span", { className });
      text.split(/\$([^$]+)\$/).forEach((piece, place) => {
        const part = element("span", { textContent: piece });
        if (place % 2) part.innerHTML = katex.renderToString(piece, { throwOnError: false });
        line.append(part);
      });
      tip.append(line);
    };
    add(role, "role");
    if (shape) add(shape, "shape");
    if (code) tip.append(element("code", { textContent: code }));
    tip.hidden = false;
    const at = target.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left), innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${at.bottom + scrollY + 6}px`;
  }

  for (const event of ["pointerover", "click"]) {
    document.addEventListener(event, ({ target }) => {
      const letter = symbols && target.closest?.("[data-symbol]");
      if (letter) explain(letter); else tip.hidden = true;
    });
  }
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") tip.hidden = true; });

  // A link to a formula within folded steps opens them.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();

  render(tables ? store.get("backproof-notation") || "" : "");
})();
