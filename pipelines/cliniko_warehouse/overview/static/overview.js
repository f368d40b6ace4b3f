// The overview in the browser: charts are drawn, filters change the page without loading it
// anew, and the next night is followed. Without it, forms and links work as they are.

const main = () => document.querySelector("main");

// What draws charts takes a moment to begin: the numbers are painted before.
const painted = new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
const embed = painted
  .then(() => import(document.getElementById("vega").href))
  .then(() => window.vegaEmbed);

const OPTIONS = {
  renderer: "svg", // only there can a colour be one of the page's, which follow its theme
  actions: false,
  ast: true, // nothing is evaluated: the page forbids it
  theme: null,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true, id: "clinic-tip" },
};

const FORMS = ".clinic-filters, .clinic-order"; // those that change the page
const PAPER = 800; // pixels: a chart of paper, so that its words stay large enough to be read
let charts = []; // those that are drawn

async function draw() {
  const draw = await embed;
  charts = charts.filter((one) => one.container().isConnected);
  for (const place of document.querySelectorAll(".clinic-chart")) {
    const script = place.querySelector("script");
    if (!script || place.dataset.drawn) continue;
    place.dataset.drawn = "yes";
    const inside = document.createElement("div");
    inside.setAttribute("aria-hidden", "true"); // the table below it is read instead
    place.append(inside);
    charts.push((await draw(inside, JSON.parse(script.textContent), OPTIONS)).view);
  }
  performance.mark("drawn");
  document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
}

let asked = 0; // of several answers, only that of the last question is shown

async function show(address, remember = true) {
  const number = ++asked;
  performance.mark("asked");
  main().setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  const text = await answer.text();
  if (number !== asked) return;
  if (!answer.ok) return location.assign(address);
  const page = new DOMParser().parseFromString(text, "text/html");
  const open = [...document.querySelectorAll("details[open] > summary")].map(label);
  const at = document.activeElement;
  const focus = at && at.name ? `[name="${at.name}"]${at.type === "checkbox" ? `[value="${at.value}"]` : ""}` : "";
  if (remember) history.pushState(null, "", answer.url);
  document.title = page.title;
  for (const part of ["header", "main", "footer"]) {
    document.querySelector(part)?.replaceWith(page.querySelector(part) ?? "");
  }
  document.body.dataset.night = page.body.dataset.night;
  for (const summary of document.querySelectorAll("details > summary")) {
    if (open.includes(label(summary))) summary.parentElement.open = true;
  }
  const again = focus && document.querySelector(`form ${focus}:not([type="hidden"])`);
  if (again) again.focus();
  else window.scrollTo(0, 0);
  document.getElementById("said").textContent = `${document.title} is shown`;
  performance.mark("shown");
  await draw();
}

const label = (summary) => summary.textContent.split(":")[0];

function address(form) {
  const fields = new FormData(form);
  if (fields.get("period") !== "custom") ["from", "to"].forEach((name) => fields.delete(name));
  return `${location.pathname}?${new URLSearchParams(fields)}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-soft]");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  if (link && plain) {
    event.preventDefault();
    show(link.href);
  } else if (!event.target.closest?.(".clinic-choice")) {
    document.querySelectorAll(".clinic-choice[open]").forEach((one) => (one.open = false));
  }
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && event.target.closest?.(".clinic-choice[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.closest?.(FORMS);
  if (!form) return;
  const period = form.elements.period;
  if (event.target.type === "date") period.value = "custom";
  if (event.target === period && period.value === "custom") return form.elements.from.focus();
  show(address(form));
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches(FORMS)) return;
  event.preventDefault();
  show(address(event.target));
});

window.addEventListener("popstate", () => show(location.href, false));

async function follow() {
  const answer = await fetch("/night").catch(() => null);
  if (!answer?.ok) return;
  const { night } = await answer.json();
  if (night !== document.body.dataset.night) await show(location.href, false);
}

window.addEventListener("beforeprint", () => charts.forEach((one) => one.width(PAPER).run()));
window.addEventListener("afterprint", () => window.dispatchEvent(new Event("resize")));

setInterval(follow, 60_000);
document.addEventListener("visibilitychange", () => document.hidden || follow());
window.addEventListener("focus", follow);

document.documentElement.classList.add("scripted");
draw();
