// Pages work without this. It keeps them fresh, tells times as they pass, and copies commands.
"use strict";

const UNITS = [[86400000, "d"], [3600000, "h"], [60000, "min"], [1000, "s"]];

function told(ms) {
  const left = Math.abs(ms);
  const at = UNITS.findIndex(([size]) => left >= size);
  if (at < 0) return "now";
  const [size, unit] = UNITS[at];
  const whole = Math.floor(left / size);
  let words = `${whole} ${unit}`;
  if (at < 2) {
    const [below, small] = UNITS[at + 1];
    const rest = Math.floor((left % size) / below);
    if (rest) words += ` ${rest} ${small}`;
  }
  return ms >= 0 ? `in ${words}` : `${words} ago`;
}

function tick() {
  for (const each of document.querySelectorAll("time[data-until]")) {
    const text = told(Date.parse(each.dateTime) - Date.now());
    if (each.textContent !== text) each.textContent = text;
  }
}

function equip(scope) {
  for (const form of scope.querySelectorAll("form[method=post]")) {
    // A second click sends nothing: the first one is on its way.
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  for (const button of scope.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.closest(".command").querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

// Replaces the parts that changed, and leaves alone whatever somebody is about to use.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || bare(fresh) === bare(part) || isInUse(part)) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const address = focused && focused.getAttribute("href");
    part.replaceWith(fresh);
    equip(fresh);
    fresh.classList.add("fresh");
    if (address) {
      const again = [...fresh.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === address);
      if (again) again.focus();
    }
    if (fresh.hasAttribute("data-news")) {
      document.getElementById("news").textContent = fresh.textContent.replace(/\s+/g, " ").trim();
    }
  }
  if (page.title) document.title = page.title;
  tick();
}

// Forms that somebody fills in stay as they are; if they are out of date, the answer says so.
function isInUse(part) {
  if (!part.hasAttribute("data-careful")) return false;
  const fields = [...part.querySelectorAll("textarea, input")];
  return part.contains(document.activeElement) || fields.some((one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked);
}

// Times pass by themselves: what differs in nothing else has not changed. Nor do a form's own id,
// and what somebody has opened.
function bare(part) {
  const copy = part.cloneNode(true);
  for (const each of copy.querySelectorAll("input[name=event]")) each.removeAttribute("value");
  for (const each of copy.querySelectorAll("details")) each.removeAttribute("open");
  copy.classList.remove("fresh");
  if (!copy.getAttribute("class")) copy.removeAttribute("class");
  for (const each of copy.querySelectorAll("time[data-until]")) each.textContent = "";
  return copy.outerHTML;
}

function listen(topic) {
  let at = [];
  const source = new EventSource(`/events/${encodeURIComponent(topic)}`);
  source.addEventListener("changed", () => {
    for (const one of at) clearTimeout(one);
    // Once more: what the run tells Temporal of itself comes behind what the ledger knows.
    at = [60, 2500].map((ms) => setTimeout(() => refresh().catch(() => {}), ms));
  });
  addEventListener("pagehide", () => source.close());
}

equip(document);
tick();
setInterval(tick, 1000);
const topic = document.body.dataset.topic;
if (topic) listen(topic);
