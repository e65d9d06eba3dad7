// The API key: asked for when the server wants it, and forgotten with the page.

import { useKey } from "./api.js";
import { byId } from "./dom.js";

/** Do `action`; where the server wants its key, ask for it and try again, until it is given up. */
export async function withKey(action) {
  for (let wrong = ""; ; wrong = "The server does not know this key.") {
    try {
      return await action();
    } catch (error) {
      if (error.status !== 401) throw error;
      const given = await askForKey(wrong);
      if (given === null) throw error;
      useKey(given);
    }
  }
}

/** Open the dialog; gives what was typed, or null. */
function askForKey(wrong) {
  const dialog = byId("key");
  const form = dialog.querySelector("form");
  form.reset();
  form.querySelector(".wrong").textContent = wrong;
  return new Promise((resolve) => {
    const ended = new AbortController();
    const end = (given) => {
      ended.abort();
      dialog.close();
      resolve(given);
    };
    const { signal } = ended;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      end(form.elements.key.value);
    }, { signal });
    form.querySelector("[value=cancel]").addEventListener("click", () => end(null), { signal });
    dialog.addEventListener("close", () => end(null), { signal });
    dialog.showModal();
  });
}
