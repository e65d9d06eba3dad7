// Sample readers of the bundle, and the history that is made of clicks.

import { byId, chip, count, hideKeepingFocus, make, replaceKeepingFocus, titleOf } from "./dom.js";

/** Show a button for each reader, by what they read most; `choose` gets the reader's number. */
export function showReaders(readers, chosen, choose) {
  const buttons = readers.map((reader, number) =>
    make(
      "button",
      {
        type: "button",
        class: "pill",
        "aria-pressed": String(number === chosen),
        title: count(reader.history.length, "click"),
        onclick: () => choose(number),
      },
      make("b", {}, String(number + 1)),
      ` ${favourite(reader.history)}`,
    ),
  );
  replaceKeepingFocus(byId("readers"), buttons);
}

/** List clicks, the newest first; `remove` gets a click's place in the history. */
export function showHistory(history, size, remove) {
  const items = history.map((article, place) =>
    make(
      "li",
      { class: place < history.length - size ? "unread" : null },
      make("span", { class: "title" }, titleOf(article)),
      chip(article.category),
      make(
        "button",
        {
          type: "button",
          class: "remove",
          "aria-label": `Remove ${titleOf(article)}`,
          onclick: () => remove(place),
        },
        "×",
      ),
    ),
  );
  replaceKeepingFocus(byId("history"), items.reverse());
  hideKeepingFocus(byId("clear"), !history.length);
  byId("history-note").textContent = !history.length
    ? "No clicks: what the model shows to a reader it knows nothing of."
    : history.length > size
      ? `Newest first. The model reads the last ${size}.`
      : "Newest first.";
}

/** The category that most clicks are of; of equals the one read last. */
function favourite(history) {
  const clicks = new Map();
  for (const { category } of history) clicks.set(category, (clicks.get(category) ?? 0) + 1);
  clicks.delete("");
  let best = "";
  for (const [category, number] of clicks) if (number >= (clicks.get(best) ?? 0)) best = category;
  return best || count(history.length, "click");
}
