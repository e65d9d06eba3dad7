// The form that adds an article: texts for a model that reads titles, else a vector or JSON.

import { addArticle, Problem } from "./api.js";
import { byId, tell } from "./dom.js";
import { withKey } from "./key.js";

/** Make the form live; `landed` gets the article that the server took, and the server's answer. */
export function startForm(landed) {
  const form = byId("new");
  form.querySelector("[type=submit]").disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      const article = read(form);
      const answer = await withKey(() => addArticle(article));
      tell(null);
      form.reset();
      await landed(article, answer);
    } catch (error) {
      tell(error);
    } finally {
      button.disabled = false;
    }
  });
  byId("draw").addEventListener("click", () => {
    const numbers = Array.from({ length: Number(form.dataset.width) }, normal);
    form.elements.vector.value = JSON.stringify(numbers);
  });
}

/** Show the fields that this model reads. */
export function fitForm(model) {
  const form = byId("new");
  const columns = model.manifest.data.text_columns;
  for (const label of form.querySelectorAll("[data-column]")) {
    label.hidden = !(model.reads_titles && columns.includes(label.dataset.column));
  }
  form.querySelector("[data-vector]").hidden = model.reads_titles;
  form.dataset.width = model.manifest.model.document_vector_size ?? 0;
  form.querySelector("[data-width]").textContent = form.dataset.width;
  form.dataset.integers = model.integer_ids;
}

/** Read the form as an article, with a new id unless JSON gives one. */
function read(form) {
  const { title, subtitle, body, category, vector } = form.elements;
  const article = { article_id: newId(form.dataset.integers === "true") };
  for (const field of [title, subtitle, body, category]) {
    if (field.value.trim() && !field.closest("[hidden]")) article[field.name] = field.value.trim();
  }
  const text = vector.value.trim();
  if (!text || vector.closest("[hidden]")) return article;
  let given;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new Problem(0, `Vector: no JSON: ${error.message}`);
  }
  return Array.isArray(given) ? { ...article, vector: given } : { ...article, ...given };
}

function newId(isInteger) {
  const now = Date.now();
  return isInteger ? now : `new-${now.toString(36)}`;
}

/** A normally distributed number, by Box and Muller. */
function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return Number((radius * Math.cos(2 * Math.PI * Math.random())).toFixed(4));
}
