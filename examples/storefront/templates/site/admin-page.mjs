import { loadShortages, restock } from './admin.mjs';
import { currentClient, fillRows, showProblem } from './session.mjs';

async function show() {
  const { short } = await loadShortages(currentClient(), 25);
  fillRows(
    '#shortages',
    short.map(({ sku, available, reserved }) => [sku, String(available), String(reserved)]),
  );
}

async function save(form) {
  const { sku, price, onHand } = Object.fromEntries(new FormData(form));
  try {
    await restock(currentClient(), {
      sku,
      priceCents: Math.round(Number(price) * 100),
      onHand: Number(onHand),
    });
    await show();
  } catch (error) {
    showProblem(error);
  }
}

document.querySelector('#restock').addEventListener('submit', (event) => {
  event.preventDefault();
  void save(event.target);
});

show().catch(showProblem);
