import { createCart } from './cart.mjs';
import { currentClient, fillRows, showProblem } from './session.mjs';

async function show() {
  const { lines, totalCents, short } = await createCart(localStorage).priced(currentClient());
  fillRows(
    '#lines',
    lines.map(({ quantity, product }) => [
      product.title,
      String(quantity),
      (product.priceCents / 100).toFixed(2),
    ]),
  );
  document.querySelector('#total').textContent = (totalCents / 100).toFixed(2);
  if (short.length > 0) showProblem(new Error(`Not enough left of ${short[0].product.title}.`));
}

show().catch(showProblem);
