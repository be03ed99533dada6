import { createSearch } from './search.mjs';

let search;

async function showResults(form) {
  search ??= createSearch(await (await fetch('search-index.json')).json());
  const found = search(new FormData(form).get('q'), 20);
  const items = found.map(({ sku, title }) => {
    const link = document.createElement('a');
    link.href = `product-${sku.split('-').slice(0, -3).join('-')}.html`;
    link.textContent = title;
    const item = document.createElement('li');
    item.append(link);
    return item;
  });
  document.querySelector('#results').replaceChildren(...items);
}

document.querySelector('#search').addEventListener('submit', (event) => {
  event.preventDefault();
  void showResults(event.target);
});
