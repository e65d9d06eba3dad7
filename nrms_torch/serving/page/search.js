// The search box: articles by title or id, each a button that adds a click.

import { findArticles } from "./api.js";
import { byId, chip, make, tell, titleOf } from "./dom.js";

const SHOWN = 8;
const PAUSE_MS = 150;

/** Make the search box live; `add` gets the article that is chosen. */
export function startSearch(add) {
  const input = byId("search");
  const list = byId("found");
  const box = input.parentElement;
  let timer = 0;
  let asked = 0;
  let isWaiting = false; // the list is not that of the text yet

  function show(children) {
    list.replaceChildren(...children);
    list.hidden = !children.length;
  }

  function close() {
    clearTimeout(timer);
    asked += 1;
    isWaiting = false;
    show([]);
  }

  function choose(article) {
    add(article);
    input.value = "";
    close();
    input.focus();
  }

  async function search() {
    clearTimeout(timer);
    const mine = (asked += 1);
    try {
      const found = await findArticles(input.value.trim(), SHOWN);
      if (mine !== asked) return;
      isWaiting = false;
      const items = found.slice(0, SHOWN).map((article) => item(article, choose));
      show(items.length ? items : [make("li", { class: "quiet none" }, "Nothing found.")]);
      tell(null);
    } catch (error) {
      if (mine === asked) tell(error);
    }
  }

  /** Choose the first article that the text finds, which may have to be asked for. */
  async function chooseFirst() {
    if (isWaiting) await search();
    if (!isWaiting) list.querySelector("button")?.click();
  }

  function searchSoon() {
    isWaiting = true;
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  }

  input.addEventListener("input", searchSoon);
  if (input.value) searchSoon(); // typed before the page was live
  input.addEventListener("click", () => list.hidden && search());
  box.addEventListener("focusout", (event) => {
    if (!box.contains(event.relatedTarget)) close();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // Chromium would empty the box, and so search and open the list again
      close();
      input.focus();
    } else if (event.key === "Enter" && event.target === input) {
      chooseFirst();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      else move(event.key === "ArrowDown" ? 1 : -1);
    }
  });

  function move(step) {
    const stops = [input, ...list.querySelectorAll("button")];
    const next = stops.indexOf(document.activeElement) + step;
    stops[Math.min(Math.max(next, 0), stops.length - 1)].focus();
  }
}

function item(article, choose) {
  const button = make(
    "button",
    // Safari gives a clicked button no focus: the box would close before the click.
    { type: "button", onmousedown: (event) => event.preventDefault(), onclick: () => choose(article) },
    make("span", { class: "title" }, titleOf(article)),
    chip(article.category),
  );
  return make("li", {}, button);
}
