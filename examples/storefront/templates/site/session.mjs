import { createClient } from './client.mjs';

const KEY = 'storefront.token';

/** The client of this browser, signed in if a token is kept. */
export function currentClient() {
  return createClient({ baseUrl: location.origin, token: () => sessionStorage.getItem(KEY) ?? undefined });
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

/** Fills a table's body with rows of text. */
export function fillRows(selector, rows) {
  const body = document.querySelector(selector);
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr');
      row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
      return row;
    }),
  );
}

export function showProblem(error) {
  document.querySelector('[role=alert]').textContent = error.message;
}
