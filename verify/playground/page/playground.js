// The page asks the server on this computer; what it inserts as HTML was made and escaped there.
"use strict";

const token = new URLSearchParams(location.search).get("token");
const header = document.documentElement.dataset.header;
const by = (id) => document.getElementById(id);
const running = new Map();

// One question of a kind at a time: a newer one takes the place of the older.
async function ask(action, asked, kind = action) {
  running.get(kind)?.abort();
  const control = new AbortController();
  running.set(kind, control);
  const response = await fetch("ask/" + action, {
    method: "POST",
    headers: { "Content-Type": "application/json", [header]: token },
    body: JSON.stringify(asked),
    signal: control.signal,
  });
  return response.json();
}

function said(answer) {
  const place = answer.place ? ` (line ${answer.place.line}, column ${answer.place.column})` : "";
  const paragraph = document.createElement("p");
  paragraph.className = "problem";
  paragraph.textContent = answer.error + place + (answer.hint ? ". " + answer.hint : "");
  return paragraph;
}

async function show(where, action, asked, kind = action) {
  where.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(action, asked, kind);
    if (answer.error) where.replaceChildren(said(answer));
    else where.innerHTML = answer.html;
    where.removeAttribute("aria-busy");
    return answer;
  } catch (error) {
    if (error.name === "AbortError") return null;
    where.removeAttribute("aria-busy");
    where.replaceChildren(said({ error: "the server does not answer: is `backproof serve` still running?" }));
    return null;
  }
}

// The name of a cell as long as its equations are as they came, else the text.
let untouched = "";
function cell() {
  const text = by("equations").value;
  return by("known").value && text === untouched ? { cell: by("known").value } : { equations: text };
}

function later(delay, work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, delay);
  };
}

function typeset(id) {
  return show(by(id + "-typeset"), "typeset", { text: by(id).value }, "typeset " + id);
}

async function read() {
  const answer = await show(by("reading"), "read", cell());
  if (answer) by("equations").setAttribute("aria-invalid", String(Boolean(answer.error)));
  document.querySelectorAll("details[data-ask]").forEach((one) => {
    one.dataset.fresh = "";
    if (one.open) unfold(one);
  });
}

async function check() {
  const answer = await show(by("verdict"), "check", { ...cell(), formula: by("formula").value, assume: by("assume").value });
  if (answer) by("verdict").querySelector("article, .problem")?.scrollIntoView({ block: "nearest" });
}

async function unfold(details) {
  if (!details.open || details.dataset.fresh) return;
  details.dataset.fresh = "yes";
  const where = details.querySelector(".answer");
  if (details.dataset.ask !== "code") {
    await show(where, details.dataset.ask, cell());
    return;
  }
  where.setAttribute("aria-busy", "true");
  try {
    const answer = await ask("code", { ...cell(), target: by("target").value });
    const code = document.createElement("pre");
    code.tabIndex = 0;
    code.textContent = answer.code ?? "";
    where.replaceChildren(answer.error ? said(answer) : code);
  } catch (error) {
    if (error.name !== "AbortError") where.replaceChildren(said({ error: "the server does not answer" }));
  }
  where.removeAttribute("aria-busy");
}

async function start() {
  const name = by("known").value;
  if (name) {
    const answer = await ask("cell", { cell: name });
    by("equations").value = untouched = answer.equations;
  }
  await Promise.all([typeset("equations"), read()]);
}

by("known").addEventListener("change", start);
by("equations").addEventListener("input", () => {
  if (by("equations").value !== untouched) by("known").value = "";
});
by("equations").addEventListener("input", later(250, () => typeset("equations")));
by("equations").addEventListener("input", later(700, read));
by("formula").addEventListener("input", later(250, () => typeset("formula")));
by("check").addEventListener("click", check);
for (const id of ["formula", "equations", "assume"]) {
  by(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      check();
    }
  });
}
by("target").addEventListener("change", () => {
  const details = by("target").closest("details");
  details.dataset.fresh = "";
  unfold(details);
});
by("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(document.querySelector("details[data-ask=code] pre")?.textContent ?? "");
  by("copied").textContent = "copied";
  setTimeout(() => (by("copied").textContent = ""), 2000);
});
document.querySelectorAll("details[data-ask]").forEach((one) => one.addEventListener("toggle", () => unfold(one)));
start();
typeset("formula");
